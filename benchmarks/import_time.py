"""How long ``import labkit`` takes over a bare interpreter, beside the libraries it stands on.

Each figure is the median over whole processes, from start to exit. The statements take turns, so
that a busy moment of the machine falls on all of them.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from reporting import parse_flags, print_json, print_table

PEERS = ("websockets", "tornado")
ROUNDS, QUICK_ROUNDS = 41, 11


def run_ms(statement: str) -> float:
    """Return how long an interpreter takes to start, run ``statement`` and exit."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return (time.perf_counter() - start) * 1000


def medians(statements: Sequence[str], rounds: int) -> dict[str, float]:
    """Return the median of ``rounds`` runs of each statement. One more warms the caches."""
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for count in range(rounds + 1):
        for statement, runs in times.items():
            elapsed = run_ms(statement)
            if count:
                runs.append(elapsed)
    return {statement: statistics.median(runs) for statement, runs in times.items()}


def figures(measured: Mapping[str, float], missing: Sequence[str]) -> dict[str, float | str | None]:
    """Return the flat figures. A ratio compares what each import adds to a bare interpreter."""
    bare, labkit = measured["pass"], measured["import labkit"]
    flat: dict[str, float | str | None] = {
        "bare_ms": bare,
        "import_labkit_ms": labkit,
        "over_bare_ms": labkit - bare,
    }
    for peer in PEERS:
        whole = measured.get(f"import {peer}")
        flat[f"import_{peer}_ms"] = whole
        # A peer that costs nothing measurable has no ratio worth giving.
        added = whole - bare if whole is not None else 0.0
        flat[f"ratio_to_import_{peer}"] = (labkit - bare) / added if added > 0 else None
    flat["missing_peers"] = " ".join(missing)
    return flat


def main() -> None:
    """Measure, then print."""
    flags = parse_flags(__doc__)
    missing = [peer for peer in PEERS if importlib.util.find_spec(peer) is None]
    imports = [f"import {name}" for name in ("labkit", *PEERS) if name not in missing]
    rounds = QUICK_ROUNDS if flags.quick else ROUNDS
    measured = medians(["pass", *imports], rounds)
    if flags.json:
        print_json(figures(measured, missing))
        return
    bare = measured["pass"]
    ours = measured["import labkit"] - bare
    rows = [
        (statement, f"{whole:.1f}", f"{whole - bare:.1f}", _ratio(ours, whole - bare))
        for statement, whole in measured.items()
    ]
    rows += [(f"import {peer}", "not installed", "", "") for peer in missing]
    columns = ("statement", "process, ms", "over bare, ms", "labkit against it")
    python = sys.version.partition(" ")[0]
    print_table(columns, rows, note=f"Medians of {rounds} processes each. Python {python}.")


def _ratio(ours: float, theirs: float) -> str:
    return f"× {ours / theirs:.2f}" if theirs > 0 else ""


if __name__ == "__main__":
    main()

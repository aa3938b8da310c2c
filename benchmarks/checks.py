"""How long a check takes in a warm kernel, for every right and wrong answer of every exercise.

Each answer is a cell of a real kernel. The time is what ``check`` takes inside it; beside it, in
the same kernel and the same run, what the kernel takes to answer an empty cell.
"""

from __future__ import annotations

import ast
import asyncio
import runpy
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import start_new_async_kernel
from reporting import parse_flags, print_json, print_table

ANSWERS = Path(__file__).parents[1] / "tests" / "checks" / "answers"
ROUNDS, QUICK_ROUNDS = 5, 1
#: An answer that computes without end costs its deadline, by design: it is counted by itself.
DEADLINE_MS = 2000
#: What the verdict says of an answer that is waited for in vain; that time is virtual.
NEVER_REPLIES = "it waits"

TIMED = """
import contextlib, io, time
from labkit import check
{source}
with contextlib.redirect_stdout(io.StringIO()) as verdict:
    started = time.perf_counter()
    check({id!r}, {symbol})
    elapsed_ms = (time.perf_counter() - started) * 1000
"""


class Timed(NamedTuple):
    """How long the checks of one answer took, and whether it never replied."""

    ms: float
    is_silent: bool


def answers() -> Iterator[tuple[str, str, str]]:
    """Yield (exercise, "right: …" or "wrong: …", source) for every answer of the corpus."""
    for path in sorted(ANSWERS.glob("lesson*.py")):
        corpus = runpy.run_path(str(path))
        for id, named in corpus["RIGHT"].items():
            yield from ((id, f"right: {name}", source) for name, source in named.items())
        for id, named in corpus["WRONG"].items():
            yield from ((id, f"wrong: {name}", source) for name, (source, _) in named.items())


async def run(client: AsyncKernelClient, code: str, expression: str = "0") -> tuple[float, str]:
    """Run a cell; return its round trip in ms and what ``expression`` is after it."""
    started = time.perf_counter()
    reply = await client.execute_interactive(
        code,
        user_expressions={"value": expression},
        output_hook=lambda message: None,
        timeout=60,
    )
    elapsed_ms = (time.perf_counter() - started) * 1000
    return elapsed_ms, reply["content"]["user_expressions"]["value"]["data"]["text/plain"]


async def measure(rounds: int) -> tuple[dict[tuple[str, str], Timed], float]:
    """Return what each answer took, and the median of an empty cell's round trips."""
    from labkit.checks.registry import find

    manager, client = await start_new_async_kernel()
    try:
        empty = [(await run(client, "pass"))[0] for _ in range(20)]
        times: dict[tuple[str, str], Timed] = {}
        for id, name, source in answers():
            code = TIMED.format(source=source, id=id, symbol=find(id).symbol)
            what = f"elapsed_ms, {NEVER_REPLIES!r} in verdict.getvalue()"
            took = [ast.literal_eval((await run(client, code, what))[1]) for _ in range(rounds)]
            ms = statistics.median(elapsed_ms for elapsed_ms, _ in took)
            times[id, name] = Timed(ms, is_silent=took[0][1])
        return times, statistics.median(empty)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


def main() -> None:
    """Measure, then print."""
    flags = parse_flags(__doc__)
    times, empty_ms = asyncio.run(measure(QUICK_ROUNDS if flags.quick else ROUNDS))
    stalled = {key: timed.ms for key, timed in times.items() if timed.ms >= DEADLINE_MS}
    silent = {key: timed.ms for key, timed in times.items() if timed.is_silent}
    timely = {key: timed.ms for key, timed in times.items() if key not in stalled}
    slowest = sorted(timely.items(), key=lambda item: -item[1])
    slowest_silent = max(silent.items(), key=lambda item: item[1])
    median_ms = statistics.median(timely.values())
    if flags.json:
        print_json(
            {
                "answers": len(times),
                "median_ms": median_ms,
                "slowest_ms": slowest[0][1],
                "answers_that_never_reply": len(silent),
                "slowest_never_replies_ms": slowest_silent[1],
                "answers_that_stall": len(stalled),
                "slowest_stall_ms": max(stalled.values(), default=None),
                "empty_cell_ms": empty_ms,
                "ratio_to_empty_cell": median_ms / empty_ms,
            }
        )
        return
    rows = [(f"{id}  {name}", f"{ms:.1f}") for (id, name), ms in slowest[:5]]
    rows += [("median of all that return", f"{median_ms:.1f}")]
    (id, name), ms = slowest_silent
    rows += [(f"{id}  {name}: the slowest that never replies", f"{ms:.1f}")]
    rows += [("a kernel's round trip for an empty cell", f"{empty_ms:.1f}")]
    rows += [(f"{id}  {name}: stalls", f"{ms:.1f}") for (id, name), ms in stalled.items()]
    note = f"{len(times)} answers. The first check of a kernel also imports the lesson's checks."
    print_table(("check", "ms"), rows, note=note)


if __name__ == "__main__":
    main()

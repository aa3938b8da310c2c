from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "simnet.py"


def test_json_is_one_flat_object_of_figures() -> None:
    output = subprocess.run(
        [sys.executable, BENCHMARK, "--quick", "--json"], capture_output=True, check=True
    ).stdout
    figures = json.loads(output)
    assert {"echo_ratio_to_loopback", "backoff_judged_ms"} <= figures.keys()
    assert {"herd_10000_wall_s", "herd_10000_rss_mb"} <= figures.keys()
    assert all(isinstance(figure, float | int | None) for figure in figures.values())
    assert figures["herd_back"] == figures["herd_clients"] == 1000

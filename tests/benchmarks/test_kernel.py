from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "kernel.py"


def test_json_is_one_flat_object_of_figures() -> None:
    output = subprocess.run(
        [sys.executable, BENCHMARK, "--quick", "--json"], capture_output=True, check=True
    ).stdout
    figures = json.loads(output)
    assert {"load_ms", "kernel_start_ms", "ratio_to_import_websockets"} <= figures.keys()
    assert {"echo_per_s", "echo_without_per_s", "echo_ratio"} <= figures.keys()
    assert all(isinstance(figure, float | int | None) for figure in figures.values())
    assert figures["interrupts_with"] == 18
    assert {"interrupts_with_within_1_s", "interrupts_without_within_1_s"} <= figures.keys()

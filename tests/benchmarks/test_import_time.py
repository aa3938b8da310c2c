from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "import_time.py"


def test_json_is_one_flat_object_of_figures() -> None:
    output = subprocess.run(
        [sys.executable, BENCHMARK, "--quick", "--json"], capture_output=True, check=True
    ).stdout
    figures = json.loads(output)
    assert {"import_labkit_ms", "bare_ms", "over_bare_ms"} <= figures.keys()
    assert {"ratio_to_import_websockets", "ratio_to_import_tornado"} <= figures.keys()
    assert all(isinstance(figure, float | str | None) for figure in figures.values())
    assert figures["missing_peers"] == ""

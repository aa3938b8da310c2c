"""nbval on a learner's notebook: red as it is handed out, green once every answer is right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
EXERCISES = sorted((ROOT / "exercises").glob("*.ipynb"))

pytestmark = pytest.mark.needs("nbval")


def nbval_lax(notebook: nbformat.NotebookNode, folder: Path) -> tuple[int, set[str]]:
    """Return pytest's exit code, and the ids of the cells that are red."""
    path = folder / "exercises.ipynb"
    nbformat.write(notebook, path)
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-cell-timeout=60", path.name]
    report = folder / "report.xml"
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--junit-xml={report}"],
        cwd=folder,
        env={**os.environ, "IPYTHONDIR": str(folder)},
        capture_output=True,
    )
    code_cells = [cell.id for cell in notebook.cells if cell.cell_type == "code"]
    results = ElementTree.parse(report).iter("testcase")
    red = {id for id, result in zip(code_cells, results, strict=True) if len(result)}
    return done.returncode, red


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_every_check_is_red_as_handed_out_and_green_with_the_solutions_answers(
    path: Path, tmp_path: Path
) -> None:
    notebook = nbformat.read(path, as_version=4)
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    checks = {cell.id for cell in code_cells if cell.id.startswith("check-")}
    assert nbval_lax(notebook, tmp_path) == (1, checks)

    solved = nbformat.read(ROOT / "solutions" / path.name, as_version=4)
    answers = {cell.id: cell.source for cell in solved.cells if cell.id.startswith("ex-")}
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    assert nbval_lax(notebook, tmp_path) == (0, set())

"""A lesson's solutions in nbgrader's own hands: from its source folder to its gradebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labkit.checks.registry import exercises

pytestmark = pytest.mark.needs("nbgrader")

SOLUTION = Path(__file__).parents[2] / "solutions" / "01_protocol.ipynb"
NAME = SOLUTION.name
HALF_RIGHT = "def apply_mask(data, key):\n    return bytes(a ^ b for a, b in zip(data, key))"


def nbgrader(folder: Path, *arguments: str) -> None:
    """Run an nbgrader command in ``folder``, with nothing of this machine's own settings."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"HOME": str(folder), "JUPYTER_CONFIG_DIR": str(folder), "PATH": programs}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def hand_in(folder: Path, student: str, notebook: dict[str, Any]) -> None:
    place = folder / "submitted" / student / "ps1"
    place.mkdir(parents=True)
    (place / NAME).write_text(json.dumps(notebook), "utf-8")


def with_answer(notebook: dict[str, Any], id: str, source: str) -> dict[str, Any]:
    cells = [cell | {"source": source} if cell["id"] == id else cell for cell in notebook["cells"]]
    assert cells != notebook["cells"]
    return notebook | {"cells": cells}


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of nbgrader's in which the assignment was generated from the solutions."""
    folder = tmp_path_factory.mktemp("nbgrader")
    source = folder / "source" / "ps1"
    source.mkdir(parents=True)
    (source / NAME).write_bytes(SOLUTION.read_bytes())
    nbgrader(folder, "generate_assignment", "ps1", "--create")
    return folder


@pytest.fixture(scope="module")
def scores(handed_out: Path) -> dict[str, dict[str, float]]:
    """What each student got for each check cell, out of nbgrader's gradebook."""
    from nbgrader.api import Gradebook

    solution = json.loads(SOLUTION.read_bytes())
    stub = json.loads((handed_out / "release" / "ps1" / NAME).read_bytes())
    hand_in(handed_out, "alice", solution)
    hand_in(handed_out, "bob", stub)
    hand_in(handed_out, "carol", with_answer(stub, "ex-01-3", HALF_RIGHT))
    nbgrader(handed_out, "autograde", "ps1", "--create")
    with Gradebook(f"sqlite:///{handed_out / 'gradebook.db'}") as gradebook:
        return {
            student: {
                grade.name: grade.score
                for notebook in gradebook.find_submission("ps1", student).notebooks
                for grade in notebook.grades
            }
            for student in ("alice", "bob", "carol")
        }


def test_the_assignment_that_nbgrader_generates_holds_no_solution(handed_out: Path) -> None:
    release = (handed_out / "release" / "ps1" / NAME).read_text("utf-8")
    assert "SOLUTION" not in release
    assert release.count("raise NotImplementedError()") >= len(exercises("01"))


def test_the_solution_gets_full_marks(scores: dict[str, dict[str, float]]) -> None:
    expected = {f"check-01-{one.id[3:]}": one.points for one in exercises("01").values()}
    assert scores["alice"] == expected


def test_the_stub_gets_nothing(scores: dict[str, dict[str, float]]) -> None:
    assert set(scores["bob"].values()) == {0.0}
    assert scores["bob"].keys() == scores["alice"].keys()


def test_an_answer_that_is_partly_right_gets_a_part(scores: dict[str, dict[str, float]]) -> None:
    assert 0 < scores["carol"].pop("check-01-3") < exercises("01")["01.3"].points
    assert set(scores["carol"].values()) == {0.0}

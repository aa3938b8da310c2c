"""labkit.course.restore: one cell is the stub again, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.course.restore import restore
from labkit.errors import CourseError

MANIFEST = """
title = "A course"
[[lesson]]
slug = "01_protocol"
title = "The protocol"
question = "What?"
minutes = 40
exercises = ["01.1", "01.2"]
"""
SOLVED = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
STUB = 'def double(x):\n    raise NotImplementedError("exercise 01.1")'
MINE = "def double(x):\n    return x + x"


def _cell(source: Any, id: str | None = None, **more: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], **more}
    return cell | ({"id": id} if id else {})


def _write(path: Path, *cells: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document))


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "course").mkdir()
    (tmp_path / "course/course.toml").write_text(MANIFEST)
    _write(tmp_path / "solutions/01_protocol.ipynb", _cell(SOLVED, "ex-01-1"))
    return tmp_path


def _learner(course: Path, *cells: dict[str, Any]) -> Path:
    path = course / "exercises/01_protocol.ipynb"
    _write(path, *cells)
    return path


def _sources(path: Path) -> list[str]:
    cells = json.loads(path.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells]


def test_the_cell_is_found_by_its_id(course: Path) -> None:
    path = _learner(course, _cell("x = 1", "a"), _cell("whatever", "ex-01-1"), _cell(MINE, "b"))
    assert restore(course, "01.1", "double").notebook == path
    assert _sources(path) == ["x = 1", STUB, MINE]


def test_a_cell_that_lost_its_id_is_found_by_the_answer(course: Path) -> None:
    path = _learner(course, _cell("x = 1"), _cell(MINE))
    restore(course, "01.1", "double")
    assert _sources(path) == ["x = 1", STUB]


def test_text_that_shows_the_answers_first_line_is_left_alone(course: Path) -> None:
    text = f"Write this:\n```python\n{MINE}\n```"
    path = _learner(course, _cell(text, cell_type="markdown"), _cell(MINE))
    restore(course, "01.1", "double")
    assert _sources(path) == [text, STUB]


def test_a_deleted_cell_comes_back_at_the_end(course: Path) -> None:
    path = _learner(course, _cell("x = 1"))
    restore(course, "01.1", "double")
    assert _sources(path) == ["x = 1", STUB]


def test_old_outputs_go_and_the_rest_of_the_cell_stays(course: Path) -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": "6"}
    cell = _cell([MINE], "ex-01-1", outputs=[stream], execution_count=7, metadata={"tags": ["t"]})
    path = _learner(course, cell)
    restore(course, "01.1", "double")
    (restored,) = json.loads(path.read_text())["cells"]
    assert restored["outputs"] == []
    assert restored["execution_count"] is None
    assert restored["metadata"] == {"tags": ["t"]}
    assert restored["source"] == STUB.splitlines(keepends=True)


def test_a_cell_that_was_made_text_is_code_again(course: Path) -> None:
    path = _learner(course, _cell(MINE, "ex-01-1", cell_type="markdown"))
    restore(course, "01.1", "double")
    assert json.loads(path.read_text())["cells"][0]["cell_type"] == "code"


def test_the_notebook_as_it_was_is_kept_every_time(course: Path) -> None:
    path = _learner(course, _cell(MINE, "ex-01-1"))
    before = path.read_bytes()
    first = restore(course, "01.1", "double").backup
    second = restore(course, "01.1", "double").backup
    assert first.read_bytes() == before
    assert second != first
    assert first.parent == course / ".labkit/backup"


def test_no_solution_comes_with_the_stub(course: Path) -> None:
    path = _learner(course, _cell("x = 1"))
    restore(course, "01.1", "double")
    assert "2 * x" not in path.read_text()


@pytest.mark.parametrize(
    ("exercise", "solutions", "learners", "sentence"),
    [
        ("09.1", None, None, "the course lists no exercise 09.1"),
        ("01.2", None, None, r"solutions/01_protocol.ipynb has no cell ex-01-2 to make the stub"),
        ("01.1", None, "{", r"exercises/01_protocol.ipynb is not JSON .* nothing was changed"),
        ("01.1", None, "[]", r"exercises/01_protocol.ipynb is not a notebook"),
        ("01.1", "{", None, r"solutions/01_protocol.ipynb is not JSON"),
    ],
)
def test_a_course_with_something_missing_is_left_as_it_is(
    course: Path, exercise: str, solutions: str | None, learners: str | None, sentence: str
) -> None:
    path = _learner(course, _cell(MINE, "ex-01-1"))
    if learners is not None:
        path.write_text(learners)
    if solutions is not None:
        (course / "solutions/01_protocol.ipynb").write_text(solutions)
    before = path.read_bytes()
    with pytest.raises(CourseError, match=sentence):
        restore(course, exercise, "double")
    assert path.read_bytes() == before


def test_a_missing_notebook_is_named(course: Path) -> None:
    with pytest.raises(CourseError, match=r"exercises/01_protocol.ipynb cannot be read: No such"):
        restore(course, "01.1", "double")

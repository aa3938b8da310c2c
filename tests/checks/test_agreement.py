"""Every known answer gets the same verdict in a notebook and in the grader, and the right one."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from labkit.checks.notebook import check
from labkit.checks.registry import Exercise, exercises, find
from labkit.grading.judge import judge_notebook
from labkit.grading.notebook import Notebook
from labkit.grading.pipe import Cell

ANSWERS = Path(__file__).parent / "answers"
STUBS = Path(__file__).parents[2] / "exercises"


def _answers(lesson: str) -> ModuleType:
    path = ANSWERS / f"lesson{lesson}.py"
    spec = importlib.util.spec_from_file_location(f"answers_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LESSONS = {path.stem[6:]: _answers(path.stem[6:]) for path in sorted(ANSWERS.glob("lesson*.py"))}
RIGHT = {id: kinds for answers in LESSONS.values() for id, kinds in answers.RIGHT.items()}
WRONG = {id: kinds for answers in LESSONS.values() for id, kinds in answers.WRONG.items()}


def _each(kinds: dict[str, dict[str, object]]) -> list[object]:
    return [
        pytest.param(id, answer, id=f"{id} {description}")
        for id, answers in kinds.items()
        for description, answer in answers.items()
    ]


def _stub(exercise: Exercise) -> str:
    (path,) = STUBS.glob(f"{exercise.lesson}_*.ipynb")
    wanted = f"ex-{exercise.id.replace('.', '-')}"
    (cell,) = (each for each in json.loads(path.read_bytes())["cells"] if each["id"] == wanted)
    return "".join(cell["source"])


@pytest.fixture
def cell(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """A module that stands for a notebook, whose one cell is the answer."""
    module = ModuleType(f"notebook of {request.node.name}")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def _in_a_notebook(
    cell: ModuleType, id: str, source: str, output: pytest.CaptureFixture[str]
) -> str:
    name = f"<{cell.__name__}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), vars(cell))
    output.readouterr()
    check(id, getattr(cell, find(id).symbol))
    return output.readouterr().out.rstrip("\n")


def _in_the_grader(id: str, source: str) -> str:
    notebook = Notebook("answer.ipynb", (Cell(source),), digest="")
    (report,) = asyncio.run(judge_notebook(notebook, [find(id)]))
    return report.text()


@pytest.mark.parametrize(("id", "source"), _each(RIGHT))
def test_a_right_answer_passes_in_both(
    id: str, source: str, cell: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = _in_a_notebook(cell, id, source, capsys)
    assert verdict.startswith(f"PASS {id} ")
    assert _in_the_grader(id, source) == verdict


@pytest.mark.parametrize(("id", "wrong"), _each(WRONG))
def test_a_wrong_answer_gets_the_message_meant_for_it_in_both(
    id: str, wrong: tuple[str, str], cell: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    source, message = wrong
    verdict = _in_a_notebook(cell, id, source, capsys)
    assert verdict.startswith(f"FAIL {id} ")
    assert message in verdict
    assert _in_the_grader(id, source) == verdict


@pytest.mark.parametrize("id", exercises())
def test_the_stub_is_not_written_yet_in_both(
    id: str, cell: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _stub(find(id))
    verdict = _in_a_notebook(cell, id, source, capsys)
    assert verdict.startswith(f"TODO {id} ")
    assert _in_the_grader(id, source) == verdict


@pytest.mark.parametrize("id", exercises())
def test_an_exercise_has_three_wrong_answers_and_two_right_ones(id: str) -> None:
    assert len(WRONG[id]) >= 3
    assert len(RIGHT[id]) >= 2

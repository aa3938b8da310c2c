"""Every known answer gets the same verdict in a notebook and in the grader, and the right one."""

from __future__ import annotations

import asyncio
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

from labkit.checks.notebook import check
from labkit.checks.registry import exercises, find
from labkit.grading.judge import judge_notebook
from labkit.grading.notebook import Notebook
from labkit.grading.pipe import Cell

from .agreement import RIGHT, WRONG, stub

Verdict = Callable[[str, str], str]


def _each(known: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    return [
        pytest.param(id, answer, id=f"{id} {description}")
        for id, answers in known.items()
        for description, answer in answers.items()
    ]


@pytest.fixture
def in_a_notebook(capsys: pytest.CaptureFixture[str]) -> Iterator[Verdict]:
    """Run an answer's cell and check it, as a learner does; return what that prints."""
    notebook = ModuleType("a notebook")

    def verdict(id: str, source: str) -> str:
        name = "<a cell>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), vars(notebook))
        check(id, getattr(notebook, find(id).symbol))
        return capsys.readouterr().out.rstrip("\n")

    # A function finds the lines of its own notebook by its module.
    sys.modules[notebook.__name__] = notebook
    yield verdict
    del sys.modules[notebook.__name__]


def in_the_grader(id: str, source: str) -> str:
    """Judge a notebook with this one cell; return the verdict's text."""
    notebook = Notebook("answer.ipynb", (Cell(source),), digest="")
    (report,) = asyncio.run(judge_notebook(notebook, [find(id)]))
    return report.text()


@pytest.mark.parametrize(("id", "source"), _each(RIGHT))
def test_a_right_answer_passes_in_both(id: str, source: str, in_a_notebook: Verdict) -> None:
    verdict = in_a_notebook(id, source)
    assert verdict.startswith(f"PASS {id} ")
    assert in_the_grader(id, source) == verdict


@pytest.mark.parametrize(("id", "wrong"), _each(WRONG))
def test_a_wrong_answer_gets_the_message_meant_for_it_in_both(
    id: str, wrong: tuple[str, str], in_a_notebook: Verdict
) -> None:
    source, message = wrong
    verdict = in_a_notebook(id, source)
    assert verdict.startswith(f"FAIL {id} ")
    assert message in verdict
    assert in_the_grader(id, source) == verdict


@pytest.mark.parametrize("id", exercises())
def test_the_stub_is_not_written_yet_in_both(id: str, in_a_notebook: Verdict) -> None:
    verdict = in_a_notebook(id, stub(id))
    assert verdict.startswith(f"TODO {id} ")
    assert in_the_grader(id, stub(id)) == verdict


@pytest.mark.parametrize("id", exercises())
def test_three_wrong_answers_and_two_right_ones_are_known(id: str) -> None:
    assert len(WRONG[id]) >= 3
    assert len(RIGHT[id]) >= 2

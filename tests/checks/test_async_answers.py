"""Clients and handlers get the same verdict in a host of this process and in a box."""

from __future__ import annotations

import asyncio
import linecache
import threading
from multiprocessing import Pipe
from typing import Any

import pytest

from labkit.checks.host import Host
from labkit.checks.registry import Exercise
from labkit.checks.report import Report
from labkit.checks.runner import judge
from labkit.grading.judge import judge_notebook
from labkit.grading.notebook import Notebook
from labkit.grading.pipe import Cell

from .async_answers import RIGHT, STUBS, WRONG


def in_a_host(exercise: Exercise, source: str) -> Report:
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    code: dict[str, Any] = {}
    exec(compile(source, "<cell>", "exec"), code)
    near, far = Pipe()
    with far, Host(far, code, code=code) as host:
        watch = threading.Thread(target=host.watch, name="watch", daemon=True)
        watch.start()
        with near:
            report = judge(exercise, near, seed="seed")
        watch.join()
    return report


def in_a_box(exercise: Exercise, source: str) -> Report:
    notebook = Notebook("answer.ipynb", (Cell(source),), digest="")
    (report,) = asyncio.run(judge_notebook(notebook, [exercise], seed=lambda _: "seed"))
    return report


@pytest.mark.parametrize(
    ("exercise", "source"),
    [pytest.param(one, source, id=f"{one.symbol} {does}") for one, does, source in RIGHT],
)
def test_a_right_answer_passes_in_both(exercise: Exercise, source: str) -> None:
    report = in_a_host(exercise, source)
    assert report.text().startswith("PASS ")
    assert (in_a_box(exercise, source)).text() == report.text()


@pytest.mark.parametrize(
    ("exercise", "source", "message"),
    [pytest.param(one, src, text, id=f"{one.symbol} {does}") for one, does, src, text in WRONG],
)
def test_a_wrong_answer_is_told_what_it_does_in_both(
    exercise: Exercise, source: str, message: str
) -> None:
    report = in_a_host(exercise, source)
    assert report.text().startswith("FAIL ")
    assert message in report.text()
    assert (in_a_box(exercise, source)).text() == report.text()


@pytest.mark.parametrize(("exercise", "source"), STUBS, ids=lambda one: getattr(one, "symbol", ""))
def test_a_stub_is_not_written_yet_in_both(exercise: Exercise, source: str) -> None:
    report = in_a_host(exercise, source)
    assert report.text().startswith("TODO ")
    assert (in_a_box(exercise, source)).text() == report.text()

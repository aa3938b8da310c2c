"""A course of three small exercises, and notebooks that answer them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from labkit.checks.cases import equal
from labkit.checks.registry import Cases, Exercise
from labkit.checks.report import Report
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.grading.judge import judge_notebook
from labkit.grading.notebook import Notebook
from labkit.grading.pipe import Cell

HINTS = ("a nudge", "the way", "nearly the answer")
DOUBLE = "def double(x):\n    return 2 * x"
SHOUT = "def shout(text):\n    return text.upper() + '!'"
COUNTER = """\
class Counter:
    def __init__(self):
        self.n = 0
    def add(self, n):
        self.n += n
        return self.n"""


async def _check_double(subject: Subject, world: World) -> Cases:
    """Numbers are doubled."""
    yield equal(await subject.call(2), 4, "two becomes four")
    number = world.random.randrange(100, 10**6)
    yield equal(await subject.call(number), 2 * number, "a number nobody has seen is doubled")


async def _check_shout(subject: Subject, world: World) -> Cases:
    """Text is shouted."""
    yield equal(await subject.call("spam"), "SPAM!", "spam is shouted")


async def _check_counter(subject: Subject, world: World) -> Cases:
    """A counter adds up."""
    counter = await subject.new()
    await counter.invoke("add", 2)
    yield equal(await counter.invoke("add", 3), 5, "two and three are five")


EXERCISES = (
    Exercise("90.1", "double", 2, HINTS, "Numbers are doubled.", _check_double),
    Exercise("90.2", "shout", 1, HINTS, "Text is shouted.", _check_shout),
    Exercise("90.3", "Counter", 3, HINTS, "A counter adds up.", _check_counter),
)


@pytest.fixture
def lessons() -> dict[str, Sequence[Exercise]]:
    return {"90": EXERCISES}


@pytest.fixture
def good() -> tuple[str, ...]:
    """The cells of a notebook with every answer right."""
    return ("import asyncio", DOUBLE, SHOUT, COUNTER)


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write a notebook of code cells."""

    def write_notebook(path: Path, *sources: str) -> Path:
        cells = [{"cell_type": "code", "source": source} for source in sources]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"nbformat": 4, "cells": cells}))
        return path

    return write_notebook


@pytest.fixture
def judged() -> Callable[..., object]:
    """Judge a notebook of these cells; return the verdicts by the answer's name."""

    async def judge(*cells: str | Cell, **options: float) -> dict[str, Report]:
        known = [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
        notebook = Notebook("90_sample.ipynb", tuple(known), digest="")
        reports = await judge_notebook(notebook, EXERCISES, **options)  # type: ignore[arg-type]
        return {report.symbol: report for report in reports}

    return judge

"""Checks the notebooks of one folder: a learner's own, or the solutions. Knows of no class."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from labkit.checks.registry import Exercise, exercises
from labkit.checks.report import Report
from labkit.errors import CourseError, UsageError
from labkit.grading.judge import judge_notebook
from labkit.grading.notebook import read_lesson

Observer = Callable[[Report], None]
_NAME = re.compile(r"(\d\d)_[a-z0-9_]+\.ipynb")


def notebooks_in(folder: Path) -> dict[str, Path]:
    """Return the notebook of each lesson in ``folder``: ``01_protocol.ipynb`` for ``01``.

    Copies that JupyterLab makes, ``01_protocol-Copy1.ipynb``, are not the lesson's. Raises
    ``UsageError`` if the folder cannot be read or holds two notebooks for a lesson.
    """
    found: dict[str, Path] = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"the folder {folder} cannot be read: {error.strerror}; "
            f"run this in the course folder, or name a folder of notebooks with --from"
        ) from error
    for path in paths:
        if (match := _NAME.fullmatch(path.name)) is None:
            continue
        if (other := found.setdefault(match[1], path)) is not path:
            raise UsageError(
                f"{folder} holds two notebooks for lesson {match[1]}, {other.name} and "
                f"{path.name}; move one of them away"
            )
    return found


async def check_folder(
    folder: Path, chosen: Sequence[Exercise], *, observe: Observer = lambda report: None
) -> tuple[list[Report], list[str]]:
    """Return the verdicts on ``chosen``, and a sentence for each notebook that is not there.

    ``observe`` hears each verdict as it comes. Raises ``UsageError`` as ``notebooks_in`` does.
    """
    notebooks = notebooks_in(folder)
    reports: list[Report] = []
    problems: list[str] = []
    for lesson, of_lesson in groupby(chosen, key=lambda one: one.lesson):
        if lesson not in notebooks:
            problems.append(
                f"there is no notebook of lesson {lesson} in {folder}, {lesson}_….ipynb"
            )
            continue
        try:
            reports += await check_notebook(notebooks[lesson], list(of_lesson), observe=observe)
        except CourseError as error:
            problems.append(str(error))
    return reports, problems


async def check_notebook(
    path: Path, chosen: Sequence[Exercise], *, observe: Observer = lambda report: None
) -> list[Report]:
    """Return the verdicts on ``chosen``, all of one lesson.

    Raises ``CourseError`` where the notebook cannot be read or is not the lesson's.
    """
    lesson = chosen[0].lesson
    symbols = [one.symbol for one in exercises(lesson).values()]
    return await judge_notebook(read_lesson(path, lesson, symbols), chosen, observe=observe)

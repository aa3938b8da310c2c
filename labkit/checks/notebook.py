"""What a notebook's cells call: ``check``, ``hint`` and ``scorecard``. Judges nothing itself."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.checks.host import Host
from labkit.checks.progress import Progress, course_of
from labkit.checks.registry import Exercise, exercises, find
from labkit.checks.report import Report
from labkit.checks.runner import judge
from labkit.errors import LabkitError
from labkit.kernel.definitions import outdated


class _Unset:
    """Stands for an argument that was not given: None is an answer, if a wrong one."""


def check(id: str, answer: Any = _Unset) -> float | None:
    """Check ``answer`` to exercise ``id`` and print the verdict, ``PASS 01.3 apply_mask 4/4``.

    Without ``answer``, the notebook's name for it is looked up. Never raises and never hangs: an
    answer that does not come back is named. Returns None; under nbgrader, the points.
    """
    points = 0.0
    try:
        exercise = find(id)
        report = _judged_here(exercise, *_answer_and_code(exercise, answer))
        failed = outdated(exercise.symbol)
        if failed is not None and report.status == "todo":
            report = replace(report, message=f"{failed} failed before it made `{exercise.symbol}`")
        print(report.text())
        if failed is not None and report.status != "todo":
            print(f"{failed} failed: this was the `{exercise.symbol}` of before")
        points = report.points
        if (progress := _progress()) is not None:
            progress.record(report)
    except LabkitError as error:
        print(error)
    # nbgrader reads a number that the cell returns as its points, and nothing as all of them.
    return points if os.environ.get("NBGRADER_EXECUTION") else None


def hint(id: str) -> None:
    """Print the next hint for exercise ``id``: a nudge, then the way, then nearly the answer."""
    try:
        exercise = find(id)
        levels = len(exercise.hints)
        level, is_known = Progress(_home()).next_hint(exercise.id, levels)
        text = exercise.hints[level - 1]
        print(f"hint {level} of {levels} for {exercise.id} {exercise.symbol}: {text}")
        if is_known:
            print("that is the last hint there is")
    except LabkitError as error:
        print(error)


def scorecard(lesson: str) -> None:
    """Print where you are with the exercises of ``lesson``, such as ``"01"``."""
    try:
        standings = Progress(_home()).standings()
        known = exercises(lesson)
    except LabkitError as error:
        print(error)
        return
    for exercise in known.values():
        standing = standings.get(exercise.id)
        status, points = (standing.status, standing.points) if standing else ("open", 0.0)
        print(f"{exercise.id:<6}{exercise.symbol:<20}{status:<8}{points:>5g} of {exercise.points}")
    earned = sum(standings[id].points for id in known if id in standings)
    print(f"{'lesson ' + lesson:<34}{earned:>5g} of {sum(one.points for one in known.values())}")


def _judged_here(exercise: Exercise, answer: Any, code: Mapping[str, Any]) -> Report:
    """Judge in a thread with a loop of its own: a kernel's own loop is busy running the cell."""
    from multiprocessing import Pipe

    answers = {} if answer is _Unset else {exercise.symbol: answer}
    reports: list[Report] = []
    near, far = Pipe()

    def run() -> None:
        with near:
            reports.append(judge(exercise, near, seed=exercise.id))

    thread = threading.Thread(target=run, name="labkit-check", daemon=True)
    with far, Host(far, answers, code=code) as host:
        thread.start()
        host.watch()
        thread.join()
    return reports[0]


def _answer_and_code(exercise: Exercise, answer: Any) -> tuple[Any, Mapping[str, Any]]:
    notebook = vars(sys.modules["__main__"])
    if answer is _Unset:
        answer = notebook.get(exercise.symbol, _Unset)
    module = sys.modules.get(getattr(answer, "__module__", None) or "__main__")
    return answer, vars(module) if module else notebook


def _home() -> Path:
    """Return the folder whose progress counts: the course, or this folder if it is in none."""
    return course_of(Path.cwd()) or Path.cwd()


def _progress() -> Progress | None:
    """Return the progress to record in. Of a course, only its exercises count."""
    here, course = Path.cwd(), course_of(Path.cwd())
    if os.environ.get("NBGRADER_EXECUTION") or (course and here != course / "exercises"):
        return None
    return Progress(course or here)

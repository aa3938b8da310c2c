"""Marks one submission: the best of its notebooks counts. Writes nothing down."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.checks.registry import Exercise
from labkit.checks.report import Report
from labkit.errors import CourseError
from labkit.grading.judge import judge_notebook
from labkit.grading.notebook import Notebook, read_lesson, readable
from labkit.grading.submissions import Submission

#: Of a lesson that a student handed in several times, so many notebooks are judged.
MAX_COPIES = 5


@dataclass(frozen=True)
class Loaded:
    """A submission as it is on the disk: its notebooks, and why others of it cannot be judged."""

    submission: Submission
    exercises: Sequence[Exercise]
    notebooks: Sequence[Notebook]
    reasons: Sequence[str]

    def fingerprint(self, timeout_s: float) -> str:
        """Return a digest of all that the verdicts depend on."""
        checks = sorted({inspect.getfile(one.check) for one in self.exercises})
        parts = [
            [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in checks],
            [notebook.digest for notebook in self.notebooks],
            [*self.reasons, timeout_s],
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Marked:
    """The verdicts on a submission. ``notebook`` is the one that counts, ``note`` is about it."""

    notebook: str
    note: str
    reports: Sequence[Report]


def load(submission: Submission, exercises: Sequence[Exercise]) -> Loaded:
    """Read what was handed in."""
    if submission.reason:
        return Loaded(submission, exercises, (), (submission.reason,))
    symbols = [one.symbol for one in exercises]
    notebooks, reasons = [], []
    for path in submission.notebooks[:MAX_COPIES]:
        try:
            notebooks.append(read_lesson(path, submission.lesson, symbols))
        except CourseError as error:
            reasons.append(str(error))
    if (left_out := len(submission.notebooks) - MAX_COPIES) > 0:
        reasons.append(f"{left_out} more notebooks of this lesson were not looked at")
    return Loaded(submission, exercises, notebooks, reasons)


async def mark(loaded: Loaded, *, timeout_s: float) -> Marked:
    """Judge every notebook of a submission and return the best verdicts.

    Never raises for what is in a notebook. What cannot be judged gets no points and the reason.
    """
    marked: list[Marked] = []
    reasons = list(loaded.reasons)
    for notebook in loaded.notebooks:
        try:
            reports = await _judged(notebook, loaded.exercises, timeout_s)
        except Exception as error:
            # A class is graded to its end: this notebook gets a reason in place of a grade.
            reasons.append(f"{notebook.name} could not be judged, a defect of labkit: {error!r}")
        else:
            marked.append(Marked(notebook.name, "", reports))
    if not marked:
        why = "; ".join(reasons)
        return Marked(_first_name(loaded.submission), why, _without_points(loaded.exercises, why))
    best = max(marked, key=lambda one: sum(report.points for report in one.reports))
    if len(marked) > 1:
        reasons.insert(0, f"{best.notebook} counts, the best of {len(marked)} notebooks")
    return replace(best, note="; ".join(reasons))


async def _judged(
    notebook: Notebook, exercises: Sequence[Exercise], timeout_s: float
) -> list[Report]:
    # The same notebook always gets the same inputs, and its author could not know them.
    def seed(exercise: Exercise) -> str:
        return f"{notebook.digest} {exercise.id}"

    return await judge_notebook(notebook, exercises, seed=seed, timeout_s=timeout_s)


def _without_points(exercises: Sequence[Exercise], why: str) -> list[Report]:
    return [Report(e.id, e.symbol, "error", 0.0, e.points, message=why) for e in exercises]


def _first_name(submission: Submission) -> str:
    return readable(submission.notebooks[0].name) if submission.notebooks else ""

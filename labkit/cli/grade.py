"""``labkit grade``: grade a class. Holds no logic of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from labkit.checks.registry import exercises, lessons
from labkit.grading.gradebook import Grades
from labkit.grading.gradebook import grade as grade_class
from labkit.grading.judge import TIMEOUT_S


def register(app: typer.Typer) -> None:
    """Add ``labkit grade`` to ``app``."""
    app.command()(grade)


def grade(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders with a folder for each student.")
    ],
    out: Annotated[Path, typer.Option(help="Where grades, results and feedback go.")],
    jobs: Annotated[
        int, typer.Option(min=1, help="Notebooks judged at a time.", show_default="one a processor")
    ] = os.cpu_count() or 1,
    timeout: Annotated[
        float, typer.Option(min=1.0, help="Seconds that one notebook has.")
    ] = TIMEOUT_S,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Grade every DIR/STUDENT/**/NN_slug.ipynb.

    Writes OUT/grades.csv, OUT/results.jsonl and OUT/feedback/STUDENT/NN_slug.html. If it is
    stopped, the same command goes on where it was.
    """
    known = {lesson: list(exercises(lesson).values()) for lesson in lessons()}
    with _progress() as observe:
        try:
            grades = asyncio.run(
                grade_class(folders, out, known, jobs=jobs, timeout_s=timeout, observe=observe)
            )
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            raise typer.Exit(130) from None
    if as_json:
        print(json.dumps(_summary(grades), indent=2))
    else:
        _show(grades, out)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("grading", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _summary(grades: Grades) -> dict[str, Any]:
    points: dict[str, dict[str, float]] = defaultdict(dict)
    for one in grades.results:
        of_student = points[one.student]
        if one.lesson:
            of_student[one.lesson] = round(of_student.get(one.lesson, 0.0) + one.points, 2)
    return {
        "submissions": grades.submissions,
        "students": [
            {"student": name, "lessons": of, "total": round(sum(of.values()), 2)}
            for name, of in sorted(points.items())
        ],
        "reasons": [{"student": name, "reason": why} for name, why in _reasons(grades)],
    }


def _reasons(grades: Grades) -> list[tuple[str, str]]:
    """Return why there is no grade, for each notebook that could not be judged."""
    return list(
        dict.fromkeys((one.student, one.message) for one in grades.results if one.status == "error")
    )


def _show(grades: Grades, out: Path) -> None:
    students = len({one.student for one in grades.results})
    kept = f", {grades.kept} of them graded before" if grades.kept else ""
    print(f"{students} students, {grades.submissions} notebooks{kept}: {out / 'grades.csv'}")
    for student, reason in _reasons(grades):
        print(f"no grade for {student}: {reason}")

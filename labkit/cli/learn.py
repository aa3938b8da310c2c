"""What a learner runs: ``list``, ``check``, ``watch``, ``hint`` and ``reset``. Holds no logic."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from labkit.checks import notebook
from labkit.checks.progress import Progress, Standing, course_of
from labkit.checks.registry import exercises, find, select
from labkit.checks.report import Report
from labkit.course.manifest import find_course
from labkit.errors import CourseError, UsageError
from labkit.grading.folder import check_folder
from labkit.grading.watch import Watch, saves

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Folder = Annotated[
    Path | None, typer.Option("--from", metavar="DIR", help="The notebooks; default exercises.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="An exercise, such as 03.2.")]


def register(app: typer.Typer) -> None:
    """Add the learner's commands to ``app``."""
    app.command("list")(list_exercises)
    for command in (check, watch, hint, reset):
        app.command()(command)


def list_exercises(as_json: Json = False) -> None:
    """List lessons and exercises, with their points and your standing."""
    course = course_of(Path.cwd())
    standings = Progress(course).standings() if course else {}
    rows = [
        (one, standings.get(one.id, Standing("open", 0.0, 0.0))) for one in exercises().values()
    ]
    if as_json:
        table = [
            {
                "exercise": one.id,
                "lesson": one.lesson,
                "symbol": one.symbol,
                "about": one.about,
                "max_points": one.points,
                "points": standing.points,
                "status": standing.status,
            }
            for one, standing in rows
        ]
        print(json.dumps(table, indent=2, ensure_ascii=False))
        return
    for lesson, of_lesson in groupby(rows, key=lambda row: row[0].lesson):
        print(f"lesson {lesson}")
        for one, standing in of_lesson:
            points = f"{standing.points:g} of {one.points}"
            print(f"  {one.id:<6}{one.symbol:<20}{standing.status:<9}{points:<10}{one.about}")


def check(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Lessons or exercises: 03, 03.2. Default all."),
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Check exercise notebooks, each in a process of its own.

    Exit 0 when everything passes, 1 when something does not, 2 when there is nothing to check.
    """
    chosen = select(ids or [])
    place = folder or _exercises()
    show = _nothing if as_json else _show
    reports, problems = asyncio.run(check_folder(place, chosen, observe=show))
    unsaved = _record(place, reports)
    if as_json:
        print(json.dumps([report.as_json() for report in reports], indent=2, ensure_ascii=False))
    elif reports:
        print(_summary(reports))
        if unsaved:
            named = ", ".join(unsaved)
            print(f"the file has no answer to {named}, your notebook had: is it saved?")
    if problems:
        raise UsageError("; ".join(problems))
    raise typer.Exit(0 if all(report.status == "pass" for report in reports) else 1)


def watch(folder: Folder = None) -> None:
    """Check a notebook whenever you save it, until Ctrl-C."""
    try:
        asyncio.run(_watch(folder or _exercises()))
    except KeyboardInterrupt:
        print()


def hint(id: Id) -> None:
    """Show the next hint for an exercise; there are three."""
    find(id)
    notebook.hint(id)


def reset(id: Id) -> None:
    """Put one exercise back to its beginning. A copy of the notebook is kept."""
    # It brings in nbformat, which takes seconds to import; no other command here needs it.
    from labkit.course.restore import restore

    exercise = find(id)
    course = find_course(Path.cwd())
    restored = restore(course, id, exercise.symbol)
    Progress(course).forget(id)
    print(
        f"{id} {exercise.symbol} is as it was at the beginning.\n"
        f"The notebook as you had it: {restored.backup.relative_to(course)}\n"
        f"If it is open in JupyterLab: File, Reload Notebook from Disk."
    )


async def _watch(folder: Path) -> None:
    watching = Watch()
    print(f"watching {folder}: save a notebook to have it checked; Ctrl-C ends this")
    async for lesson, path in saves(folder):
        try:
            changed = await watching.check(lesson, path)
        except CourseError as error:
            print(error, flush=True)
            continue
        count = {0: "no verdict is new", 1: "1 verdict is new"}
        print(f"{path.name}: {count.get(len(changed), f'{len(changed)} verdicts are new')}")
        for report in changed:
            _show(report)
        _record(folder, changed)
        sys.stdout.flush()


def _exercises() -> Path:
    course = course_of(Path.cwd())
    return course / "exercises" if course else Path("exercises")


def _record(folder: Path, reports: Sequence[Report]) -> list[str]:
    """Keep the standing, if ``folder`` is the course's own ``exercises``.

    Return the exercises that are open in the file, but have points from before.
    """
    course = course_of(folder.resolve())
    if course is None or folder.resolve() != course / "exercises":
        return []
    progress = Progress(course)
    try:
        for report in reports:
            progress.record(report)
        standings = progress.standings()
    except CourseError as error:
        print(f"labkit: {error}", file=sys.stderr)
        return []
    open_ones = [report.exercise for report in reports if report.status == "todo"]
    return [id for id in open_ones if standings[id].points]


def _show(report: Report) -> None:
    print(report.text(), flush=True)


def _nothing(report: Report) -> None:
    pass


def _summary(reports: Sequence[Report]) -> str:
    passed = sum(report.status == "pass" for report in reports)
    points = sum(report.points for report in reports)
    most = sum(report.max_points for report in reports)
    figures = f"{passed} of {len(reports)} exercises pass, {points:g} of {most:g} points"
    return f"{figures}, in the notebooks as they are saved"

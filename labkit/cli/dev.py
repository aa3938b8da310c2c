"""``labkit dev``: what authors run, ``build`` and ``check``. Derives and judges nothing itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from labkit.checks.registry import exercises
from labkit.course.audit import audit
from labkit.course.build import build, built_paths, differences, write
from labkit.course.manifest import find_course, read_course
from labkit.grading.judge import judge_notebook
from labkit.grading.notebook import read_notebook


def register(app: typer.Typer) -> None:
    """Add ``labkit dev`` to ``app``."""
    dev = typer.Typer(no_args_is_help=True, help="For authors: build and check the course.")
    dev.command("build")(build_notebooks)
    dev.command("check")(check_course)
    app.add_typer(dev, name="dev")


def build_notebooks(
    only_compare: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a notebook is stale.")
    ] = False,
) -> None:
    """Build notebooks/, exercises/ and solutions/ from course/."""
    root = find_course(Path.cwd())
    built = _built(root)
    if only_compare:
        found = differences(root, built)
        for difference in found:
            print(difference)
        if found:
            print("Run `labkit dev build` and look at what changes.")
            raise typer.Exit(1)
        print(f"{len(built)} notebooks are what their sources say.")
        return
    written = write(root, built)
    for path in built:
        print(f"{'written  ' if path in written else 'unchanged'}  {path}")


def check_course(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Check that manifest, sources, checks, notebooks and sample answers belong together.

    Whether the notebooks are what their sources say is for `labkit dev build --check`.
    """
    root = find_course(Path.cwd())
    course = read_course(root)
    with _progress() as progress:
        task = progress.add_task("checking", total=len(course.written))
        found = audit(root, verdicts=_verdicts, finished=lambda slug: progress.advance(task))
    if as_json:
        print(json.dumps([finding.as_json() for finding in found], indent=2, ensure_ascii=False))
    else:
        for finding in found:
            print(finding)
        if not found:
            print(f"Everything holds in {len(course.written)} of {len(course.lessons)} lessons.")
    raise typer.Exit(1 if found else 0)


def _built(root: Path) -> dict[str, bytes]:
    with _progress() as progress:
        task = progress.add_task("building", total=len(built_paths(read_course(root))))
        return build(root, finished=lambda path: progress.advance(task))


def _verdicts(path: Path) -> dict[str, str]:
    lesson = list(exercises(path.name[:2]).values())
    reports = asyncio.run(judge_notebook(read_notebook(path), lesson))
    return {report.exercise: report.status for report in reports}


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )

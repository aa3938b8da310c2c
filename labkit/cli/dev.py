"""``labkit dev``: what authors run, ``build`` and ``check``. Derives and judges nothing itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from labkit.course.build import build, built_paths, differences, write
from labkit.course.manifest import find_course, read_course


def register(app: typer.Typer) -> None:
    """Add ``labkit dev`` to ``app``."""
    dev = typer.Typer(no_args_is_help=True, help="For authors: build and check the course.")
    dev.command("build")(build_notebooks)
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


def _built(root: Path) -> dict[str, bytes]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        paths = built_paths(read_course(root))
        task = progress.add_task("building", total=len(paths))
        return build(root, finished=lambda path: progress.advance(task))

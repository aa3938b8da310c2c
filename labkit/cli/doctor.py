"""``labkit doctor``: what is installed, what is missing, what that costs. Mends nothing."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from labkit.course.parts import Finding, Need, survey

_TITLES: dict[Need, str] = {
    "learn": "for the course",
    "author": "for authors",
    "test": "for the tests",
}


def register(app: typer.Typer) -> None:
    """Add ``labkit doctor`` to ``app``."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is installed, what is missing, what that costs and how to get it.

    Exit 0 when the course has all it needs, 1 when it does not.
    """
    findings = survey()
    if as_json:
        print(json.dumps(_summary(findings), indent=2))
    else:
        _show(findings, Console(highlight=False))
    raise typer.Exit(0 if _is_ready(findings) else 1)


def _is_ready(findings: Sequence[Finding]) -> bool:
    return all(one.state == "ok" for one in findings if one.part.need == "learn")


def _summary(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "ready": _is_ready(findings),
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "parts": [
            {
                "name": one.part.name,
                "need": one.part.need,
                "state": one.state,
                "found": one.found,
                "purpose": one.part.purpose,
                "loss": one.part.loss,
                "remedy": one.remedy,
            }
            for one in findings
        ],
    }


def _show(findings: Sequence[Finding], console: Console) -> None:
    console.print(f"Python {platform.python_version()}  {sys.executable}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for column in ("part", "state", "found", "what it is for"):
        table.add_column(column, overflow="fold")
    for need, title in _TITLES.items():
        table.add_section()
        table.add_row(f"[bold]{title}[/bold]")
        for one in findings:
            if one.part.need == need:
                table.add_row(one.part.name, one.state, one.found, one.part.purpose)
    console.print(table)
    console.print()
    for one in findings:
        if one.state != "ok":
            found = f"{one.found} is too old" if one.state == "old" else "is missing"
            console.print(
                f"{one.part.name} {found}\n"
                f"  without it  {one.part.loss}\n"
                f"  to get it   {one.remedy}",
                markup=False,
                soft_wrap=True,
            )
    console.print(
        "The course has all it needs."
        if _is_ready(findings)
        else "The course lacks something it needs."
    )

"""``labkit doctor``: what is missing or in the way, what that costs, what to do. Mends nothing."""

from __future__ import annotations

import asyncio
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from labkit.course.parts import Finding, Need, survey
from labkit.doctor import findings as living
from labkit.doctor.machine import MACHINE, WAY_S, way_to

_TITLES: dict[Need, str] = {
    "learn": "for the course",
    "compare": "for the comparisons",
    "author": "for authors",
    "test": "for the tests",
}
#: What a learner does without.
_ON_REQUEST: frozenset[Need] = frozenset({"author", "test"})

#: What each examination of the machine found, by its name.
Examined: TypeAlias = Mapping[str, Sequence[living.Finding]]


def register(app: typer.Typer) -> None:
    """Add ``labkit doctor`` to ``app``."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    show_all: Annotated[
        bool, typer.Option("--all", help="List what authors and the tests need as well.")
    ] = False,
    through: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Probe the way to a labkit serve echo at URL as well."),
    ] = None,
    silence: Annotated[
        float, typer.Option(min=0, max=600, help="With --through: seconds without a message.")
    ] = 2.0,
) -> None:
    """Say what is missing and what is in the way, what that costs and what to do.

    Exit 0 when the course can work, 1 when it cannot or when the way to URL breaks WebSockets.
    """
    way = {}
    if through is not None:
        way = {f"the way to {through}": way_to(through, silence_s=silence)}
    findings = survey()
    examined = _examine(MACHINE) | _examine(way, limit_s=WAY_S + silence)
    if as_json:
        print(json.dumps(_summary(findings, examined), indent=2))
    else:
        _show(findings, examined, Console(highlight=False), show_all=show_all)
    raise typer.Exit(0 if _is_ready(findings, examined) else 1)


def _examine(
    examinations: Mapping[str, living.Examination], *, limit_s: float = living.LIMIT_S
) -> dict[str, list[living.Finding]]:
    if not examinations:
        return {}
    # To stderr: what is printed to stdout may be read by a program.
    with Console(stderr=True).status(f"looking at {', '.join(examinations)}"):
        return asyncio.run(living.examine(examinations, limit_s=limit_s))


def _has_all_parts(findings: Sequence[Finding]) -> bool:
    return all(one.state == "ok" for one in findings if one.part.need == "learn")


def _problems(examined: Examined) -> int:
    return sum(one.state == "problem" for each in examined.values() for one in each)


def _is_ready(findings: Sequence[Finding], examined: Examined) -> bool:
    return _has_all_parts(findings) and not _problems(examined)


def _summary(findings: Sequence[Finding], examined: Examined) -> dict[str, Any]:
    return {
        "ready": _is_ready(findings, examined),
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
        "examinations": [
            {"examination": name} | asdict(one) for name, each in examined.items() for one in each
        ],
    }


def _show(
    findings: Sequence[Finding], examined: Examined, console: Console, *, show_all: bool
) -> None:
    console.print(f"Python {platform.python_version()}  {sys.executable}", soft_wrap=True)
    listed = [one for one in findings if show_all or one.part.need not in _ON_REQUEST]
    _show_parts(listed, console)
    if not show_all:
        _say_others([one for one in findings if one not in listed], console)
    _show_machine(examined, console)
    if not _has_all_parts(findings):
        verdict = "The course lacks something it needs."
    elif problems := _problems(examined):
        what = "a problem stands" if problems == 1 else f"{problems} problems stand"
        verdict = f"The course has all it needs, and {what} in the way."
    else:
        verdict = "The course has all it needs."
    console.print(verdict)


def _say_others(findings: Sequence[Finding], console: Console) -> None:
    lacking = sum(one.state != "ok" for one in findings)
    what = f"{lacking} of {len(findings)} parts are" if lacking else "no part is"
    console.print(f"for authors and the tests: {what} missing (--all lists them)")
    console.print()


def _show_parts(findings: Sequence[Finding], console: Console) -> None:
    table = _table("part", "state", "found", "what it is for")
    for need, title in _TITLES.items():
        of_need = [one for one in findings if one.part.need == need]
        if of_need:
            table.add_section()
            table.add_row(Text(title, style="bold"))
        for one in of_need:
            _add(table, one.part.name, one.state, one.found, one.part.purpose)
    console.print(table)
    console.print()
    for one in findings:
        if one.state != "ok":
            found = f"{one.found} is too old" if one.state == "old" else "is missing"
            _say(
                console,
                f"{one.part.name} {found}",
                f"without it  {one.part.loss}",
                f"to get it   {one.remedy}",
            )


def _show_machine(examined: Examined, console: Console) -> None:
    table = _table("on this machine", "state", "found")
    for name, each in examined.items():
        table.add_section()
        table.add_row(Text(name, style="bold"))
        for one in each:
            _add(table, one.name, one.state, one.found if one.state == "ok" else "see below")
    console.print(table)
    console.print()
    for each in examined.values():
        for one in each:
            if one.state != "ok":
                _say(console, f"{one.name}: {one.found}", f"what to do  {one.remedy}")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    # A cell may hold a reader's own words. Brackets in them are no markup.
    table.add_row(*map(Text, cells))


def _say(console: Console, title: str, *lines: str) -> None:
    # Not wrapped: whoever copies a command wants it in one piece.
    console.print("\n  ".join([title, *lines]), markup=False, soft_wrap=True)

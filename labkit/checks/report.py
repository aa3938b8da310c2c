"""A verdict, and how it reads. Forms none itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labkit.checks.cases import Case

Status = Literal["pass", "fail", "todo", "error", "timeout"]
SHOWN_LINES = 5
INDENT = " " * 5


@dataclass(frozen=True)
class Report:
    """The verdict on one exercise.

    ``message`` is one sentence for every status but ``pass``; ``case`` is the first that failed.
    """

    exercise: str
    symbol: str
    status: Status
    points: float
    max_points: float
    passed: int = 0
    total: int = 0
    message: str = ""
    case: Case | None = None

    def text(self) -> str:
        """Return the verdict as a cell prints it: one stable line, and below it what helps."""
        word = {"pass": "PASS", "todo": "TODO"}.get(self.status, "FAIL")
        head = f"{word} {self.exercise} {self.symbol}"
        if self.status == "pass":
            return f"{head} {self.passed}/{self.total}"
        if self.case is None:
            return f"{head}\n{INDENT}{self.message}"
        head = f"{head} {self.passed}/{self.total} · {self.case.title}"
        return "\n".join([head, *(INDENT + line for line in details(self.case))])

    def as_json(self) -> dict[str, str | float]:
        """Return the stable fields that ``labkit check --json`` prints."""
        return {
            "exercise": self.exercise,
            "status": self.status,
            "points": self.points,
            "max_points": self.max_points,
            "message": self.message,
        }


def details(case: Case) -> list[str]:
    """Return what there is to say about a failed case, a labelled line each."""
    rows = [
        ("called", case.called),
        ("expected", case.expected),
        ("got", case.got),
        ("raised", case.raised),
        ("printed", _first_lines(case.printed)),
        ("wire", case.wire),
        ("hint", case.hint),
    ]
    return [line for label, text in rows if text for line in _labelled(label, text)]


def _labelled(label: str, text: str) -> list[str]:
    first, *rest = text.rstrip("\n").split("\n")
    return [f"{label:<9} {first}", *(f"{'':<9} {line}" for line in rest)]


def _first_lines(text: str) -> str:
    lines = text.splitlines()
    more = [f"… and {len(lines) - SHOWN_LINES} more lines"] if len(lines) > SHOWN_LINES else []
    return "\n".join(lines[:SHOWN_LINES] + more)

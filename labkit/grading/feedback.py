"""The page that a student gets back: one self-contained HTML file. Judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jinja2

from labkit.checks.registry import Exercise
from labkit.checks.report import Report

_WORDS = {
    "pass": "passed",
    "fail": "not yet",
    "todo": "not written",
    "timeout": "out of time",
    "error": "not judged",
}


@dataclass(frozen=True)
class Feedback:
    """What the page says. ``note`` is about the notebook as a whole and may be empty."""

    student: str
    lesson: str
    notebook: str
    note: str
    verdicts: Sequence[tuple[Exercise, Report]]

    def html(self) -> str:
        """Return the page. Whatever comes from the student is text in it, never markup."""
        return _template().render(
            feedback=self,
            words=_WORDS,
            points=sum(report.points for _, report in self.verdicts),
            max_points=sum(report.max_points for _, report in self.verdicts),
        )


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("labkit.grading", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("feedback.html.j2")

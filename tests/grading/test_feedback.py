"""labkit.grading.feedback: the page says what happened, and what a student wrote stays text."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser

from labkit.checks.cases import Case
from labkit.checks.registry import Exercise
from labkit.checks.report import Report
from labkit.grading.feedback import Feedback

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"


def _page(lessons: dict[str, Sequence[Exercise]], hostile: str = "", note: str = "") -> str:
    case = Case("two becomes four", False, expected="4", got=f"5{hostile}", hint="add, then add")
    double, shout, counter = lessons["90"]
    verdicts = [
        (double, Report("90.1", "double", "fail", 1.0, 2.0, 1, 2, "message", case)),
        (shout, Report("90.2", "shout", "pass", 1.0, 1.0, 1, 1)),
        (counter, Report("90.3", "Counter", "todo", 0.0, 3.0, message="not written yet")),
    ]
    return Feedback(f"ada{hostile}", "90", f"90_a{hostile}.ipynb", note, verdicts).html()


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_the_score_and_every_exercise(lessons: dict[str, Sequence[Exercise]]) -> None:
    text = " ".join(_Tags(_page(lessons)).text.split())
    assert "2 of 6 points" in text
    assert "90.1 double: not yet, 1 of 2" in text
    assert "90.2 shout: passed, 1 of 1" in text
    assert "90.3 Counter: not written, 0 of 3" in text


def test_a_verdict_is_there_as_a_cell_prints_it(lessons: dict[str, Sequence[Exercise]]) -> None:
    text = _Tags(_page(lessons)).text
    assert "FAIL 90.1 double 1/2 · two becomes four\n     expected  4\n     got       5" in text


def test_what_a_student_wrote_is_text_and_never_markup(
    lessons: dict[str, Sequence[Exercise]],
) -> None:
    hostile = _Tags(_page(lessons, hostile=HOSTILE, note=HOSTILE))
    harmless = _Tags(_page(lessons, note="x"))
    assert hostile.tags == harmless.tags
    assert HOSTILE in hostile.text


def test_the_page_needs_nothing_from_anywhere(lessons: dict[str, Sequence[Exercise]]) -> None:
    page = _page(lessons)
    assert "default-src 'none'" in page
    assert not {"link", "script", "img", "iframe"} & set(_Tags(page).tags)
    assert "http" not in page.replace("http-equiv", "")


def test_a_note_is_shown_once(lessons: dict[str, Sequence[Exercise]]) -> None:
    reason = "90_a.ipynb is empty"
    verdicts = [
        (one, Report(one.id, one.symbol, "error", 0.0, one.points, message=reason))
        for one in lessons["90"]
    ]
    page = Feedback("ada", "90", "90_a.ipynb", reason, verdicts).html()
    assert page.count(reason) == 1

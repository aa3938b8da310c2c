from __future__ import annotations

from labkit.course.findings import Finding


def test_a_finding_is_one_line_that_begins_with_its_file() -> None:
    assert str(Finding("course/spam.md", "no eggs")) == "course/spam.md: no eggs"


def test_a_finding_has_two_fields_for_programs() -> None:
    assert Finding("a.md", "b").as_json() == {"file": "a.md", "finding": "b"}

from __future__ import annotations

import pytest

from labkit.course.findings import Finding
from labkit.course.manifest import Lesson
from labkit.course.markdown import Cell
from labkit.course.prose import audit_exercises, audit_lesson, count_words, prose

LESSON = Lesson("01_spam", "Spam", "What is in the tin?", 10, ("01.1", "01.2"))
LINK = "[exercises](../exercises/01_spam.ipynb)"
FIRST = "# 1. Spam\n\n**What is in the tin?** Allow 10 minutes."
LAST = "<details>a</details><details>b</details><details>c</details>"


def text(source: str, id: str = "a") -> Cell:
    return Cell("markdown", id, source, "lesson.md")


def lesson(
    *, first: str = FIRST, last: str = LAST, exercises: str = f"01.1 and 01.2 → {LINK}"
) -> list[Cell]:
    """A lesson that has nothing wrong with it."""
    middle = [text("spam " * 50, f"m-{n}") for n in range(25)]
    return [text(first), *middle, text(exercises), text(last)]


def found(cells: list[Cell]) -> list[str]:
    return [finding.text for finding in audit_lesson(cells, LESSON)]


def test_a_lesson_as_it_should_be_has_no_findings() -> None:
    assert found(lesson()) == []


@pytest.mark.parametrize(
    "source",
    [
        "```py\nsimply\n```",
        "```text\nsimply\n\n\nsimply\n```",
        "`simply`",
        "[](https://example.org/simply)",
        "<span class='simply'>",
    ],
)
def test_code_tags_and_addresses_are_not_prose(source: str) -> None:
    assert "simply" not in prose(text(f"before\n{source}\nafter"))
    assert prose(text(f"before\n{source}\nafter")).split()[-1] == "after"


def test_words_of_links_and_tables_are_counted_and_code_is_not() -> None:
    cells = [text("It's [one link](../a-b.md), two.\n\n|a|b|\n|---|---|"), text("`x` end")]
    code = Cell("code", "c", "not a word", "lesson.md")
    assert count_words([*cells, code]) == len(["It's", "one", "link", "two", "a", "b", "end"])


def test_too_few_cells_are_found() -> None:
    assert "3 cells; a lesson has 25 to 40" in found([text(FIRST), text(LINK), text(LAST)])


def test_too_many_words_are_found() -> None:
    cells = [*lesson()[:-1], text("spam " * 900), text(LAST)]
    assert any(finding.endswith("words; a lesson has 1,200 to 2,000") for finding in found(cells))


def test_a_code_cell_that_is_too_long_is_found() -> None:
    long = Cell("code", "long", "\n".join(["x"] * 16), "lesson.md")
    assert "cell long has 16 lines; the limit is 15" in found([*lesson()[:-1], long, text(LAST)])


@pytest.mark.parametrize("part", ["# 1. Spam", "What is in the tin?", "10 minutes"])
def test_a_first_cell_that_differs_from_the_manifest_is_found(part: str) -> None:
    cells = lesson(first=FIRST.replace(part, "eggs"))
    assert f"the first cell lacks {part!r}, as the manifest has it" in found(cells)


def test_a_recap_without_its_questions_is_found() -> None:
    assert "the last cell asks no 3 questions in <details>" in found(lesson(last="The end."))


def test_an_exercise_that_no_round_links_to_is_found() -> None:
    cells = lesson(exercises=f"01.1 → {LINK}")
    assert found(cells) == ["no cell with a link (../exercises/01_spam.ipynb) names exercise 01.2"]


@pytest.mark.parametrize("word", ["simply", "Just", "obviously"])
def test_a_word_that_talks_down_is_found(word: str) -> None:
    assert found([*lesson()[:-1], text(f"You {word} run it.\n{LAST}", "end")]) == [
        f"end says {word!r}; leave the word out"
    ]


def test_a_word_that_holds_such_a_word_is_no_finding() -> None:
    assert found([*lesson()[:-1], text(f"Adjust and justify it.\n{LAST}")]) == []


def test_exercises_must_say_what_the_line_under_a_check_is_and_link_the_lesson() -> None:
    cells = [Cell("markdown", "a", "# Spam", "exercises.md")]
    assert list(audit_exercises(cells, LESSON)) == [
        Finding(
            "exercises.md",
            "the first cell does not say that the line under a check is its expected output",
        ),
        Finding("exercises.md", "the first cell has no link to the lesson's notebook"),
    ]


def test_exercises_that_say_so_have_no_findings() -> None:
    source = "It is the expected output. [lesson](../notebooks/01_spam.ipynb)"
    assert list(audit_exercises([text(source)], LESSON)) == []

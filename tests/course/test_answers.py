from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labkit.checks.cases import Case
from labkit.checks.registry import Exercise
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.course.answers import audit_answer, audit_samples
from labkit.course.manifest import Lesson
from labkit.course.markdown import Cell

LESSON = Lesson("01_spam", "Spam", "What is in the tin?", 10, ("01.1",))
FUNCTION = "def spam():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
SAMPLES = """
WRONG = {"01.1": {"a": ("x", "m"), "b": ("x", "m"), "c": ("x", "m")}}
RIGHT = {"01.1": {"a": "x", "b": "x"}}
"""


async def check(subject: Subject, world: World) -> AsyncIterator[Case]:
    return
    yield


def exercise(
    *, hints: tuple[str, str, str] = ("a", "b", "c"), about: str = "Spam is made."
) -> Exercise:
    return Exercise("01.1", "spam", 1, hints, about, check)


def found(
    source: str = FUNCTION, *, checks: str = 'check("01.1", spam)', of: Exercise | None = None
) -> list[str]:
    answer = Cell("code", "ex-01-1", source, "exercises.md", line=3)
    checker = Cell("code", "check-01-1", checks, "exercises.md", line=9)
    return [str(finding) for finding in audit_answer(answer, checker, of or exercise())]


def samples(root: Path, text: str) -> list[str]:
    folder = root / "tests" / "checks" / "answers"
    folder.mkdir(parents=True)
    (folder / "lesson01.py").write_text(text, "utf-8")
    return [finding.text for finding in audit_samples(root, LESSON, {"01.1": exercise()})]


def test_an_exercise_as_it_should_be_has_no_findings() -> None:
    assert found() == []


def test_a_region_in_a_method_is_as_good_as_one_in_a_function() -> None:
    body = "\n".join(f"    {line}" for line in FUNCTION.splitlines())
    assert found(f"class spam:\n{body}") == []


@pytest.mark.parametrize(
    "source",
    [
        "class spam:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION",
        "def spam(): pass\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION",
        "def spam(): pass\nif True:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION",
    ],
)
def test_a_stub_that_would_stop_its_own_cell_is_found(source: str) -> None:
    (finding,) = found(source)
    assert finding.startswith(
        "exercises.md: the stub of ex-01-1 is raised as soon as the cell runs"
    )


def test_an_answer_that_does_not_define_what_is_checked_is_found() -> None:
    (finding,) = found(FUNCTION.replace("spam", "eggs"))
    assert finding == "exercises.md: ex-01-1 does not define spam, which is checked"


@pytest.mark.parametrize("source", ["def spam():\n    return 1", FUNCTION.replace("def", "deff")])
def test_an_answer_without_a_stub_is_found(source: str) -> None:
    (finding,) = found(source)
    assert finding.startswith("exercises.md: ex-01-1 leaves no stub that is Python: ")


def test_a_check_cell_that_checks_another_name_is_found() -> None:
    assert found(checks='check("01.1", eggs)') == [
        "exercises.md: check-01-1 does not pass spam to check()"
    ]


@pytest.mark.parametrize("hints", [("a", " ", "c"), ("a", "b", "a")])
def test_a_hint_that_is_empty_or_said_twice_is_found(hints: tuple[str, str, str]) -> None:
    assert found(of=exercise(hints=hints)) == [
        "exercise 01.1: it has no 3 different hints with a text"
    ]


def test_a_check_that_does_not_say_what_it_is_about_is_found() -> None:
    assert found(of=exercise(about="")) == [
        "exercise 01.1: its check has no docstring to say what it is about"
    ]


def test_three_wrong_answers_and_two_right_ones_are_enough(tmp_path: Path) -> None:
    assert samples(tmp_path, SAMPLES) == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ('"c": ("x", "m")', "", "01.1 has 2 wrong answers; the least is 3"),
        (', "b": "x"', "", "01.1 has 1 right answers; the least is 2"),
        ('("x", "m")}}', '("x", " ")}}', "wrong answer 'c' to 01.1 names no message"),
        ('RIGHT = {"01.1"', 'RIGHT = {"01.9"', "it answers 01.9, which is no exercise of 01_spam"),
        ("RIGHT =", "RIGHT", "it cannot be run: SyntaxError"),
        ("RIGHT =", "1 / 0 #", "it cannot be run: ZeroDivisionError"),
    ],
)
def test_sample_answers_that_are_missing_are_found(
    tmp_path: Path, old: str, new: str, finding: str
) -> None:
    assert old in SAMPLES
    assert any(each.startswith(finding) for each in samples(tmp_path, SAMPLES.replace(old, new)))


def test_a_lesson_without_a_file_of_sample_answers_is_found(tmp_path: Path) -> None:
    (finding,) = audit_samples(tmp_path, LESSON, {"01.1": exercise()})
    assert str(finding) == (
        "tests/checks/answers/lesson01.py: it is missing: it holds the wrong and the right answers"
    )

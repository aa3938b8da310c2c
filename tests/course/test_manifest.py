from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.course.manifest import Lesson, find_course, read_course
from labkit.errors import CourseError

Edit = Callable[[str, str, str], None]
ROOT = Path(__file__).parents[2]


def refusal(root: Path) -> str:
    with pytest.raises(CourseError) as caught:
        read_course(root)
    return str(caught.value)


def test_the_lessons_are_read_in_their_order(course: Path) -> None:
    read = read_course(course)
    assert read.title == "A course in spam"
    assert read.lessons == (
        Lesson("01_spam", "Spam", "What is in the tin?", 10, ("01.1", "01.2")),
        Lesson("02_eggs", "Eggs", "What goes with it?", 20),
    )


def test_a_lesson_without_exercises_is_planned_and_not_written(course: Path) -> None:
    assert [lesson.number for lesson in read_course(course).written] == ["01"]


def test_the_course_has_its_ten_lessons() -> None:
    slugs = [lesson.slug for lesson in read_course(ROOT).lessons]
    assert slugs == [
        "01_protocol",
        "02_setup",
        "03_server",
        "04_client",
        "05_broadcast",
        "06_security",
        "07_chat",
        "08_resilience",
        "09_scaling",
        "10_monitoring",
    ]


def test_the_course_is_found_from_a_folder_inside_it(course: Path) -> None:
    assert find_course(course / "course" / "01_spam") == course.resolve()


def test_outside_a_course_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"no course/course\.toml .*: change to the course's"):
        find_course(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "A course in spam"', "", "the manifest has no title"),
        ("minutes = 10", 'minutes = "ten"', "01_spam: minutes is 'ten', but must be a whole"),
        ("minutes = 10", "minutes = true", "01_spam: minutes is True, but must be a whole number"),
        ("minutes = 10", "minutes = 0", "01_spam: minutes is 0, but must be above 0"),
        ("minutes = 10", "minute = 10", "lesson number 1 has the key minute; there are exercises"),
        ('title = "Spam"', 'title = ""', "01_spam: title is empty"),
        ('"01_spam"', '"spam"', "lesson number 1: slug is 'spam', but looks like '03_server'"),
        ('"02_eggs"', '"03_eggs"', "03_eggs stands at place 2; lessons are numbered in their"),
        ('"01.2"', '"02.1"', "01_spam: exercises holds '02.1', but an id of this lesson looks"),
        ('"01.2"', "1.2", "01_spam: exercises holds 1.2, but an id of this lesson looks like"),
        ('"01.2"', '"01.1"', "01_spam: exercise 01.1 is listed 2 times"),
        ("[[lesson]]", "[lesson]", "course/course.toml is not TOML: "),
        ("minutes = 10", "minutes = ", "course/course.toml is not TOML: "),
    ],
)
def test_a_mistake_in_the_manifest_is_named(
    course: Path, edit: Edit, old: str, new: str, message: str
) -> None:
    edit("course.toml", old, new)
    assert message in refusal(course)


def test_lessons_that_are_no_tables_are_refused(course: Path) -> None:
    (course / "course" / "course.toml").write_text('title = "t"\nlesson = ["spam"]\n')
    assert "lesson number 1 must be a table, headed [[lesson]]" in refusal(course)


def test_a_manifest_that_is_not_utf_8_is_refused(course: Path) -> None:
    (course / "course" / "course.toml").write_bytes(b'title = "\xff"')
    assert "course/course.toml is not TOML" in refusal(course)

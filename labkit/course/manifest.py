"""The manifest ``course/course.toml``: the lessons, in order. Reads no lesson."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from labkit.checks.progress import course_of
from labkit.errors import CourseError

MANIFEST = "course/course.toml"
_SLUG = re.compile(r"\d\d_[a-z][a-z0-9_]*")
_COURSE_KEYS = {"title", "lesson"}
_LESSON_KEYS = {"slug", "title", "question", "minutes", "exercises"}

T = TypeVar("T")


@dataclass(frozen=True)
class Lesson:
    """A lesson of the course. One without exercises is planned: it has no folder yet."""

    slug: str
    title: str
    question: str
    minutes: int
    exercises: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        """The two digits that the slug and the exercises' ids begin with."""
        return self.slug[:2]

    @property
    def is_written(self) -> bool:
        """Whether the lesson has a folder, notebooks and exercises."""
        return bool(self.exercises)


@dataclass(frozen=True)
class Course:
    """A course folder and what its manifest says."""

    root: Path
    title: str
    lessons: tuple[Lesson, ...]

    @property
    def written(self) -> tuple[Lesson, ...]:
        """The lessons that are more than a plan."""
        return tuple(lesson for lesson in self.lessons if lesson.is_written)


def find_course(start: Path) -> Path:
    """Return the folder of the course that ``start`` lies in.

    Raises ``CourseError`` where there is none.
    """
    root = course_of(start.resolve())
    if root is None:
        raise CourseError(
            f"no {MANIFEST} in {start} or in a folder above it: change to the course's folder"
        )
    return root


def read_course(root: Path) -> Course:
    """Return the course in ``root``. Raises ``CourseError``, naming the key and what is wrong."""
    table = _parsed(root / MANIFEST)
    _refuse_unknown(table, _COURSE_KEYS, "the manifest")
    entries = _value(table, "lesson", list, "the manifest")
    lessons = tuple(_lesson(entry, place) for place, entry in enumerate(entries, start=1))
    for problem in _contradictions(lessons):
        raise CourseError(f"{MANIFEST}: {problem}")
    return Course(root, _value(table, "title", str, "the manifest"), lessons)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CourseError(f"{MANIFEST} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{MANIFEST} is not TOML: {error}") from error


def _lesson(entry: Any, place: int) -> Lesson:
    where = f"lesson number {place}"
    if not isinstance(entry, dict):
        raise CourseError(f"{MANIFEST}: {where} must be a table, headed [[lesson]]")
    _refuse_unknown(entry, _LESSON_KEYS, where)
    slug = _value(entry, "slug", str, where)
    if not _SLUG.fullmatch(slug):
        raise CourseError(f"{MANIFEST}: {where}: slug is {slug!r}, but looks like '03_server'")
    exercises = _value(entry, "exercises", list, slug) if "exercises" in entry else []
    for id in exercises:
        if not (isinstance(id, str) and re.fullmatch(rf"{slug[:2]}\.[1-9]\d*", id)):
            raise CourseError(
                f"{MANIFEST}: {slug}: exercises holds {id!r}, but an id of this lesson looks like "
                f"'{slug[:2]}.1'"
            )
    minutes = _value(entry, "minutes", int, slug)
    if minutes <= 0:
        raise CourseError(f"{MANIFEST}: {slug}: minutes is {minutes}, but must be above 0")
    return Lesson(
        slug,
        _value(entry, "title", str, slug),
        _value(entry, "question", str, slug),
        minutes,
        tuple(exercises),
    )


def _value(table: dict[str, Any], key: str, kind: type[T], where: str) -> T:
    if key not in table:
        raise CourseError(f"{MANIFEST}: {where} has no {key}")
    value = table[key]
    # TOML's true is not a number, though Python's is.
    if not isinstance(value, kind) or isinstance(value, bool):
        noun = {str: "text in quotes", int: "a whole number", list: "a list"}[kind]
        raise CourseError(f"{MANIFEST}: {where}: {key} is {value!r}, but must be {noun}")
    if value == "" or value == []:
        raise CourseError(f"{MANIFEST}: {where}: {key} is empty")
    return value


def _refuse_unknown(table: dict[str, Any], known: set[str], where: str) -> None:
    for key in table.keys() - known:
        raise CourseError(
            f"{MANIFEST}: {where} has the key {key}; there are {', '.join(sorted(known))}"
        )


def _contradictions(lessons: tuple[Lesson, ...]) -> Iterator[str]:
    for place, lesson in enumerate(lessons, start=1):
        if int(lesson.number) != place:
            yield f"{lesson.slug} stands at place {place}; lessons are numbered in their order"
        for id, times in Counter(lesson.exercises).items():
            if times > 1:
                yield f"{lesson.slug}: exercise {id} is listed {times} times"

"""Finds what a class handed in: ``DIR/STUDENT/**/NN_slug.ipynb``. Judges nothing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import CourseError, UsageError
from labkit.grading.notebook import lesson_named, lesson_of, read_notebook, readable

Symbols = Mapping[str, Iterable[str]]


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one lesson, maybe several times.

    ``reason`` says why there is nothing to judge in it, where there is not. ``lesson`` is empty
    where nothing tells it; ``folder`` is the student's.
    """

    student: str
    folder: Path
    lesson: str
    notebooks: tuple[Path, ...]
    reason: str = ""


def find_submissions(folders: Sequence[Path], symbols: Symbols, *, out: Path) -> list[Submission]:
    """Return every submission in ``folders``, by student and lesson. ``out`` is none.

    ``symbols`` are the answers of each lesson. A name that is in several folders belongs to as
    many students, and the folder tells them apart: ``morning/ada``. Raises ``UsageError`` if a
    folder cannot be read or no folder holds a student.
    """
    given = {folder.resolve(): folder for folder in folders}
    students = [
        (path, each) for path in given for each in _students(path, given[path], out.resolve())
    ]
    if not students:
        names = " or ".join(str(folder) for folder in folders)
        raise UsageError(
            f"there are no submissions in {names}: "
            f"expected a folder for each student, such as ada/01_protocol.ipynb"
        )
    above = Path(os.path.commonpath(given))
    times = Counter(student.name for _, student in students)
    found: list[Submission] = []
    for folder, student in students:
        label = folder.relative_to(above) if times[student.name] > 1 else Path()
        found += _of_student(readable((label / student.name).as_posix()), student, symbols)
    return sorted(found, key=lambda one: (one.student, one.lesson, one.reason))


def _students(folder: Path, given: Path, out: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"the folder {given} cannot be read: {error.strerror}; "
            f"give the folder that holds one folder for each student"
        ) from error
    hidden = (".", "__")
    return [e for e in entries if e.is_dir() and e != out and not e.name.startswith(hidden)]


def _of_student(name: str, folder: Path, symbols: Symbols) -> list[Submission]:
    if folder.is_symlink():
        return [Submission(name, folder, "", (), "the student's folder is a link")]
    copies: dict[str, list[Path]] = {}
    refused: list[Submission] = []
    for path, reason in _notebooks(folder):
        lesson = lesson_named(path.name) or ""
        if not reason and lesson not in symbols:
            lesson, reason = _lesson_inside(path, symbols)
        if reason:
            refused.append(Submission(name, folder, lesson, (path,), reason))
        else:
            copies.setdefault(lesson, []).append(path)
    good = [Submission(name, folder, lesson, tuple(sorted(of))) for lesson, of in copies.items()]
    # A lesson has one grade: what is refused counts only where there is nothing better.
    bad = {one.lesson or one: one for one in refused if one.lesson not in copies}
    return [*good, *bad.values()] or [Submission(name, folder, "", (), "no notebook was handed in")]


def _notebooks(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every notebook in a student's folder, and why it is not to be read, if so."""
    unreadable: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for name in sorted(names):
            path = Path(place, name)
            if path.suffix == ".ipynb" and not name.startswith("."):
                is_inside = path.resolve().is_relative_to(folder)
                link = f"{readable(name)} is a link out of the student's folder"
                yield path, "" if is_inside else link
    for error in unreadable:
        path = Path(error.filename)
        yield path, f"the folder {readable(path.name)} cannot be read: {error.strerror}"


def _lesson_inside(path: Path, symbols: Symbols) -> tuple[str, str]:
    """Return the lesson whose answers a notebook of another name holds, or why there is none."""
    try:
        lesson = lesson_of(read_notebook(path), symbols)
    except CourseError as error:
        return "", str(error)
    return (lesson, "") if lesson else ("", f"{readable(path.name)} holds no answer of this course")

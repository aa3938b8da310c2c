"""Whether everything holds that authors must keep true. Repairs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from labkit.checks.registry import Exercise, exercises
from labkit.course import leaks, prose
from labkit.course.answers import audit_answer, audit_samples
from labkit.course.build import FOLDERS, built_paths
from labkit.course.exercises import answer_id, check_id, refuse_regions, refuse_unmatched
from labkit.course.findings import Finding
from labkit.course.manifest import MANIFEST, Course, Lesson, read_course
from labkit.course.markdown import Cell, read_cells
from labkit.errors import CourseError, LabkitError

#: Judges the notebook in a file: the status of each exercise of its lesson, by id.
Verdicts = Callable[[Path], Mapping[str, str]]

MIN_EXERCISES = 5
SOURCES = ("lesson.md", "exercises.md")

#: What the README shows, beside the lessons in ``course/``.
PICTURES = "images"


def audit(
    root: Path,
    *,
    verdicts: Verdicts,
    registered: Mapping[str, Exercise] | None = None,
    finished: Callable[[str], None] = lambda slug: None,
) -> list[Finding]:
    """Return what is not as it must be in the course in ``root``.

    ``registered`` are the exercises that have a check; ``finished`` hears of each lesson that is
    done. Raises ``CourseError`` where there is no manifest to go by.
    """
    course = read_course(root)
    known = exercises() if registered is None else registered
    found = [*_files(course), *_registration(course, known)]
    for lesson in course.written:
        found += _audit_lesson(course, lesson, known, verdicts)
        finished(lesson.slug)
    return found


def _files(course: Course) -> Iterator[Finding]:
    """Yield each file and folder that is missing, or that nothing accounts for."""
    folders = [lesson.slug for lesson in course.lessons]
    yield from _unexpected(course, "course", {Path(MANIFEST).name, PICTURES, *folders})
    for lesson in course.lessons:
        if lesson.is_written:
            yield from _unexpected(course, f"course/{lesson.slug}", set(SOURCES))
        elif (course.root / "course" / lesson.slug).exists():
            yield Finding(f"course/{lesson.slug}", f"{MANIFEST} lists no exercises of this lesson")
    paths = built_paths(course)
    for folder in FOLDERS:
        yield from _unexpected(course, folder, {Path(path).name for path in paths})
    for path in paths:
        if not (course.root / path).is_file():
            yield Finding(path, "it is missing; `labkit dev build` makes it")


def _unexpected(course: Course, folder: str, expected: set[str]) -> Iterator[Finding]:
    place = course.root / folder
    names = {entry.name for entry in place.iterdir()} if place.is_dir() else set()
    for name in sorted(names - expected):
        if not name.startswith("."):
            yield Finding(f"{folder}/{name}", f"nothing in {MANIFEST} accounts for it")


def _registration(course: Course, known: Mapping[str, Exercise]) -> Iterator[Finding]:
    listed = {exercise for lesson in course.written for exercise in lesson.exercises}
    for id in sorted(listed - known.keys()):
        yield Finding(MANIFEST, f"exercise {id} has no check in labkit.checks")
    for id in sorted(known.keys() - listed):
        yield Finding(MANIFEST, f"exercise {id} has a check in labkit.checks, but is not listed")
    for lesson in course.written:
        count = len(lesson.exercises)
        if count < MIN_EXERCISES:
            yield Finding(
                MANIFEST, f"{lesson.slug} has {count} exercises; the least is {MIN_EXERCISES}"
            )


def _audit_lesson(
    course: Course, lesson: Lesson, known: Mapping[str, Exercise], verdicts: Verdicts
) -> Iterator[Finding]:
    try:
        text, sheet = (_source(course, lesson, name) for name in SOURCES)
        refuse_regions(text)
        refuse_unmatched(sheet, lesson)
    except CourseError as error:
        file, _, finding = str(error).partition(": ")
        yield Finding(file, finding)
        return
    yield from prose.audit_lesson(text, lesson)
    yield from prose.audit_exercises(sheet, lesson)
    by_id = {cell.id: cell for cell in sheet}
    ours = {id: known[id] for id in lesson.exercises if id in known}
    for id, exercise in ours.items():
        yield from audit_answer(by_id[answer_id(id)], by_id[check_id(id)], exercise)
    yield from audit_samples(course.root, lesson, ours)
    yield from _notebooks(course, lesson, sheet, verdicts)


def _source(course: Course, lesson: Lesson, name: str) -> list[Cell]:
    path = f"course/{lesson.slug}/{name}"
    return read_cells(course.root / path, path)


def _notebooks(
    course: Course, lesson: Lesson, sheet: Sequence[Cell], verdicts: Verdicts
) -> Iterator[Finding]:
    expected = dict(zip(FOLDERS, ("", "todo", "pass"), strict=True))
    for folder, status in expected.items():
        path = f"{folder}/{lesson.slug}.ipynb"
        file = course.root / path
        if not file.is_file():
            continue
        try:
            notebook = leaks.read_notebook(file)
            yield from leaks.audit_outputs(notebook, path)
            if folder == "exercises":
                yield from leaks.audit_exercise(notebook, path, sheet)
            if status:
                yield from _statuses(path, lesson, verdicts(file), status)
        except LabkitError as error:
            yield Finding(path, str(error))


def _statuses(
    path: str, lesson: Lesson, statuses: Mapping[str, str], expected: str
) -> Iterator[Finding]:
    for id in lesson.exercises:
        status = statuses.get(id, "not judged")
        if status != expected:
            yield Finding(path, f"exercise {id} is {status}, but must be {expected}")

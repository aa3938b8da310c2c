"""Derives every notebook from the course's Markdown, and compares it with what is stored."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from labkit.checks.registry import find
from labkit.course.exercises import make_exercise, make_solution, refuse_regions, refuse_unmatched
from labkit.course.manifest import Course, Lesson, read_course
from labkit.course.markdown import Cell, read_cells
from labkit.course.notebook import first_difference, make_notebook, serialize
from labkit.errors import CourseError

#: The three folders of built notebooks: read, filled in, solved.
FOLDERS = ("notebooks", "exercises", "solutions")
# Kernels that run at the same time. A lesson's cells mostly wait, and a kernel is a process.
_KERNELS = 2

Derivation = Callable[[], Awaitable[dict[str, bytes]]]


def built_paths(course: Course) -> list[str]:
    """Return where the course's notebooks stand, from its root, in order."""
    return [f"{folder}/{lesson.slug}.ipynb" for lesson in course.written for folder in FOLDERS]


def build(
    root: Path,
    *,
    points_of: Callable[[str], int] = lambda exercise: find(exercise).points,
    finished: Callable[[str], None] = lambda path: None,
) -> dict[str, bytes]:
    """Return every notebook of the course in ``root``, by its path from there. Write nothing.

    The same sources give the same bytes. ``finished`` hears of each path when it is done. Raises
    ``CourseError`` where a source is not as it must be, or a cell does not run.
    """
    course = read_course(root)
    built = asyncio.run(_build(course, points_of, finished))
    return {path: built[path] for path in built_paths(course)}


def differences(root: Path, built: Mapping[str, bytes]) -> list[str]:
    """Return a sentence for each notebook under ``root`` that is not what was built."""
    found = []
    for path, data in built.items():
        try:
            stored = (root / path).read_bytes()
        except OSError as error:
            found.append(f"{path} cannot be read: {error.strerror}")
        else:
            if stored != data:
                where = first_difference(stored, data)
                found.append(f"{path} is not what its source says; first difference: {where}")
    return found


def write(root: Path, built: Mapping[str, bytes]) -> list[str]:
    """Write the notebooks that changed, each in one step. Return their paths."""
    written = []
    for path, data in built.items():
        target = root / path
        if target.is_file() and target.read_bytes() == data:
            continue
        target.parent.mkdir(exist_ok=True)
        _replace(target, data)
        written.append(path)
    return written


async def _build(
    course: Course, points_of: Callable[[str], int], finished: Callable[[str], None]
) -> dict[str, bytes]:
    built: dict[str, bytes] = {}
    free = asyncio.Semaphore(_KERNELS)

    async def run(derivation: Derivation) -> None:
        async with free:
            notebooks = await derivation()
        built.update(notebooks)
        for path in notebooks:
            finished(path)

    derivations = [each for lesson in course.written for each in _plan(course, lesson, points_of)]
    try:
        async with asyncio.TaskGroup() as tasks:
            for derivation in derivations:
                tasks.create_task(run(derivation))
    except ExceptionGroup as group:
        # One is enough to say: what else failed was cut short by the first.
        raise group.exceptions[0] from None
    return built


def _plan(
    course: Course, lesson: Lesson, points_of: Callable[[str], int]
) -> tuple[Derivation, Derivation]:
    """Read the lesson's sources. Return what makes its notebooks of them."""
    # It imports Jupyter's client, which no other command should wait for.
    from labkit.course.execution import run_notebook

    read, filled_in, solved = (f"{folder}/{lesson.slug}.ipynb" for folder in FOLDERS)
    lesson_cells = _source(course, lesson, "lesson.md")
    refuse_regions(lesson_cells)
    cells = _source(course, lesson, "exercises.md")
    refuse_unmatched(cells, lesson)

    async def derive_lesson() -> dict[str, bytes]:
        notebook = make_notebook(lesson_cells, {})
        await run_notebook(notebook, lesson_cells[0].file)
        return {read: serialize(notebook)}

    async def derive_exercises() -> dict[str, bytes]:
        solution = make_solution(cells, lesson, points_of)
        await run_notebook(solution, cells[0].file)
        exercise = make_exercise(cells, lesson, solution)
        return {filled_in: serialize(exercise), solved: serialize(solution)}

    return derive_lesson, derive_exercises


def _source(course: Course, lesson: Lesson, name: str) -> list[Cell]:
    path = f"course/{lesson.slug}/{name}"
    cells = read_cells(course.root / path, path)
    if not cells:
        raise CourseError(f"{path} is empty")
    return cells


def _replace(target: Path, data: bytes) -> None:
    """Write ``data`` so that whoever reads finds the old file or the new one, whole."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise

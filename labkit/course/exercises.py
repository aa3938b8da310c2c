"""The two notebooks of a lesson's exercises, from one Markdown: what learners get, and solved.

Runs neither of them.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

from labkit.course.manifest import MANIFEST, Lesson
from labkit.course.markdown import Cell
from labkit.course.notebook import make_notebook
from labkit.course.strip import find_regions, strip_solution
from labkit.errors import CourseError

# Under --nbval-lax, a cell with this tag is compared with its stored output, and no other is.
CHECK_OUTPUT = "nbval-check-output"


def answer_id(exercise: str) -> str:
    """Return the id of the cell that holds the answer: ``ex-01-3`` for ``01.3``."""
    return f"ex-{exercise.replace('.', '-')}"


def check_id(exercise: str) -> str:
    """Return the id of the cell that checks the answer: ``check-01-3`` for ``01.3``."""
    return f"check-{exercise.replace('.', '-')}"


def refuse_unmatched(cells: Sequence[Cell], lesson: Lesson) -> None:
    """Raise ``CourseError`` unless ``cells`` hold the lesson's exercises, each with its check.

    No cell but an answer may hold a solution.
    """
    answers = {answer_id(exercise) for exercise in lesson.exercises}
    for kind in (answer_id, check_id):
        expected = [kind(exercise) for exercise in lesson.exercises]
        found = [cell.id for cell in cells if re.fullmatch(kind(r"\d+.\d+"), cell.id)]
        _refuse_other(found, expected, cells[0].file)
    places = {cell.id: place for place, cell in enumerate(cells)}
    for exercise in lesson.exercises:
        checker = cells[places[check_id(exercise)]]
        where = f"{checker.file}:{checker.line}: {checker.id}"
        if places[checker.id] < places[answer_id(exercise)]:
            raise CourseError(f"{where} stands before the answer that it checks")
        if not _calls_check(checker.source, exercise):
            raise CourseError(f'{where} does not call check("{exercise}", …)')
    refuse_regions([cell for cell in cells if cell.id not in answers])


def refuse_regions(cells: Sequence[Cell]) -> None:
    """Raise ``CourseError`` where one of ``cells``, none of them an answer, holds a solution."""
    for cell in cells:
        if cell.kind == "code" and find_regions(cell.source, file=cell.file, line=cell.line):
            raise CourseError(
                f"{cell.file}:{cell.line}: the cell {cell.id} holds a solution, but only the "
                f"answer of an exercise may, ex-NN-k"
            )


def make_solution(cells: Sequence[Cell], lesson: Lesson, points_of: Callable[[str], int]) -> Any:
    """Return the notebook with the answers, in nbgrader's source format. It was not run."""
    metadata: dict[str, dict[str, Any]] = {}
    for exercise in lesson.exercises:
        answer, checker = answer_id(exercise), check_id(exercise)
        metadata[answer] = {"nbgrader": _nbgrader(answer, solution=True)}
        metadata[checker] = {
            "nbgrader": _nbgrader(checker, solution=False) | {"points": points_of(exercise)},
            "tags": [CHECK_OUTPUT],
        }
    return make_notebook(cells, metadata)


def make_exercise(cells: Sequence[Cell], lesson: Lesson, solved: Any) -> Any:
    """Return the notebook that learners fill in. ``solved`` is the solution, which was run.

    Its check cells hold what they print once the answer is right; nothing else holds an output.
    """
    exercises = {answer_id(exercise): exercise for exercise in lesson.exercises}
    checks = {check_id(exercise): exercise for exercise in lesson.exercises}
    stubs = [
        dataclasses.replace(
            cell,
            source=strip_solution(cell.source, exercises[cell.id], file=cell.file, line=cell.line),
        )
        if cell.id in exercises
        else cell
        for cell in cells
    ]
    run = {cell.id: cell for cell in solved.cells}
    notebook = make_notebook(stubs, {id: run[id].metadata for id in exercises | checks})
    for cell in notebook.cells:
        if cell.id in checks:
            _refuse_unpassed(run[cell.id].outputs, checks[cell.id], cells[0].file)
            cell.outputs = copy.deepcopy(run[cell.id].outputs)
            # nbval takes a cell with outputs and no count for a mistake.
            cell.execution_count = run[cell.id].execution_count
    return notebook


def _refuse_other(found: Sequence[str], expected: Sequence[str], file: str) -> None:
    for id in expected:
        if id not in found:
            raise CourseError(f"{file} has no cell {id}, but {MANIFEST} lists its exercise")
    for id in found:
        if id not in expected:
            raise CourseError(f"{file} has a cell {id}, but {MANIFEST} lists no such exercise")
    if found != expected:
        raise CourseError(f"{file}: {', '.join(found)} are not in the order of {MANIFEST}")


def _nbgrader(id: str, *, solution: bool) -> dict[str, Any]:
    return {
        "schema_version": 3,
        "grade_id": id,
        "grade": not solution,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }


def _calls_check(source: str, exercise: str) -> bool:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("check"), args=[ast.Constant(str(id)), *_]):
                if id == exercise:
                    return True
    return False


def _refuse_unpassed(outputs: Sequence[Any], exercise: str, file: str) -> None:
    text = "".join(output.get("text", "") for output in outputs)
    if len(outputs) != 1 or not text.startswith(f"PASS {exercise} ") or text.count("\n") != 1:
        first = text.partition("\n")[0] or "it prints nothing"
        raise CourseError(f"{file}: the solution of {exercise} must print its PASS line: {first}")

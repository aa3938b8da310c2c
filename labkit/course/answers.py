"""What must hold of an exercise: its stub, its check cell, its hints, its sample answers.

Runs no answer and no check.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from runpy import run_path
from typing import Any

from labkit.checks.registry import Exercise
from labkit.course.findings import Finding
from labkit.course.manifest import Lesson
from labkit.course.markdown import Cell
from labkit.course.strip import strip_solution
from labkit.errors import CourseError

HINTS = 3
MIN_WRONG = 3
MIN_RIGHT = 2


def audit_answer(answer: Cell, checker: Cell, exercise: Exercise) -> Iterator[Finding]:
    """Yield what is wrong with the two cells of an exercise, and with what is said of it."""
    try:
        stub = strip_solution(answer.source, exercise.id, file=answer.file, line=answer.line)
        tree = ast.parse(stub)
    except (CourseError, SyntaxError) as error:
        yield Finding(answer.file, f"{answer.id} leaves no stub that is Python: {error}")
        return
    if exercise.symbol not in _defined(tree):
        yield Finding(
            answer.file, f"{answer.id} does not define {exercise.symbol}, which is checked"
        )
    if any(map(_is_raise, _run_at_once(tree))):
        yield Finding(
            answer.file,
            f"the stub of {answer.id} is raised as soon as the cell runs, so that nothing is "
            f"defined: put the solution region inside a function",
        )
    if f"{exercise.symbol})" not in checker.source:
        yield Finding(checker.file, f"{checker.id} does not pass {exercise.symbol} to check()")
    hints = [hint for hint in exercise.hints if hint.strip()]
    if len(set(hints)) != HINTS:
        yield Finding(f"exercise {exercise.id}", f"it has no {HINTS} different hints with a text")
    if not exercise.about:
        yield Finding(
            f"exercise {exercise.id}", "its check has no docstring to say what it is about"
        )


def audit_samples(
    root: Path, lesson: Lesson, exercises: Mapping[str, Exercise]
) -> Iterator[Finding]:
    """Yield which exercises lack the wrong and the right answers that tests run."""
    file = f"tests/checks/answers/lesson{lesson.number}.py"
    if not (root / file).is_file():
        yield Finding(file, "it is missing: it holds the wrong and the right answers")
        return
    try:
        samples = run_path(str(root / file))
    except Exception as error:
        # It is code of anyone's making, and what it raises is what there is to find.
        yield Finding(file, f"it cannot be run: {error!r}")
        return
    wrong, right = samples.get("WRONG", {}), samples.get("RIGHT", {})
    for id in exercises:
        yield from _too_few(file, id, "wrong", wrong.get(id, {}), MIN_WRONG)
        yield from _too_few(file, id, "right", right.get(id, {}), MIN_RIGHT)
        for description, (_, message) in wrong.get(id, {}).items():
            if not message.strip():
                yield Finding(file, f"wrong answer {description!r} to {id} names no message")
    for id in sorted((wrong.keys() | right.keys()) - exercises.keys()):
        yield Finding(file, f"it answers {id}, which is no exercise of {lesson.slug}")


def _too_few(
    file: str, id: str, kind: str, answers: Mapping[str, Any], least: int
) -> Iterator[Finding]:
    if len(answers) < least:
        yield Finding(file, f"{id} has {len(answers)} {kind} answers; the least is {least}")


def _defined(tree: ast.Module) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def _run_at_once(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when the cell does: all but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _run_at_once(child)


def _is_raise(node: ast.AST) -> bool:
    match node:
        case ast.Raise(exc=ast.Call(func=ast.Name("NotImplementedError"))):
            return True
    return False

"""Tells what an answer gave and where it stands, by the learner's own lines. Runs nothing."""

from __future__ import annotations

import inspect
import linecache
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import CoroutineType, FrameType, GeneratorType
from typing import Any

from labkit.checks import plain
from labkit.checks.messages import Place, Raised, Returned, Unwritten

MAX_TEXT = 300

Step = tuple[FrameType, int]


def returned(value: object, *, remedy: str) -> Returned:
    """Return what was returned; ``remedy`` says what to do if that is a coroutine."""
    if inspect.iscoroutine(value):
        value.close()
        value = plain.Foreign(f"a coroutine: {remedy}")
    return Returned(plain.encode(value))


def report(error: BaseException, code: Mapping[str, Any]) -> Raised | Unwritten:
    """Return what ``error`` says. ``code`` is the globals of the learner's cells."""
    text = _text_of(error)
    # labkit's stub names the exercise, nbgrader's says nothing.
    if type(error) is NotImplementedError and (not text or text.startswith("exercise ")):
        return Unwritten("the cell still holds the stub")
    steps = list(traceback.walk_tb(error.__traceback__))
    kind, arguments = type(error).__name__, plain.encode(list(error.args))
    return Raised(kind, text, arguments, innermost(reversed(steps), code))


def innermost(steps: Iterable[Step], code: Mapping[str, Any]) -> Place | None:
    """Return the first of ``steps``, which go from the inside out, that is a line of ``code``.

    A line that stands in no cell, as in what ``eval`` is given, counts if there is no other.
    """
    places = (
        Place(line, linecache.getline(frame.f_code.co_filename, line).strip())
        for frame, line in steps
        if frame.f_globals is code
    )
    first = next(places, None)
    return first if first is None or first.source else next((p for p in places if p.source), first)


def blocking(steps: Sequence[Step], code: Mapping[str, Any]) -> Place | None:
    """Return the line of ``code`` that does not come back: a coroutine's, if there is one.

    What it calls may be as it should be; that it is called there is not.
    """
    of_coroutines = (step for step in steps if step[0].f_code.co_flags & inspect.CO_COROUTINE)
    return innermost(of_coroutines, code) or innermost(steps, code)


def outwards(frame: FrameType | None) -> Iterator[Step]:
    """Walk from ``frame`` to its callers."""
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def awaiting(awaited: object) -> Iterator[Step]:
    """Walk from what a coroutine waits for in the end out to the coroutine itself."""
    steps: list[Step] = []
    while True:
        match awaited:
            case CoroutineType():
                frame, awaited = awaited.cr_frame, awaited.cr_await
            case GeneratorType():
                frame, awaited = awaited.gi_frame, awaited.gi_yieldfrom
            case _:
                return reversed(steps)
        if frame is not None:
            steps.append((frame, frame.f_lineno))


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:MAX_TEXT]
    except Exception as nested:
        return f"its `__str__` raised {type(nested).__name__}"

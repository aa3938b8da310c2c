"""What a task is called. Asks neither where it waits nor what became of it."""

from __future__ import annotations

import re
from typing import Any

from labkit.kernel.belongings import Task
from labkit.kernel.places import Places


def name_of(task: Task, places: Places) -> str:
    """Return the name that the reader gave ``task``, else the name of the function it runs."""
    if is_named(task):
        return task.get_name()
    # A server runs the reader's handler inside of a function of its own.
    for frame in places.frames_of(task.get_coro()):
        return frame.f_code.co_name
    return qualname(task).rpartition("<locals>.")[2]


def is_named(task: Task) -> bool:
    """Say whether somebody gave ``task`` a name."""
    # Python 3.13.0 calls a task of a task factory "None".
    return not re.fullmatch(r"Task-\d+|None", task.get_name())


def library_of(coroutine: Any) -> str:
    """Return the top-level package whose function ``coroutine`` is: ``asyncio``, ``websockets``."""
    frame = getattr(coroutine, "cr_frame", None)
    module = frame.f_globals.get("__name__", "") if frame else type(coroutine).__module__
    return str(module).partition(".")[0]


def qualname(task: Task) -> str:
    """Return the full name of the function that ``task`` runs."""
    coroutine: Any = task.get_coro()
    return getattr(coroutine, "__qualname__", type(coroutine).__name__)

"""Which task waits, where, and for what: read from its frames. Wakes none.

>>> async def order():
...     await asyncio.Event().wait()
>>> async def ask():
...     task = asyncio.create_task(order(), name="order")
...     await asyncio.sleep(0)
...     return waiting(task)
>>> asyncio.run(ask()).on
'Event.wait'
"""

from __future__ import annotations

import asyncio
import gc
import linecache
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from types import AsyncGeneratorType, CoroutineType, FrameType
from typing import Any

_WITH_FRAMES = (AsyncGeneratorType, CoroutineType)
# Where the standard library is an archive, as in Pyodide, its modules tell where.
_LIBRARIES = (
    *{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")},
    str(Path(asyncio.__file__).parents[1]),
)
_TITLES = ("task", "waits at", "for")


@dataclass(frozen=True)
class Waiting:
    """A task, the line of the user's own code at which it waits, and what that line called."""

    task: str
    at: str
    on: str


def waiting(task: asyncio.Task[Any]) -> Waiting:
    """Say where ``task`` waits. Without a line outside of the libraries, the innermost counts."""
    frames = list(suspended(task.get_coro()))
    own = [i for i, frame in enumerate(frames) if not _is_of_a_library(frame)]
    at = own[-1] if own else len(frames) - 1
    called = frames[at + 1 :]
    on = called[0].f_code.co_qualname if called else _awaited(task)
    return Waiting(task.get_name(), _line(frames[at]) if frames else "", on)


def table(rows: Iterable[Waiting]) -> str:
    """Return a line for each task, under a line of titles, in columns."""
    lines = [_TITLES, *(astuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def suspended(awaited: object) -> Iterator[FrameType]:
    """Walk from a coroutine to what it awaits, as far as there are frames, outermost first."""
    while awaited is not None:
        for prefix in ("cr", "gi", "ag"):
            if (frame := getattr(awaited, f"{prefix}_frame", None)) is not None:
                yield frame
            if hasattr(awaited, f"{prefix}_await"):
                awaited = getattr(awaited, f"{prefix}_await")
                break
            if hasattr(awaited, f"{prefix}_yieldfrom"):
                awaited = getattr(awaited, f"{prefix}_yieldfrom")
                break
        else:
            # `async for`, and an `__await__` that delegates, keep what they run to themselves.
            held = gc.get_referents(awaited)
            awaited = next((one for one in held if isinstance(one, _WITH_FRAMES)), None)


def _is_of_a_library(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_LIBRARIES)


def _line(frame: FrameType) -> str:
    name, line = frame.f_code.co_filename, frame.f_lineno
    return f"{Path(name).name}, line {line}: `{linecache.getline(name, line).strip()}`"


def _awaited(task: asyncio.Task[Any]) -> str:
    match getattr(task, "_fut_waiter", None):
        case asyncio.Task() as awaited:
            return f"task {awaited.get_name()}"
        case None:
            return "its turn"
        case _:
            return "a future"

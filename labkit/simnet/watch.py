"""Finds code that does not come back to its loop, and ends it. Knows nothing of networks.

A thread of its own looks whether the loop still turns: here a simulation depends on real time.
Where there are no threads, as in a browser, nobody watches. Code that waits inside a C function,
say for a ``threading.Lock``, ends only when that function returns; code that catches even what is
no ``Exception``, and goes on, may not end at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import sysconfig
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from labkit.errors import Blocked, SimulationError
from labkit.simnet.interruption import absorb, interrupt
from labkit.simnet.own_threads import own_threads

#: How long code may keep the loop from turning, in real seconds.
BUSY_S = 5.0

#: How often the watch looks before it is sure.
LOOKS = 10

_LIBRARIES = (
    *{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")},
    str(Path(__file__).parent),
)


class Watched(Protocol):
    """A loop as its watch sees it."""

    @property
    def turns(self) -> int:
        """How often code has come back to the loop."""
        ...

    @property
    def is_resting(self) -> bool:
        """Whether it waits, or does not run at all."""
        ...

    def end_with(self, error: SimulationError) -> None:
        """Run no more, and raise ``error`` where the loop was started."""
        ...


@contextlib.contextmanager
def watched(loop: Watched, busy_s: float = BUSY_S) -> Iterator[None]:
    """End what this thread runs on ``loop`` if it does not come back for ``busy_s`` seconds."""
    is_over = threading.Event()
    ident = threading.get_ident()
    watch = threading.Thread(
        target=_watch, args=(loop, ident, busy_s, is_over), name="labkit-watch", daemon=True
    )
    try:
        with own_threads(None):
            watch.start()
    except RuntimeError:
        yield
        return
    try:
        yield
    finally:
        is_over.set()
        with own_threads(None):
            watch.join()
        absorb()


def standing(frame: FrameType | None) -> str:
    """Name the innermost line of the user's own code; without one, the innermost of all."""
    lines = traceback.extract_stack(frame)
    own = [line for line in lines if not line.filename.startswith(_LIBRARIES)]
    at = (own or lines)[-1]
    return f"{Path(at.filename).name}, line {at.lineno}: `{at.line}`"


def _watch(loop: Watched, ident: int, busy_s: float, is_over: threading.Event) -> None:
    turn, looks = loop.turns, 0
    while not is_over.wait(busy_s / LOOKS):
        if loop.is_resting or loop.turns != turn:
            turn, looks = loop.turns, 0
            continue
        looks += 1
        if looks < LOOKS:
            continue
        if looks == LOOKS:
            at = standing(sys._current_frames().get(ident))
            loop.end_with(
                Blocked(
                    f"{_running(loop)} has not come back to the loop for {busy_s:g} s of real "
                    f"time, and everybody waits for it: {at}"
                )
            )
        # Again and again: code may catch it, and go on.
        interrupt(ident)


def _running(loop: Any) -> str:
    task = asyncio.current_task(loop)
    return "a callback" if task is None else f"task {task.get_name()}"

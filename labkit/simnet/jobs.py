"""A function that a simulated loop runs in a thread, and where it is. Starts no threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import enum
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

from labkit.simnet.watch import standing

_ASKING = {
    concurrent.futures.Future.result.__code__,
    concurrent.futures.Future.exception.__code__,
}


class State(enum.Enum):
    """What a thread does. One that is over ends instead of waking."""

    QUEUED = enum.auto()
    RUNS = enum.auto()
    SLEEPS = enum.auto()
    DONE = enum.auto()
    OVER = enum.auto()


class Job:
    """The ``number``th function of a loop. ``due_ns`` is when it starts, wakes, or hands in."""

    def __init__(
        self,
        number: int,
        call: Callable[[], Any],
        *,
        due_ns: int,
        context: contextvars.Context,
        chance: AbstractContextManager[None],
        crew: object,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.number = number
        self.due_ns = due_ns
        self.chance = chance
        #: Whose workers do it.
        self.crew = crew
        self.state = State.QUEUED
        self.result: asyncio.Future[Any] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        #: What it wants the loop to call.
        self.handles: list[asyncio.Handle] = []
        #: By how much a function without a thread is ahead of its loop: the time it has slept.
        self.ahead_ns = 0
        self.thread: threading.Thread | None = None
        self._call = call
        self._context = context
        self._has_asked = False
        self._value: Any = None
        self._error: BaseException | None = None

    def order(self) -> tuple[int, int]:
        """Return what decides who goes first."""
        return self.due_ns, self.number

    def run(self) -> None:
        """Call the function, and keep what it returns or raises."""
        try:
            self._value = self._context.run(self._call)
        except BaseException as error:
            self._error = error

    def take(self, future: concurrent.futures.Future[Any]) -> None:
        """Keep what an executor has to tell."""
        self._error = future.exception()
        self._value = None if self._error else future.result()

    def hand_in(self) -> None:
        """Give the loop what was kept."""
        self.ended.set_result(None)
        if self.result.done():
            return
        if self._error is None:
            self.result.set_result(self._value)
        else:
            self.result.set_exception(self._error)

    def ask(self, handle: asyncio.Handle) -> None:
        """Want the loop to call ``handle``."""
        self.handles.append(handle)
        self._has_asked = True

    def is_asking(self) -> bool:
        """Whether it waits for what ``asyncio.run_coroutine_threadsafe`` has promised it."""
        frame = self._frame() if self._has_asked else None
        while frame is not None:
            if frame.f_code in _ASKING:
                return not frame.f_locals["self"].done()
            frame = frame.f_back
        return False

    def describe(self) -> str:
        """Name the function, and the line at which it is."""
        call: Any = self._call
        while (inner := getattr(call, "func", None)) is not None:
            # `asyncio.to_thread` has the context call the function.
            call = call.args[0] if getattr(inner, "__name__", "") == "run" else inner
        name = getattr(call, "__qualname__", repr(call))
        frame = self._frame()
        return name if frame is None else f"{name}, at {standing(frame)}"

    def _frame(self) -> FrameType | None:
        ident = self.thread.ident if self.thread is not None else None
        return None if ident is None else sys._current_frames().get(ident)

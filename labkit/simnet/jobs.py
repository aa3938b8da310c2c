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
from typing import Any, Protocol

from labkit.simnet.tasks import LOCALHOST, current_host
from labkit.simnet.waiting import Waiting
from labkit.simnet.watch import standing


class Loop(Protocol):
    """What a job needs of its loop."""

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of the loop."""
        ...


class State(enum.Enum):
    """What a thread does."""

    QUEUED = enum.auto()
    RUNS = enum.auto()
    RESTS = enum.auto()
    DONE = enum.auto()


class Job:
    """The ``number``th function of a loop.

    ``due_ns`` is when it starts, goes on, or hands in; None: not before ``is_ready``.
    """

    def __init__(
        self,
        number: int,
        call: Callable[[], Any],
        *,
        due_ns: int,
        context: contextvars.Context,
        chance: AbstractContextManager[None],
        crew: object,
        loop: Loop,
    ) -> None:
        self.number = number
        self.due_ns: int | None = due_ns
        self.chance = chance
        #: Whose workers do it.
        self.crew = crew
        self.state = State.QUEUED
        #: Where it runs.
        self.host = context.get(current_host, LOCALHOST)
        #: Whether it ends, where it would rest.
        self.is_over = False
        #: What it has called to rest, and whether it may go on before its time.
        self.call = ""
        self.is_ready: Callable[[], object] = lambda: False
        self.result: asyncio.Future[Any] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        #: What it wants the loop to call.
        self.handles: list[asyncio.Handle] = []
        #: By how much a function without a thread is ahead of its loop: the time it has slept.
        self.ahead_ns = 0
        self.thread: threading.Thread | None = None
        #: Whether nobody waits for it any more: it was started by the code itself, and does not
        #: come to rest.
        self.is_left_alone = False
        self._call = call
        self._context = context
        self._value: Any = None
        self._error: BaseException | None = None

    @property
    def is_own(self) -> bool:
        """Whether the code has started it itself."""
        return self.thread is not None and self.crew is self.thread

    def rest(self, call: str, until_ns: int | None, is_ready: Callable[[], object]) -> None:
        """Be called again at ``until_ns``, or as soon as it ``is_ready``."""
        self.state = State.RESTS
        self.is_left_alone = False
        self.call, self.due_ns, self.is_ready = call, until_ns, is_ready

    def is_due(self, now_ns: int) -> bool:
        """Whether its time has come."""
        return self.due_ns is not None and self.due_ns <= now_ns

    def may_go_on(self, now_ns: int) -> bool:
        """Whether it rests, and need not any more."""
        if self.state is not State.RESTS:
            return False
        return self.is_over or self.is_due(now_ns) or bool(self.is_ready())

    def order(self, now_ns: int) -> tuple[int, int]:
        """Return what decides who goes first."""
        return now_ns if self.due_ns is None else min(self.due_ns, now_ns), self.number

    def do(self) -> Any:
        """Call the function."""
        return self._context.run(self._call)

    def run(self) -> None:
        """Call the function, and keep what it returns or raises."""
        try:
            self._value = self.do()
        except BaseException as error:
            self._error = error

    def take(self, future: concurrent.futures.Future[Any]) -> None:
        """Keep what an executor has to tell."""
        self._error = future.exception()
        self._value = None if self._error else future.result()

    def hand_in(self) -> None:
        """Give the loop what was kept."""
        self.ended.set_result(None)
        if self.is_over:
            self.result.cancel()
        if self.result.done():
            return
        if self._error is None:
            self.result.set_result(self._value)
        else:
            self.result.set_exception(self._error)

    def ask(self, handle: asyncio.Handle) -> None:
        """Want the loop to call ``handle``."""
        self.handles.append(handle)

    def describe(self) -> str:
        """Name the function, and the line at which it is."""
        frame = self._frame()
        return self._name() if frame is None else f"{self._name()}, at {standing(frame)}"

    def waiting(self) -> Waiting:
        """Say where it rests."""
        return Waiting(f"thread of {self._name()}", standing(self._frame()), self.call)

    def _name(self) -> str:
        call: Any = self._call
        while (inner := getattr(call, "func", None)) is not None:
            # `asyncio.to_thread` has the context call the function.
            call = call.args[0] if getattr(inner, "__name__", "") == "run" else inner
        return getattr(call, "__qualname__", repr(call))

    def _frame(self) -> FrameType | None:
        ident = self.thread.ident if self.thread is not None else None
        return None if ident is None else sys._current_frames().get(ident)

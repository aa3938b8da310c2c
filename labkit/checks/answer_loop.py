"""The event loop in which answers run: it can tell when it rests, and for how long. Runs nothing.

A check need not wait to learn that nothing more will come: it asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import weakref
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from typing import Any, TypeVar, TypeVarTuple

#: A loop that has still something to do after so many turns, and after so long, acts to no avail,
#: as `while True: await asyncio.sleep(0)` does.
RESTLESS_TURNS = 200
RESTLESS_S = 1.0

Arguments = TypeVarTuple("Arguments")
Value = TypeVar("Value")
Work = Generator[Any, None, Value] | Coroutine[Any, Any, Value]
Tasks = weakref.WeakSet[asyncio.Task[Any]]

#: The tasks that the code which is running now starts, and those that they start, and so on.
offspring: ContextVar[Tasks] = ContextVar("offspring")


class AnswerLoop(asyncio.SelectorEventLoop):
    """An event loop that can tell whether it will do anything if nothing arrives.

    ``turns`` counts how often it has come round.
    """

    def __init__(self) -> None:
        self.turns = 0
        self._timers: weakref.WeakSet[asyncio.TimerHandle] = weakref.WeakSet()
        self._in_threads: weakref.WeakSet[asyncio.Future[Any]] = weakref.WeakSet()
        self._resting: dict[asyncio.Future[None], int] = {}
        super().__init__(_WatchedSelector(self._turn, self._rest))

    async def settle(self) -> float | None:
        """Let everything that has arrived be acted on.

        Return in how many seconds the loop will act of itself after that; None: never, or to no
        avail.
        """
        at_rest = self.create_future()
        self._resting[at_rest] = self.turns + RESTLESS_TURNS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RESTLESS_S):
                await at_rest
        is_busy = any(not future.done() for future in self._in_threads)
        return 0.0 if is_busy else self._next_timer_s()

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do as the base class does, and remember the timer until it goes off."""

        def go_off(*args: *Arguments) -> None:
            self._timers.discard(handle)
            callback(*args)

        handle = super().call_at(when, go_off, *args, context=context)
        self._timers.add(handle)
        return handle

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Arguments], Value],
        *args: *Arguments,
    ) -> asyncio.Future[Value]:
        """Do as the base class does, and remember that a thread is at work."""
        future = super().run_in_executor(executor, func, *args)
        self._in_threads.add(future)
        return future

    def create_task(self, coro: Work[Value], **options: Any) -> asyncio.Task[Value]:
        """Do as the base class does, and count the task among its starter's offspring."""
        task = super().create_task(coro, **options)
        tasks = offspring.get(None)
        if tasks is not None:
            tasks.add(task)
        return task

    def _next_timer_s(self) -> float | None:
        now = self.time()
        left = (max(0.0, one.when() - now) for one in self._timers if not one.cancelled())
        return min(left, default=None)

    def _turn(self) -> None:
        self.turns += 1
        self._wake([waiter for waiter, turn in self._resting.items() if turn <= self.turns])

    def _rest(self) -> bool:
        """Wake those who wait for a rest; return whether there were any."""
        return self._wake(list(self._resting))

    def _wake(self, waiters: list[asyncio.Future[None]]) -> bool:
        for waiter in waiters:
            del self._resting[waiter]
            if not waiter.done():
                waiter.set_result(None)
        return bool(waiters)


class _WatchedSelector(selectors.DefaultSelector):
    """Calls ``turn`` whenever the loop comes round, and ``rest`` when it would wait now.

    If ``rest`` returns true, the loop goes on.
    """

    def __init__(self, turn: Callable[[], None], rest: Callable[[], bool]) -> None:
        super().__init__()
        self._turn = turn
        self._rest = rest

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turn()
        if timeout is None or timeout > 0:
            events = super().select(0)
            if events or self._rest():
                return events
        return super().select(timeout)

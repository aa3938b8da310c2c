"""The event loop in which answers run, in a simulated network. Judges nothing.

What a learner's function sleeps for, it need not wait for; but code that was to let others run may
not sleep at all.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, TypeVar

from labkit.simnet.loop import SimLoop
from labkit.simnet.schedule import nanoseconds
from labkit.simnet.seam import Network

#: An answer that never rests, as `while True: await asyncio.sleep(0)` does, sees time go by: it is
#: waited for as long as one that rests, which is not forever.
TURN_NS = 2_000_000

Value = TypeVar("Value")
Work = Generator[Any, None, Value] | Coroutine[Any, Any, Value]
Tasks = weakref.WeakSet[asyncio.Task[Any]]

#: The tasks that the code which is running now starts, and those that they start, and so on.
offspring: ContextVar[Tasks] = ContextVar("offspring")


class AnswerLoop(SimLoop):
    """A simulated loop that knows whose tasks are whose, and what a sleep means.

    With ``lets_others_run``, code that sleeps or waits is ended, when ``blocked`` was called from
    there. Otherwise it has slept at once, up to ``patience_s`` in all, and the clocks are ahead.
    """

    def __init__(
        self,
        network: Network,
        *,
        patience_s: float,
        hear: Callable[[bytes], object],
        blocked: Callable[[], object],
    ) -> None:
        super().__init__(network, turn_ns=TURN_NS, thread_s=patience_s, hear=hear)
        self.lets_others_run = False
        #: How far the clocks of a function that has slept are ahead.
        self.ahead_s = 0.0
        self._blocked = blocked
        # asyncio lets go of a task that nobody refers to: its cleaning up would be run by whichever
        # thread happens to collect garbage.
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._patience_s = patience_s
        now_ns = self.clock.now_ns
        self.clock = replace(self.clock, now_ns=lambda: now_ns() + nanoseconds(self.ahead_s))

    def create_task(self, coro: Work[Value], **options: Any) -> asyncio.Task[Value]:
        """Do as the base class does, and count the task among its starter's offspring."""
        task = super().create_task(coro, **options)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        tasks = offspring.get(None)
        if tasks is not None:
            tasks.add(task)
        return task

    def close(self) -> None:
        """Do as the base class does, but leave tasks that do not end as they are, for good.

        Whichever thread forgot one would have to run it once more, so that it may clean up; and one
        that catches everything would never let go of that thread.
        """
        for task in self._unfinished:
            _keep_for_good(task)
        super().close()

    def _block(self, seconds: float) -> None:
        if not self.lets_others_run and self.ahead_s + seconds <= self._patience_s:
            self.ahead_s += seconds
            return
        super()._block(seconds)

    def _end_who_waits(self, call: str, remedy: str) -> None:
        # Before it raises: what anybody does about that does not happen any more.
        self._blocked()
        super()._end_who_waits(call, remedy)


def _keep_for_good(thing: object) -> None:
    import ctypes

    # Whatever refers to it by name is forgotten when the process ends, at the latest.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))

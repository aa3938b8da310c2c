"""An asyncio event loop in virtual time: its tasks, its threads, and when it rests.

Makes no sockets; what it rests on is a network, which moves the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextvars import Context, copy_context
from dataclasses import astuple
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from labkit.errors import Blocked, SimulationError
from labkit.simnet.access import Access
from labkit.simnet.clocks import Clock
from labkit.simnet.interruption import Interrupted
from labkit.simnet.refusals import Refusals
from labkit.simnet.schedule import seconds
from labkit.simnet.seam import Network
from labkit.simnet.selector import STILL_TURNS, TURN_NS, Selector
from labkit.simnet.sockets import Sockets
from labkit.simnet.tasks import LOCALHOST, SimTask, current_host
from labkit.simnet.threads import Threads
from labkit.simnet.waiting import Waiting, table, waiting
from labkit.simnet.watch import standing

#: What the virtual clock can tell apart.
RESOLUTION_S = 1e-9

Arguments = TypeVarTuple("Arguments")
Value = TypeVar("Value")


class VirtualLoop(Refusals):
    """An event loop whose clock is that of ``network``.

    ``skew_s`` tells how far a host's wall clock is ahead. A loop that turns ``still_turns`` times
    while no time passes never will again: that raises Blocked. Where it never rests, a turn takes
    ``turn_ns``. A function in a thread may keep everybody waiting for ``thread_s`` real seconds.
    ``hear`` is called with what the loop is told from outside, which is no traffic.
    """

    def __init__(
        self,
        network: Network,
        *,
        skew_s: Callable[[str], float] = lambda host: 0.0,
        still_turns: int = STILL_TURNS,
        turn_ns: int = TURN_NS,
        thread_s: float | None = None,
        hear: Callable[[bytes], object] = lambda data: None,
    ) -> None:
        # Until there is one: a network may be gone before it begins.
        self._closed = True
        self._sockets = Sockets(network)
        self._sockets.hear, self._sockets.crashed = hear, self.end_tasks_of
        self._network = network
        #: What the clocks of the thread that runs it show.
        self.clock = Clock(
            now_ns=lambda: self._sockets.now_ns,
            skew_s=lambda: skew_s(current_host.get()),
            sleep=self._block,
        )
        #: How its own thread reaches the network: where nobody has to wait. See ``inhabited``.
        self.access = Access(self._sockets, alone=contextlib.nullcontext, wait=self._refuse_to_wait)
        #: Those that run what would block, and those that code on it starts.
        self.threads = Threads(self, thread_s=thread_s)
        self._task_numbers = itertools.count(1)
        self._is_waiting = False
        self._failure: BaseException | None = None
        # asyncio forgets its selector when the loop is closed.
        self._turning = Selector(
            self._sockets,
            self._rest,
            self._turn_in_vain,
            still_turns=still_turns,
            turn_ns=turn_ns,
        )
        super().__init__(self._turning)
        self._clock_resolution = RESOLUTION_S
        self.set_task_factory(self._task)

    @property
    def turns(self) -> int:
        """How often code has come back to the loop."""
        return self._turning.turns

    @property
    def is_resting(self) -> bool:
        """Whether no code runs on it at present."""
        return self._is_waiting or not self.is_running()

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return seconds(self._sockets.now_ns)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call ``callback`` at a time. What is not past yet is a nanosecond ahead at least.

        asyncio takes for due what is nearer than its clock can tell. Who waits for the rest of a
        floating-point number would do so again and again, in no time.
        """
        now = self.time()
        if when > now:
            when = max(when, now + RESOLUTION_S)
        return super().call_at(when, callback, *args, context=context)

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Arguments], Value],
        *args: *Arguments,
    ) -> asyncio.Future[Value]:
        """Run ``func`` in a thread. Virtual time stands still until it is done, or sleeps."""
        self._check_closed()  # type: ignore[attr-defined]
        context = Context()
        context.run(current_host.set, current_host.get())
        return self.threads.submit(
            partial(func, *args),
            context=context,
            executor=executor or self._default_executor,  # type: ignore[attr-defined]
        )

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait until every function that was given to a thread has come back."""
        while jobs := [job for job in self.threads.jobs.values() if not job.is_own]:
            await jobs[0].ended

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call ``callback`` with the next turn; for a thread of this loop, once that rests."""
        if self.threads.jobs:
            self._check_closed()  # type: ignore[attr-defined]
            handle = asyncio.Handle(callback, args, self, context)
            if self.threads.asked(handle):
                return handle
        return super().call_soon_threadsafe(callback, *args, context=context)

    def tell(self, data: bytes) -> None:
        """Say something to who runs the loop from outside, once it rests."""
        self._network.tell(data)

    def end_tasks_of(self, host: str) -> None:
        """Cancel what runs on ``host``, in the order in which it began."""
        for task in sorted(asyncio.all_tasks(self), key=hash):
            if isinstance(task, SimTask) and task.host == host:
                task.cancel()
        self.threads.end(host)

    def end_with(self, error: BaseException) -> None:
        """Run no more, and raise ``error`` where the loop was started."""
        self._failure = error
        self.stop()

    def run_forever(self) -> None:
        """Run until stopped. Raises what the loop was ended with."""
        try:
            super().run_forever()
        finally:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure from failure.__cause__

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """See ``asyncio``. Of code that was interrupted, ``run_forever`` tells."""
        if not isinstance(context.get("exception"), Interrupted):
            super().call_exception_handler(context)

    def close(self) -> None:
        """Be done, and with the threads, too."""
        self.threads.close()
        super().close()

    def work(self) -> int:
        """Return how many callbacks wait for the next turn."""
        return len(self._ready)  # type: ignore[attr-defined]

    def take(self, handle: asyncio.Handle) -> None:
        """Call ``handle`` with the next turn."""
        self._add_callback(handle)  # type: ignore[attr-defined]

    def _task(self, loop: Any, coro: Any, **options: Any) -> SimTask:
        context = options.get("context") or copy_context()
        host = context.get(current_host, LOCALHOST)
        return SimTask(coro, loop=self, number=next(self._task_numbers), host=host, **options)

    def _rest(self, until_ns: int | None) -> None:
        self._is_waiting = True
        try:
            if self.threads.jobs:
                if not self.threads.settle():
                    return
                ends = [at for at in (until_ns, self.threads.due_ns()) if at is not None]
                until_ns = min(ends, default=None)
            self._sockets.wait(until_ns)
        except SimulationError as error:
            rows = [*map(waiting, asyncio.all_tasks(self)), *self.threads.waiting()]
            raise type(error)(_with_table(error, rows)) from None
        finally:
            self._is_waiting = False

    def _turn_in_vain(self, turns: int) -> None:
        callbacks = [getattr(handle, "_callback", None) for handle in self._ready]  # type: ignore[attr-defined]
        owners = [getattr(callback, "__self__", None) for callback in callbacks]
        tasks = [owner for owner in owners if isinstance(owner, asyncio.Task)]
        sentence = f"somebody never waits: the loop has turned {turns:,} times in no time"
        raise Blocked(_with_table(sentence, map(waiting, tasks or asyncio.all_tasks(self))))

    def _block(self, seconds: float) -> None:
        self._end_who_waits(f"time.sleep({seconds:g})", f"await asyncio.sleep({seconds:g})")

    def _refuse_to_wait(self, call: str, *_: object) -> None:
        self._end_who_waits(f"{call}()", "await asyncio.to_thread(...)")

    def _end_who_waits(self, call: str, remedy: str) -> None:
        at = standing(sys._getframe())
        error = Blocked(
            f"{call} keeps everybody waiting who runs on the same loop: {at}. Write `{remedy}`"
        )
        self.end_with(error)
        raise error

    # In place of a pipe to itself, which wakes asyncio's own loops.

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def _with_table(error: object, rows: Iterable[Waiting]) -> str:
    return f"{error}\n{table(sorted(rows, key=astuple))}"

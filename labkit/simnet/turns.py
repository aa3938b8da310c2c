"""Which threads of a simulated loop run, and for which of them the network is. Starts none.

The network is for the thread that went last. Any other that runs, be it that it has kept the next
one waiting for too long, or that the loop has work again, waits until it is told to go.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from labkit.simnet.jobs import Job, State
from labkit.simnet.own_threads import RealCondition


class Over(BaseException):
    """Ends a thread that rests when its loop is closed, or its host crashes."""


class Turns:
    """What the thread of the loop and its jobs tell each other."""

    def __init__(self) -> None:
        self._changed = RealCondition()
        self._holder: Job | None = None

    def give(self, job: Job) -> None:
        """Have ``job`` run, and the network be for it."""
        with self._changed:
            job.state = State.RUNS
            self._holder = job
            self._changed.notify_all()

    def take_back(self) -> None:
        """Have the network be for the loop again."""
        with self._changed:
            self._holder = None

    def rest(
        self,
        job: Job,
        call: str,
        until_ns: int | None,
        is_ready: Callable[[], object] = lambda: False,
    ) -> None:
        """Wait in the thread of ``job`` until it is told to go. Raises Over if it has to end."""
        with self._changed:
            if not job.is_over:
                job.rest(call, until_ns, is_ready)
                self._changed.notify_all()
                self._changed.wait_for(lambda: job.state is not State.RESTS)
        if job.is_over:
            raise Over

    def enter(self, job: Job) -> None:
        """Wait in the thread of ``job`` until it may begin. Raises Over if it must not."""
        with self._changed:
            self._changed.wait_for(lambda: job.state is not State.QUEUED)
        if job.is_over:
            raise Over

    @contextlib.contextmanager
    def alone(self, job: Job, now_ns: Callable[[], int]) -> Iterator[None]:
        """Run the block when the network is for ``job``, and keep everybody else from it."""
        with self._changed:
            while self._holder is not job:
                self.rest(job, "its turn", now_ns())
            yield

    def end(self, job: Job, due_ns: int) -> None:
        """Be done with ``job``: its result is for ``due_ns``."""
        with self._changed:
            job.due_ns = due_ns
            job.state = State.DONE
            self._changed.notify_all()

    def look(self, is_quiet: Callable[[], bool], limit_s: float) -> None:
        """Wait for so many real seconds, or until ``is_quiet``."""
        with self._changed:
            self._changed.wait_for(is_quiet, limit_s)

    def ask(self, job: Job, handle: asyncio.Handle) -> None:
        """Keep what ``job`` wants the loop to call."""
        with self._changed:
            job.ask(handle)

    def take(self, job: Job) -> list[asyncio.Handle]:
        """Return what ``job`` wants the loop to call, once."""
        with self._changed:
            handles, job.handles = job.handles, []
        return handles

"""What code finds around it in a worker thread of a simulated loop. Gives no turns.

Its clock is that of the loop, and to sleep is to rest until a virtual time. Where there are no
threads, as in a browser, whoever sleeps is ahead of the loop, and nobody can wait for a socket.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from labkit.simnet.access import Access
from labkit.simnet.blocking import blocking_sockets
from labkit.simnet.clocks import Clock, virtual_time
from labkit.simnet.jobs import Job, Loop
from labkit.simnet.own_threads import Parent, own_threads
from labkit.simnet.refusals import refuse
from labkit.simnet.schedule import nanoseconds
from labkit.simnet.turns import Turns

_NO_THREADS = (
    "this system starts no threads, so nobody can wait for a blocking socket: use "
    "asyncio.open_connection"
)


class Employer(Loop, Protocol):
    """The loop that the threads work for."""

    #: What the clocks show where no time is ahead.
    clock: Clock
    #: How its own thread reaches the network.
    access: Access


class Workplace:
    """Where the jobs of ``employer`` are done. ``parent`` is responsible for their own threads."""

    def __init__(self, employer: Employer, turns: Turns, *, parent: Parent) -> None:
        self._employer = employer
        self._turns = turns
        self._parent = parent
        self._by_ident: dict[int, Job] = {}

    def here(self) -> Job | None:
        """Return the job that this thread does."""
        return self._by_ident.get(threading.get_ident())

    @contextlib.contextmanager
    def of(self, job: Job) -> Iterator[None]:
        """Have this thread be where ``job`` is done."""
        ident = threading.get_ident()
        now_ns = self._employer.clock.now_ns
        clock = Clock(
            now_ns=lambda: now_ns() + job.ahead_ns,
            skew_s=self._employer.clock.skew_s,
            sleep=partial(self._sleep, job),
        )
        access = Access(
            self._employer.access.sockets,
            alone=partial(self._turns.alone, job, now_ns),
            wait=partial(self._wait, job),
        )
        parent = None
        if job.thread is not None:
            self._by_ident[ident], parent = job, self._parent
        try:
            with virtual_time(clock), blocking_sockets(access), own_threads(parent), job.chance:
                yield
        finally:
            self._by_ident.pop(ident, None)

    def _sleep(self, job: Job, seconds: float) -> None:
        delay_ns = nanoseconds(seconds)
        if job.thread is None:
            job.ahead_ns += delay_ns
            return
        self._turns.rest(job, "time.sleep", self._employer.clock.now_ns() + delay_ns)

    def _wait(
        self, job: Job, call: str, is_ready: Callable[[], object], until_ns: int | None
    ) -> None:
        if job.thread is None:
            refuse(_NO_THREADS)
        self._turns.rest(job, call, until_ns, is_ready)

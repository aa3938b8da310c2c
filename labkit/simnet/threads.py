"""The worker threads of a simulated loop, and what time it is in them. Knows no sockets.

Threads run while the loop rests, and virtual time stands still until each of them is done or
sleeps: ``time.sleep`` in a thread waits for the virtual time. Those that may run at the same moment
go one after the other, in the order in which they were asked for, and hand in their results in that
order. Only a thread that has not come to rest after ``GRACE_S`` may be waiting for another: then
the next one goes as well. Where there are no threads, as in a browser, a function runs at once, and
its result comes after the time for which it slept.

Not deterministic is what threads do to each other in more than ``GRACE_S`` of real time; what a
thread reads of the real world; and a thread that the code starts itself, for which nobody waits. Of
a ``ThreadPoolExecutor`` only the number of its workers counts; any other executor runs by itself,
in real time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import Context
from functools import partial
from typing import Any, Protocol

from labkit.errors import Blocked
from labkit.simnet.clocks import Clock, real_time, virtual_time
from labkit.simnet.entropy import branch
from labkit.simnet.jobs import Job, State
from labkit.simnet.schedule import nanoseconds

#: How long a thread may keep the simulation waiting, in real seconds.
THREAD_S = 10.0

#: How long the next thread waits for one that does not come to rest, in real seconds.
GRACE_S = 0.02

#: How many run at the same time where no executor says otherwise: asyncio's own limit.
WORKERS = 32

_LOOK_S = 0.001


class Over(BaseException):
    """Ends a thread that sleeps when its loop is closed."""


class Employer(Protocol):
    """The loop whose threads they are."""

    #: What the clocks show where no time is ahead.
    clock: Clock

    def work(self) -> int:
        """Return how many callbacks wait for its next turn."""
        ...

    def take(self, handle: asyncio.Handle) -> None:
        """Call ``handle`` with the next turn."""
        ...


class Threads:
    """The functions that ``employer`` runs in threads, until their results are handed in."""

    def __init__(self, employer: Employer) -> None:
        self.jobs: dict[int, Job] = {}
        self._employer = employer
        self._number = 0
        self._work = 0
        self._changed = threading.Condition()
        self._by_ident: dict[int, Job] = {}

    def submit(
        self, call: Callable[[], Any], *, context: Context, executor: Executor | None = None
    ) -> asyncio.Future[Any]:
        """Run ``call`` in a thread; return what its result comes in."""
        self._number += 1
        job = self.jobs[self._number] = Job(
            self._number,
            call,
            due_ns=self._employer.clock.now_ns(),
            context=context,
            chance=branch(f"thread {self._number}"),
            crew=executor,
        )
        if executor is not None and not isinstance(executor, ThreadPoolExecutor):
            job.state = State.RUNS
            executor.submit(call).add_done_callback(partial(self._take, job))
        return job.result

    def settle(self) -> bool:
        """Let threads run until all of them rest. Return whether time may pass then.

        Raises Blocked if one never rests.
        """
        self._work = self._employer.work()
        while True:
            if (job := self._next()) is not None:
                self._go(job)
            is_last = self._next() is None
            if not self._look(THREAD_S if is_last else GRACE_S) and is_last:
                self._give_up()
            if self._next() is None:
                break
        self._hand_over()
        return not self._is_wanted()

    def due_ns(self) -> int | None:
        """Return when the next thread wakes."""
        resting = (job for job in self.jobs.values() if job.state in (State.SLEEPS, State.DONE))
        return min((job.due_ns for job in resting), default=None)

    def asked(self, handle: asyncio.Handle) -> bool:
        """Keep what this thread wants to be called until it rests; False: it is none of these."""
        job = self._by_ident.get(threading.get_ident())
        if job is None:
            return False
        with self._changed:
            job.ask(handle)
        return True

    def close(self) -> None:
        """End the threads that sleep. Those that run are left alone."""
        with self._changed:
            sleeping = [job for job in self.jobs.values() if job.state is State.SLEEPS]
            for job in sleeping:
                job.state = State.OVER
            self._changed.notify_all()
        for job in sleeping:
            if job.thread is not None:
                job.thread.join(GRACE_S)
        self.jobs.clear()

    def _next(self) -> Job | None:
        now_ns = self._employer.clock.now_ns()
        ready = (
            job
            for job in self.jobs.values()
            if (job.state is State.QUEUED and self._has_room(job.crew))
            or (job.state is State.SLEEPS and job.due_ns <= now_ns)
        )
        return min(ready, key=Job.order, default=None)

    def _has_room(self, crew: object) -> bool:
        at_work = (State.RUNS, State.SLEEPS)
        busy = sum(job.crew is crew and job.state in at_work for job in self.jobs.values())
        return busy < getattr(crew, "_max_workers", WORKERS)

    def _go(self, job: Job) -> None:
        was_queued = job.state is State.QUEUED
        with self._changed:
            job.state = State.RUNS
            self._changed.notify_all()
        if not was_queued:
            return
        if job.result.cancelled():
            self._done(job)
            return
        job.thread = threading.Thread(
            target=self._run, args=(job,), name=f"labkit-simulation-{job.number}", daemon=True
        )
        try:
            job.thread.start()
        except RuntimeError:
            job.thread = None
            self._run(job)

    def _run(self, job: Job) -> None:
        ident = threading.get_ident()
        if job.thread is not None:
            self._by_ident[ident] = job
        clock = Clock(
            now_ns=lambda: self._employer.clock.now_ns() + job.ahead_ns,
            skew_s=self._employer.clock.skew_s,
            sleep=partial(self._sleep, job),
        )
        with virtual_time(clock), job.chance:
            job.run()
        self._by_ident.pop(ident, None)
        self._done(job)

    def _sleep(self, job: Job, seconds: float) -> None:
        delay_ns = nanoseconds(seconds)
        if job.thread is None:
            job.ahead_ns += delay_ns
            return
        with self._changed:
            job.due_ns = self._employer.clock.now_ns() + delay_ns
            job.state = State.SLEEPS
            self._changed.notify_all()
            self._changed.wait_for(lambda: job.state is not State.SLEEPS)
        if job.state is State.OVER:
            raise Over

    def _take(self, job: Job, future: Future[Any]) -> None:
        job.take(future)
        self._done(job)

    def _done(self, job: Job) -> None:
        with self._changed:
            job.due_ns = self._employer.clock.now_ns() + job.ahead_ns
            job.state = State.DONE
            self._changed.notify_all()

    def _look(self, limit_s: float) -> bool:
        ends_s = real_time() + limit_s
        while real_time() < ends_s:
            running = [job for job in self.jobs.values() if job.state is State.RUNS]
            if all(job.is_asking() for job in running) or self._is_wanted():
                return True
            with self._changed:
                self._changed.wait_for(self._is_quiet, _LOOK_S)
        return self._is_quiet()

    def _is_wanted(self) -> bool:
        return self._employer.work() > self._work

    def _is_quiet(self) -> bool:
        return not any(job.state is State.RUNS for job in self.jobs.values())

    def _give_up(self) -> None:
        job = next(job for job in self.jobs.values() if job.state is State.RUNS)
        del self.jobs[job.number]
        raise Blocked(
            f"a thread has kept everybody waiting for {THREAD_S:g} s of real time: {job.describe()}"
        )

    def _hand_over(self) -> None:
        now_ns = self._employer.clock.now_ns()
        for job in list(self.jobs.values()):
            with self._changed:
                handles, job.handles = job.handles, []
            for handle in handles:
                self._employer.take(handle)
            if job.state is State.DONE and job.due_ns <= now_ns:
                del self.jobs[job.number]
                job.hand_in()

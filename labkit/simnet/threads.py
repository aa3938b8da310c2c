"""The worker threads of a simulated loop, and what time it is in them. Knows no connections.

Threads run while the loop rests, and virtual time stands still until each of them is done or rests
as well: ``time.sleep`` in a thread waits for the virtual time, and a socket for the other end.
Those that may run at the same moment go one after the other, in the order in which they were asked
for, and hand in their results in that order. Only a thread that has not come to rest after
``GRACE_S`` may be waiting for another: then the next one goes as well, and the network is for that
one. Where there are no threads, as in a browser, a function runs at once, its result comes after
the time for which it slept, and it cannot wait for a socket.

A thread that the code starts itself is one of these, but nobody waits for its end; and if it does
not come to rest in ``GRACE_S``, it is left alone until it does.

Not deterministic is what threads do to each other in more than ``GRACE_S`` of real time, and what a
thread reads of the real world. Of a ``ThreadPoolExecutor`` only the number of its workers counts;
any other executor runs by itself, in real time.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import Context
from functools import partial
from typing import Any, Protocol

from labkit.errors import Blocked
from labkit.simnet import workplace
from labkit.simnet.access import here
from labkit.simnet.clocks import real_time
from labkit.simnet.entropy import branch
from labkit.simnet.jobs import Job, State
from labkit.simnet.own_threads import own_threads
from labkit.simnet.schedule import nanoseconds
from labkit.simnet.tasks import current_host
from labkit.simnet.turns import Over, Turns
from labkit.simnet.waiting import Waiting

#: How long a thread may keep the simulation waiting, in real seconds.
THREAD_S = 10.0

#: How long the next thread waits for one that does not come to rest, in real seconds.
GRACE_S = 0.2

#: How many run at the same time where no executor says otherwise: asyncio's own limit.
WORKERS = 32

#: How long one waits for what may come from a thread outside, in real seconds: a thread of the
#: simulation, whose virtual time may be meant, and the loop's own.
OUTSIDE_S, PATIENCE_S = 0.02, 0.5

_LOOK_S = 0.001


class Employer(workplace.Employer, Protocol):
    """The loop whose threads they are."""

    def work(self) -> int:
        """Return how many callbacks wait for its next turn."""
        ...

    def take(self, handle: asyncio.Handle) -> None:
        """Call ``handle`` with the next turn."""
        ...


class Threads:
    """The functions that ``employer`` runs in threads, until their results are handed in."""

    def __init__(self, employer: Employer, *, thread_s: float | None = None) -> None:
        #: The one that has kept everybody waiting for too long.
        self.stuck: threading.Thread | None = None
        self._thread_s = THREAD_S if thread_s is None else thread_s
        self.jobs: dict[int, Job] = {}
        self._employer = employer
        self._number = 0
        self._work = 0
        self._turns = Turns()
        self._workplace = workplace.Workplace(employer, self._turns, parent=self)

    def submit(
        self, call: Callable[[], Any], *, context: Context, executor: Executor | None = None
    ) -> asyncio.Future[Any]:
        """Run ``call`` in a thread; return what its result comes in."""
        job = self._new(call, context, executor)
        if executor is not None and not isinstance(executor, ThreadPoolExecutor):
            job.state = State.RUNS
            executor.submit(call).add_done_callback(partial(self._take, job))
        return job.result

    def adopt(self, thread: threading.Thread) -> None:
        """See ``own_threads``. It begins when it is its turn, and what it raises is its own."""
        context = Context()
        context.run(current_host.set, current_host.get())
        job = self._new(thread.run, context, crew=thread)
        job.thread = thread
        thread.run = partial(self._run_own, job)  # type: ignore[method-assign]

    def has_ended(self, thread: threading.Thread) -> bool:
        """See ``own_threads``."""
        return all(job.state is State.DONE for job in self.jobs.values() if job.thread is thread)

    def outside_s(self) -> float:
        """See ``own_threads``. The loop's own thread may wait for nobody inside."""
        return OUTSIDE_S if self._workplace.here() is not None else PATIENCE_S

    def wait(self, call: str, is_ready: Callable[[], object], timeout: float | None) -> None:
        """See ``own_threads``."""
        access = here.access
        if access is None or is_ready() or (timeout is not None and timeout <= 0):
            return
        now_ns = self._employer.clock.now_ns()
        access.wait(call, is_ready, None if timeout is None else now_ns + nanoseconds(timeout))

    def settle(self) -> bool:
        """Let threads run until all of them rest. Return whether time may pass then.

        Raises Blocked if one never rests.
        """
        self._work = self._employer.work()
        try:
            while self._let_go():
                pass
        finally:
            self._turns.take_back()
        self._hand_over()
        return not self._is_wanted()

    def due_ns(self) -> int | None:
        """Return when the next thread goes on, if nothing happens before."""
        resting = [job for job in self.jobs.values() if job.state in (State.RESTS, State.DONE)]
        return min((job.due_ns for job in resting if job.due_ns is not None), default=None)

    def waiting(self) -> list[Waiting]:
        """Say where those that rest wait, and for what."""
        return [job.waiting() for job in self.jobs.values() if job.state is State.RESTS]

    def asked(self, handle: asyncio.Handle) -> bool:
        """Keep what this thread wants to be called until it rests; False: it is none of these."""
        job = self._workplace.here()
        if job is None:
            return False
        self._turns.ask(job, handle)
        return True

    def end(self, host: str) -> None:
        """End the threads of ``host`` where they rest, each when it is its turn."""
        for job in self.jobs.values():
            job.is_over |= job.host == host

    def close(self) -> None:
        """End the threads that rest, one after the other. Those that run end where they would."""
        for job in self.jobs.values():
            job.is_over = True
        for job in self.jobs.values():
            if job.state is State.RESTS and job.thread is not None:
                self._go(job)
                with own_threads(None):
                    job.thread.join(GRACE_S)
        self._turns.take_back()
        self.jobs.clear()

    def _new(self, call: Callable[[], Any], context: Context, crew: object) -> Job:
        self._number += 1
        job = self.jobs[self._number] = Job(
            self._number,
            call,
            due_ns=self._employer.clock.now_ns(),
            context=context,
            chance=branch(f"thread {self._number}"),
            crew=crew,
            loop=self._employer,
        )
        return job

    def _let_go(self) -> bool:
        """Let the next one go when those before rest. Return whether there was one."""
        is_last = self._next() is None and not all(job.is_own for job in self._running())
        has_come = self._look(self._thread_s if is_last else GRACE_S)
        job = self._next()
        if job is not None:
            self._go(job)
        elif is_last and not has_come:
            self._give_up()
        elif not has_come:
            for own in self._running():
                own.is_left_alone = True
        return job is not None or not has_come

    def _next(self) -> Job | None:
        now_ns = self._employer.clock.now_ns()
        ready = (
            job
            for job in self.jobs.values()
            if job.may_go_on(now_ns) or (job.state is State.QUEUED and self._has_room(job.crew))
        )
        return min(ready, key=lambda job: job.order(now_ns), default=None)

    def _has_room(self, crew: object) -> bool:
        at_work = (State.RUNS, State.RESTS)
        busy = sum(job.crew is crew and job.state in at_work for job in self.jobs.values())
        return busy < getattr(crew, "_max_workers", WORKERS)

    def _go(self, job: Job) -> None:
        was_queued = job.state is State.QUEUED
        self._turns.give(job)
        if not was_queued:
            return
        if job.is_over or job.result.cancelled():
            self._done(job)
            return
        if job.is_own:
            return
        job.thread = threading.Thread(
            target=self._run, args=(job,), name=f"labkit-simulation-{job.number}", daemon=True
        )
        try:
            with own_threads(None):
                job.thread.start()
        except RuntimeError:
            job.thread = None
            self._run(job)

    def _run(self, job: Job) -> None:
        with self._workplace.of(job):
            job.run()
        self._done(job)

    def _run_own(self, job: Job) -> None:
        try:
            with contextlib.suppress(Over):
                self._turns.enter(job)
                with self._workplace.of(job):
                    job.do()
        finally:
            self._done(job)

    def _take(self, job: Job, future: Future[Any]) -> None:
        job.take(future)
        self._done(job)

    def _done(self, job: Job) -> None:
        self._turns.end(job, self._employer.clock.now_ns() + job.ahead_ns)

    def _look(self, limit_s: float) -> bool:
        ends_s = real_time() + limit_s
        while real_time() < ends_s:
            if not self._running() or self._is_wanted():
                return True
            self._turns.look(self._is_quiet, _LOOK_S)
        return self._is_quiet()

    def _is_wanted(self) -> bool:
        return self._employer.work() > self._work

    def _is_quiet(self) -> bool:
        return not self._running()

    def _running(self) -> list[Job]:
        """Return those that are waited for."""
        running = (job for job in self.jobs.values() if job.state is State.RUNS)
        return [job for job in running if not job.is_left_alone]

    def _give_up(self) -> None:
        job = next(job for job in self._running() if not job.is_own)
        del self.jobs[job.number]
        job.is_over, self.stuck = True, job.thread
        raise Blocked(
            f"a thread has kept everybody waiting for {self._thread_s:g} s of real time: "
            f"{job.describe()}"
        )

    def _hand_over(self) -> None:
        now_ns = self._employer.clock.now_ns()
        for job in list(self.jobs.values()):
            for handle in self._turns.take(job):
                self._employer.take(handle)
            if job.state is State.DONE and job.is_due(now_ns):
                del self.jobs[job.number]
                job.hand_in()

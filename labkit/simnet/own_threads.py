"""Threads that code in a simulation starts by itself, and what threads wait for of each other.

In the threads of a simulation, ``start`` and ``join`` of ``threading.Thread`` are its own, and so
is ``Condition.wait``, on which ``Event``, ``Semaphore``, ``queue.Queue`` and ``concurrent.futures``
stand. A plain ``Lock`` and a ``queue.SimpleQueue`` are not: who waits for one waits in real time.
The workers of an executor are left alone. Decides nothing about turns.
"""

from __future__ import annotations

import concurrent.futures.thread
import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from labkit.simnet.shared import Shared, replaced

Start = Callable[[threading.Thread], None]
Join = Callable[..., None]


class Parent(Protocol):
    """Who is responsible for the threads that a thread starts."""

    def adopt(self, thread: threading.Thread) -> None:
        """Take ``thread`` for one of the simulation's, before it starts."""
        ...

    def has_ended(self, thread: threading.Thread) -> bool:
        """Whether nobody need wait for ``thread``, be it that it is not one of the simulation's."""
        ...

    def outside_s(self) -> float:
        """Return for how many real seconds a thread outside of the simulation may be waited for."""
        ...

    def wait(self, call: str, is_ready: Callable[[], object], timeout: float | None) -> None:
        """Wait in virtual time until ``is_ready``, or for so many seconds."""
        ...


class _Here(threading.local):
    parent: Parent | None = None


_here = _Here()


class RealCondition(threading.Condition):
    """A condition for which everybody waits in real time."""

    wait = threading.Condition.wait


@contextlib.contextmanager
def own_threads(parent: Parent | None) -> Iterator[None]:
    """Have ``parent`` be responsible for the threads that this thread starts; None: nobody."""
    before = _here.parent
    with _IN_PLACE:
        _here.parent = parent
        try:
            yield
        finally:
            _here.parent = before


def _starting(real: Start) -> Start:
    @functools.wraps(real)
    def start(self: threading.Thread) -> None:
        parent, target = _here.parent, getattr(self, "_target", None)
        if parent is not None and target is not concurrent.futures.thread._worker:
            parent.adopt(self)
        # Python waits until the thread is there: that takes no virtual time.
        with own_threads(None):
            real(self)

    return start


def _joining(real: Join) -> Join:
    @functools.wraps(real)
    def join(self: threading.Thread, timeout: float | None = None) -> None:
        parent = _here.parent
        if parent is not None and not parent.has_ended(self):
            parent.wait("Thread.join", lambda: parent.has_ended(self), timeout)
            if not parent.has_ended(self):
                return
        with own_threads(None):
            real(self, timeout)

    return join


def _waiting(real: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(real)
    def wait(self: Any, timeout: float | None = None) -> bool:
        parent = _here.parent
        if parent is None or not self._is_owned():
            return real(self, timeout)
        waiter = threading.Lock()
        waiter.acquire()
        self._waiters.append(waiter)
        before = self._release_save()
        try:
            # A thread outside may be meant, as when a notebook prints: that takes no virtual time.
            if waiter.acquire(timeout=parent.outside_s()):
                waiter.release()
            else:
                parent.wait("Condition.wait", lambda: not waiter.locked(), timeout)
        finally:
            self._acquire_restore(before)
            if is_late := waiter.locked():
                self._waiters.remove(waiter)
        return not is_late

    return wait


@contextlib.contextmanager
def _all_replaced() -> Iterator[None]:
    with (
        replaced(threading.Thread, "start", _starting),
        replaced(threading.Thread, "join", _joining),
        replaced(threading.Condition, "wait", _waiting),
    ):
        yield


_IN_PLACE = Shared(_all_replaced)

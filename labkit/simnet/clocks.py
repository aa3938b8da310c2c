"""The clocks of Python's ``time`` in a thread that is in a simulation. Moves no time itself.

A thread that is in none keeps the real clocks. So does code that took a function out of ``time``
before any simulation began, as in ``from time import monotonic``, and what reads the system's clock
without asking ``time``: ``datetime.now()``, ``time.gmtime()``.

>>> clock = Clock(now_ns=lambda: 90 * NS, skew_s=lambda: 0.5, sleep=print)
>>> with virtual_time(clock):
...     time.monotonic(), time.gmtime(time.time())[:6], time.time() % 1
(90.0, (2026, 1, 1, 0, 1, 30), 0.5)
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from labkit.simnet.schedule import NS, nanoseconds, seconds
from labkit.simnet.shared import Shared, replaced

#: Real seconds: taken before any simulation could replace it.
real_time = time.monotonic

#: What a wall clock that is right shows when a simulation begins: 2026-01-01T00:00:00Z.
EPOCH_NS = 1_767_225_600 * NS


@dataclass(frozen=True)
class Clock:
    """The virtual time, how far the wall clock is ahead of it, and what it means to sleep."""

    now_ns: Callable[[], int]
    skew_s: Callable[[], float]
    sleep: Callable[[float], None]

    def wall_ns(self) -> int:
        """Return what the wall clock shows, in nanoseconds since 1970."""
        return EPOCH_NS + self.now_ns() + nanoseconds(self.skew_s())


@contextlib.contextmanager
def virtual_time(clock: Clock) -> Iterator[None]:
    """Have ``time`` show ``clock`` in this thread."""
    before = _clock()
    with _IN_PLACE:
        _here.clock = clock
        try:
            yield
        finally:
            _here.clock = before


_here = threading.local()


def _clock() -> Clock | None:
    return getattr(_here, "clock", None)


def _reader(read: Callable[[Clock], float], real: Callable[[], float]) -> Callable[[], float]:
    @functools.wraps(real)
    def now() -> float:
        clock = _clock()
        return real() if clock is None else read(clock)

    return now


def _sleeper(real: Callable[[float], None]) -> Callable[[float], None]:
    @functools.wraps(real)
    def sleep(seconds: float, /) -> None:
        clock = _clock()
        if clock is None or seconds <= 0:
            real(seconds)
        else:
            clock.sleep(seconds)

    return sleep


_READERS: dict[str, Callable[[Clock], float]] = {
    "time": lambda clock: seconds(clock.wall_ns()),
    "time_ns": Clock.wall_ns,
    "monotonic": lambda clock: seconds(clock.now_ns()),
    "monotonic_ns": lambda clock: clock.now_ns(),
    "perf_counter": lambda clock: seconds(clock.now_ns()),
    "perf_counter_ns": lambda clock: clock.now_ns(),
}


@contextlib.contextmanager
def _all_replaced() -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        make: Callable[[Any], Any]
        for name, read in _READERS.items():
            make = functools.partial(_reader, read)
            stack.enter_context(replaced(time, name, make))
        stack.enter_context(replaced(time, "sleep", _sleeper))
        yield


_IN_PLACE = Shared(_all_replaced)

"""What happens when, in virtual time. Knows nothing of networks.

`looptime` and its like speed up the timers of one event loop. Here hosts, links and faults share
one time with every loop that runs on them, and it moves only when all of them rest.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

NS = 1_000_000_000


class Event:
    """Something that will happen, unless it is cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], object]) -> None:
        self.action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """Let it not happen."""
        self.action = None


class Schedule:
    """A virtual clock and the events ahead. What is due at the same time happens as it was planned.

    Time is counted in whole nanoseconds, so that no machine rounds it differently.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self._numbers = itertools.count()
        self._ahead: list[tuple[int, int, Event]] = []

    def at(self, at_ns: int, action: Callable[[], object]) -> Event:
        """Plan ``action`` for a moment; one that is past is now."""
        event = Event(action)
        heapq.heappush(self._ahead, (max(at_ns, self.now_ns), next(self._numbers), event))
        return event

    def after(self, delay_ns: int, action: Callable[[], object]) -> Event:
        """Plan ``action`` for ``delay_ns`` from now."""
        return self.at(self.now_ns + delay_ns, action)

    def next_ns(self) -> int | None:
        """Return when the next event is due; None: nothing is planned."""
        while self._ahead and self._ahead[0][2].action is None:
            heapq.heappop(self._ahead)
        return self._ahead[0][0] if self._ahead else None

    def run_due(self) -> bool:
        """Let everything happen that is due, and return whether there was anything."""
        ahead, has_run = self._ahead, False
        while ahead and ahead[0][0] <= self.now_ns:
            action = heapq.heappop(ahead)[2].action
            if action is not None:
                has_run = True
                action()
        return has_run


def nanoseconds(seconds: float) -> int:
    """Return ``seconds`` in whole nanoseconds.

    >>> nanoseconds(0.1 + 0.2)
    300000000
    """
    return round(seconds * NS)


def seconds(ns: int) -> float:
    """Return ``ns`` nanoseconds in seconds.

    >>> seconds(1_500_000_000)
    1.5
    """
    return ns / NS

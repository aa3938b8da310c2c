"""A feed of small events, its newest ones kept. Knows nothing of how they are delivered."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

#: How many events are kept. The oldest goes first; who asks too late misses it.
HISTORY = 1_000


@dataclass(frozen=True)
class Event:
    """The event number ``seq``, published at ``at`` by the feed's clock, in seconds."""

    seq: int
    at: float

    def serialize(self) -> str:
        """Return the event as JSON, some 30 bytes.

        >>> Event(12, 81234.5678912).serialize()
        '{"seq": 12, "at": 81234.567891}'
        """
        return json.dumps({"seq": self.seq, "at": round(self.at, 6)})


class Feed:
    """What was published, and who waits for the next event."""

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=HISTORY)
        self._changed = asyncio.Condition()
        self._ended = False

    @property
    def newest(self) -> int:
        """The number of the newest event, 0 before the first."""
        return self._events[-1].seq if self._events else 0

    async def publish(self) -> None:
        """Publish one event."""
        async with self._changed:
            self._events.append(Event(self.newest + 1, self._clock()))
            self._changed.notify_all()

    async def end(self) -> None:
        """Publish no more; let go who waits."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    def after(self, seq: int) -> list[Event]:
        """Return the events newer than number ``seq``, oldest first."""
        return [event for event in self._events if event.seq > seq]

    async def wait_after(self, seq: int) -> list[Event]:
        """Wait for events newer than number ``seq`` and return them; none once the feed ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended or self.newest > seq)
            return [] if self._ended else self.after(seq)

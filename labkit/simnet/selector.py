"""The selector of a simulated loop: what rests on it, rests in virtual time. Runs nothing."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from labkit.simnet.schedule import nanoseconds, seconds
from labkit.simnet.sockets import Sockets

#: A loop that always has something to do would hold the time still. Of so many turns in a row, each
#: takes so long.
TURNS, TURN_NS = 1_000, 1_000

#: After so many turns in which time has not passed otherwise, it never will.
STILL_TURNS = 1_000_000

Ready: TypeAlias = list[tuple[selectors.SelectorKey, int]]


class Selector(selectors.BaseSelector):
    """Tells which of ``sockets`` are ready. ``rest`` is called instead of waiting for nothing.

    Of ``TURNS`` turns without a rest, each takes ``turn_ns``.
    ``stuck`` is called when it has turned ``still_turns`` times, and no time has passed.
    """

    def __init__(
        self,
        sockets: Sockets,
        rest: Callable[[int | None], None],
        stuck: Callable[[int], None],
        *,
        still_turns: int = STILL_TURNS,
        turn_ns: int = TURN_NS,
    ) -> None:
        #: How often the loop has turned.
        self.turns = 0
        self._sockets = sockets
        self._rest = rest
        self._stuck = stuck
        self._still_turns = still_turns
        self._turn_ns = turn_ns
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._moved_at = 0
        self._rested_at = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See ``selectors``. ``fileobj`` is a simulated socket's number."""
        key = self._keys[fileobj] = selectors.SelectorKey(fileobj, fileobj, events, data)
        self._sockets.look_at(fileobj)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See ``selectors``."""
        return self.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """See ``selectors``."""
        return self._keys.pop(fileobj)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """See ``selectors``."""
        return self._keys[fileobj]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """See ``selectors``."""
        return self._keys

    def select(self, timeout: float | None = None) -> Ready:
        """Return what is ready; if nothing is, let time pass until something is or ``timeout``."""
        self.turns += 1
        ready = self._ready()
        if not ready and (timeout is None or timeout > 0):
            before_ns = self._sockets.now_ns
            self._rest(None if timeout is None else nanoseconds(seconds(before_ns) + timeout))
            self._rested_at = self.turns
            if self._sockets.now_ns != before_ns:
                self._moved_at = self.turns
            ready = self._ready()
        elif (self.turns - self._rested_at) % TURNS == 0:
            self._rest(self._sockets.now_ns + TURNS * self._turn_ns)
            ready = self._ready()
        if self.turns - self._moved_at >= self._still_turns:
            self._moved_at = self.turns
            self._stuck(self._still_turns)
        return ready

    def _ready(self) -> Ready:
        ready: Ready = []
        active = self._sockets.active
        if not active:
            return ready
        for descriptor in sorted(active):
            key = self._keys.get(descriptor)
            mask = active[descriptor].readiness() & key.events if key else 0
            if key and mask:
                ready.append((key, mask))
            else:
                del active[descriptor]
        return ready

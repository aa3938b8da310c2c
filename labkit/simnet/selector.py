"""The selector of a simulated loop: what rests on it, rests in virtual time. Runs nothing."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from labkit.simnet.schedule import NS, nanoseconds, seconds
from labkit.simnet.sockets import Sockets

#: A loop that always has something to do would hold the time still. So many turns take so long.
TURNS, TURNS_NS = 1_000, NS // 1_000

Ready: TypeAlias = list[tuple[selectors.SelectorKey, int]]


class Selector(selectors.BaseSelector):
    """Tells which of ``sockets`` are ready. ``rest`` is called instead of waiting for nothing."""

    def __init__(self, sockets: Sockets, rest: Callable[[int | None], None]) -> None:
        self._sockets = sockets
        self._rest = rest
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._turns = 0

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

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """See ``selectors``."""
        return self._keys

    def select(self, timeout: float | None = None) -> Ready:
        """Return what is ready; if nothing is, let time pass until something is or ``timeout``."""
        ready = self._ready()
        if not ready and (timeout is None or timeout > 0):
            self._turns = 0
            now_s = seconds(self._sockets.now_ns)
            self._rest(None if timeout is None else nanoseconds(now_s + timeout))
            return self._ready()
        self._turns += 1
        if self._turns % TURNS == 0:
            self._rest(self._sockets.now_ns + TURNS_NS)
            return self._ready()
        return ready

    def _ready(self) -> Ready:
        ready: Ready = []
        active = self._sockets.active
        for descriptor in sorted(active):
            key = self._keys.get(descriptor)
            mask = active[descriptor].readiness() & key.events if key else 0
            if key and mask:
                ready.append((key, mask))
            else:
                del active[descriptor]
        return ready

"""Draws at most so often, however often something changes. Draws nothing by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

#: Twenty pictures a second look continuous and leave the kernel time for the cells.
INTERVAL_S = 0.05


class Refresh:
    """Call ``draw`` soon after each `request`, once for all requests within the interval."""

    def __init__(self, draw: Callable[[], None], *, interval_s: float = INTERVAL_S) -> None:
        self._draw = draw
        self._interval_s = interval_s
        self._timer: asyncio.TimerHandle | None = None

    def request(self) -> None:
        """Have it drawn: now where no event loop runs, else when the interval is over."""
        if self._timer is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._draw()
        else:
            self._timer = loop.call_later(self._interval_s, self._fire)

    def cancel(self) -> None:
        """Forget a request that was not drawn yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._draw()

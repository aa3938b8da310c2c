"""One direction of a TCP connection: what was sent, what is on its way, what waits to be read.

Bytes are never lost: what a fault swallows is sent again when the path is whole. Decides nothing
about connections.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from functools import partial

from labkit.simnet.paths import Path
from labkit.simnet.schedule import Schedule

#: The most that arrives in one piece.
SEGMENT = 64 * 1024


class Stream:
    """Carries bytes over ``path``; acknowledgements come back over ``back``.

    ``deliver`` is given what arrives, at last None: the end. ``acknowledge`` is told how many bytes
    the sender's buffer has been relieved of. No more than ``window`` bytes are under way or unread.
    """

    def __init__(
        self,
        schedule: Schedule,
        path: Path,
        back: Path,
        rng: random.Random,
        *,
        window: int,
        deliver: Callable[[bytes | None], None],
        acknowledge: Callable[[int], None],
    ) -> None:
        self.is_swallowed = False
        #: Nothing overtakes what arrives then.
        self.latest_ns = 0
        self._schedule = schedule
        self._path = path
        self._back = back
        self._rng = rng
        self._window = window
        self._deliver = deliver
        self._acknowledge = acknowledge
        self._unsent: deque[bytes] = deque()
        self._is_finishing = False
        self._held: list[bytes | None] = []

    @property
    def is_cut(self) -> bool:
        """Whether nothing gets through at present."""
        return self.is_swallowed or self._path.is_cut

    def send(self, data: bytes) -> None:
        """Take in ``data``. It leaves with the next ``transmit``."""
        self._unsent.append(data)

    def finish(self) -> None:
        """Take in that nothing follows."""
        self._is_finishing = True

    def consume(self, size: int) -> bool:
        """Make room for ``size`` bytes. Return whether there is something to transmit now."""
        if self._back.latency_ns and self._unsent:
            self._schedule.after(self._back.latency_ns, partial(self._open, size))
            return False
        self._window += size
        return bool(self._unsent)

    def transmit(self) -> None:
        """Send what there is room for at the other end."""
        while self._unsent and self._window > 0:
            self._carry(self._segment())
        if self._is_finishing and not self._unsent:
            self._is_finishing = False
            self._carry(None)

    def drop(self) -> None:
        """Forget what is not sent yet."""
        self._unsent.clear()
        self._held.clear()
        self._is_finishing = False

    def break_off(self, fail: Callable[[], None]) -> None:
        """Forget what is not sent; have ``fail`` called behind what is under way already."""
        self.drop()
        if not self.is_cut:
            arrives_ns = self._path.arrival_ns(self._schedule.now_ns, 0, self._rng)
            self._schedule.at(max(self.latest_ns, arrives_ns), fail)

    def resume(self) -> None:
        """Send again what was held up, if the path is whole."""
        if self.is_cut:
            return
        held, self._held = self._held, []
        for segment in held:
            self._carry(segment)

    def _segment(self) -> bytes:
        room = min(self._window, SEGMENT)
        pieces, size = [], 0
        while self._unsent and size < room:
            piece = self._unsent.popleft()
            if len(piece) > room - size:
                self._unsent.appendleft(piece[room - size :])
                piece = piece[: room - size]
            pieces.append(piece)
            size += len(piece)
        self._window -= size
        return b"".join(pieces)

    def _carry(self, segment: bytes | None) -> None:
        if self.is_cut:
            self._held.append(segment)
            return
        arrives_ns = self._path.arrival_ns(self._schedule.now_ns, len(segment or b""), self._rng)
        self.latest_ns = max(self.latest_ns, arrives_ns)
        self._schedule.at(self.latest_ns, partial(self._arrive, segment))

    def _arrive(self, segment: bytes | None) -> None:
        if self.is_cut:
            self._held.append(segment)
            return
        self._deliver(segment)
        if segment:
            if delay_ns := self._back.latency_ns:
                self._schedule.after(delay_ns, partial(self._acknowledge, len(segment)))
            else:
                self._acknowledge(len(segment))

    def _open(self, size: int) -> None:
        self._window += size
        self.transmit()

"""One direction of a TCP connection: what was sent, what is on its way, what waits to be read.

Bytes are never lost: what a fault swallows is sent again as soon as the path is whole, where a real
host would first wait for its timer. Decides nothing about connections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from labkit.simnet.paths import Chance, Path
from labkit.simnet.schedule import Event, Schedule, nanoseconds

#: The most that arrives in one piece.
SEGMENT = 64 * 1024
#: How long Linux sends again what nobody acknowledges (``tcp_retries2`` = 15), in seconds.
GIVE_UP_S = 924.6
#: What arrives before the first byte.
OPENING = b""


class Ends(Protocol):
    """Where a stream comes from, and where it goes."""

    def leave(self, data: bytes | None) -> None:
        """Take note of what leaves the sender's host; None: the end."""
        ...

    def deliver(self, data: bytes | None) -> None:
        """Take in what has arrived: an OPENING, then what was sent, then None: the end."""
        ...

    def acknowledge(self, size: int) -> None:
        """Take in that the sender's buffer has been relieved of ``size`` bytes."""
        ...

    def hold(self, stream: Stream) -> None:
        """Take in that something cannot pass, and needs a ``resume``."""
        ...

    def give_up(self) -> None:
        """Take in that nothing has passed for GIVE_UP_S."""
        ...


class Stream:
    """Carries bytes between ``ends``, over ``path``; acknowledgements come back over ``back``.

    No more than ``window`` bytes are under way or unread.
    """

    def __init__(
        self,
        schedule: Schedule,
        ends: Ends,
        path: Path,
        back: Path,
        chance: Chance,
        *,
        window: int,
    ) -> None:
        self.is_swallowed = False
        self._schedule = schedule
        self._ends = ends
        self._path = path
        self._back = back
        self._chance = chance
        self._window = window
        self._unsent: deque[bytes] = deque()
        self._is_finishing = False
        self._has_finished = False
        self._is_dropped = False
        #: When the last of what is under way arrives.
        self._latest_ns = 0
        #: How many segments were sent, and how many have arrived with all before them.
        self._sent, self._arrived = 0, 0
        #: What could not pass, and what has arrived before it, by the segment's number.
        self._held: dict[int, bytes | None] = {}
        self._early: dict[int, bytes | None] = {}
        #: Bytes whose acknowledgement, and whose room, could not be told.
        self._held_acknowledgement, self._held_room = 0, 0
        self._patience: Event | None = None

    @property
    def is_cut(self) -> bool:
        """Whether nothing gets through at present."""
        return self.is_swallowed or not self._path.is_whole

    @property
    def _is_back_cut(self) -> bool:
        return self.is_swallowed or not self._back.is_whole

    def open(self) -> None:
        """Tell the other end that the connection is made."""
        self._send(OPENING)

    def send(self, data: bytes) -> None:
        """Take in ``data``. It leaves with the next ``transmit``."""
        if not self._is_dropped:
            self._unsent.append(data)

    def finish(self) -> None:
        """Take in that nothing follows. A socket is often shut down first, and closed later."""
        if not self._has_finished:
            self._has_finished, self._is_finishing = True, not self._is_dropped

    def consume(self, size: int) -> bool:
        """Make room for ``size`` bytes. Return whether there is something to transmit now."""
        if self._is_back_cut or (self._back.latency_ns and self._unsent):
            self._schedule.after(self._back.latency_ns, partial(self._open, size))
            return False
        self._window += size
        return bool(self._unsent)

    def transmit(self) -> None:
        """Send what there is room for at the other end."""
        while self._unsent and self._window > 0:
            segment = self._segment()
            self._ends.leave(segment)
            self._send(segment)
        if self._is_finishing and not self._unsent:
            self._is_finishing = False
            self._ends.leave(None)
            self._send(None)

    def drop(self) -> None:
        """Send nothing more, and nothing again."""
        self._is_dropped = True
        self._unsent.clear()
        self._held.clear()
        self._is_finishing = False
        self._be_patient_no_more()

    def break_off(self, fail: Callable[[], None]) -> None:
        """Forget what is not sent; have ``fail`` called behind what is under way already.

        A reset is sent once: what swallows it, swallows it for good.
        """
        self.drop()
        if not self.is_cut:
            arrives_ns = self._path.arrival_ns(self._schedule.now_ns, 0, self._chance)
            self._latest_ns = max(self._latest_ns, arrives_ns)
            self._schedule.at(self._latest_ns, partial(self._break, fail))

    def resume(self) -> None:
        """Send again what was held up, as far as it passes now."""
        if not self.is_cut:
            held, self._held = self._held, {}
            for number in sorted(held):
                self._carry(number, held[number])
        if not self._is_back_cut:
            acknowledgement, self._held_acknowledgement = self._held_acknowledgement, 0
            room, self._held_room = self._held_room, 0
            self._return(acknowledgement)
            if room:
                self._schedule.after(self._back.latency_ns, partial(self._open, room))
        if self.is_cut or self._is_back_cut:
            self._ends.hold(self)
        else:
            self._be_patient_no_more()

    def _break(self, fail: Callable[[], None]) -> None:
        if not self.is_cut:
            fail()

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

    def _send(self, segment: bytes | None) -> None:
        self._sent += 1
        self._carry(self._sent, segment)

    def _carry(self, number: int, segment: bytes | None) -> None:
        if self.is_cut:
            self._keep(number, segment)
            return
        size = len(segment or b"")
        arrives_ns = self._path.arrival_ns(self._schedule.now_ns, size, self._chance)
        self._latest_ns = max(self._latest_ns, arrives_ns)
        self._schedule.at(arrives_ns, partial(self._arrive, number, segment))

    def _arrive(self, number: int, segment: bytes | None) -> None:
        if self.is_cut:
            self._keep(number, segment)
            return
        self._early[number] = segment
        while (due := self._arrived + 1) in self._early:
            self._arrived = due
            segment = self._early.pop(due)
            self._ends.deliver(segment)
            self._return(len(segment or b""))

    def _keep(self, number: int, segment: bytes | None) -> None:
        # Who has broken the connection off sends nothing again.
        if not self._is_dropped:
            self._held[number] = segment
            self._wait_to_pass(is_data=segment != OPENING)

    def _return(self, size: int) -> None:
        """Let the acknowledgement of ``size`` bytes go back."""
        if size and (delay_ns := self._back.latency_ns):
            self._schedule.after(delay_ns, partial(self._acknowledged, size))
        elif size:
            self._acknowledged(size)

    def _acknowledged(self, size: int) -> None:
        if self._is_back_cut:
            self._held_acknowledgement += size
            self._wait_to_pass(is_data=True)
        else:
            self._ends.acknowledge(size)

    def _open(self, size: int) -> None:
        if self._is_back_cut:
            self._held_room += size
            self._wait_to_pass(is_data=False)
        else:
            self._window += size
            self.transmit()

    def _wait_to_pass(self, *, is_data: bool) -> None:
        self._ends.hold(self)
        # Only what must be acknowledged is sent again and again.
        if is_data and self._patience is None and not self._is_dropped:
            self._patience = self._schedule.after(nanoseconds(GIVE_UP_S), self._ends.give_up)

    def _be_patient_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

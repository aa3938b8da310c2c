"""One connection as it was recorded: what was sent on it, when, and what became of it.

Reads no clock: whoever records says what time it is.
"""

from __future__ import annotations

import errno
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from labkit.protocol.frames import Frame
from labkit.simnet.connections import Connection, Role
from labkit.simnet.schedule import NS
from labkit.wire import decoding
from labkit.wire.decoding import Decoder, Piece
from labkit.wire.wording import describe, quote

#: What the client's host does and learns before anything is sent, and what is sent afterwards.
Kind: TypeAlias = Literal["connects", "connected", "failed"] | decoding.Kind

_FAILURES = {
    errno.ECONNREFUSED: "is refused: nobody listens there",
    errno.ETIMEDOUT: "gives up: nobody answers",
    errno.ECANCELED: "waits for an answer no longer",
}
#: What goes on without an answer, though the client is told why.
_UNANSWERED = (errno.ETIMEDOUT, errno.ECANCELED)
_PLAIN_NAME = re.compile(r"[\w./-]{1,30}")


@dataclass(slots=True, eq=False)
class Entry:
    """One thing that happened. Of what was sent, ``at_ns`` is when its last byte has left.

    ``arrives_ns`` is when that byte has arrived; None: it has not, or nothing was sent. Of a frame
    too large to keep, ``at_ns`` is when its header was complete, and ``frame`` is None.
    """

    at_ns: int
    sender: Role
    kind: Kind
    label: str
    connection: RecordedConnection = field(repr=False)
    data: bytes = b""
    frame: Frame | None = None
    arrives_ns: int | None = None
    #: Forgotten by its sender before it got through.
    is_dropped: bool = False

    @property
    def fate(self) -> str:
        """What became of it, if it has not arrived: "lost", "under way" or "no answer"."""
        if self.kind == "connects":
            return "" if self.connection.is_answered else "no answer"
        if self.arrives_ns is not None or self.kind in ("connected", "failed", "reset"):
            return ""
        is_lost = self.is_dropped or self.connection.is_cut(self.sender)
        return "lost" if is_lost else "under way"

    @property
    def parties(self) -> tuple[str, str]:
        """The hosts: whose doing it is, and whom it concerns."""
        client, server = self.connection.client, self.connection.server
        return (client, server) if self.sender == "client" else (server, client)


class _Lane:
    """What one side sends. Its end counts as a byte, as it does in TCP."""

    def __init__(self, sender: Role) -> None:
        self.decoder = Decoder(sender)
        self.is_over = False
        #: With the place of its last byte, what has not arrived yet.
        self.under_way: deque[tuple[int, Entry]] = deque()
        self._size = 0
        self._arrived = 0

    def send(self, entry: Entry, size: int) -> None:
        self._size += size
        self.under_way.append((self._size, entry))

    def arrive(self, size: int, at_ns: int) -> None:
        self._arrived += size
        while self.under_way and self.under_way[0][0] <= self._arrived:
            self.under_way.popleft()[1].arrives_ns = at_ns


class RecordedConnection:
    """The ``number``th connection, from the host ``client`` to the host ``server``.

    ``address`` is where it was made to: the server's host with its port, or with its path.
    """

    def __init__(self, connection: Connection, client: str, server: str) -> None:
        self.number = connection.number
        self.client = name(client)
        self.server = name(server)
        place, port = connection.address
        self.address = f"{self.server}:{name(place) if '/' in place else port}"
        #: Whether the client has been told that it is connected, or refused.
        self.is_answered = False
        self._connection = connection
        self._entries: deque[Entry] = deque()
        self._lanes: dict[Role, _Lane] = {"client": _Lane("client"), "server": _Lane("server")}
        self._is_broken = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is kept of it, oldest first."""
        return tuple(self._entries)

    def arrow(self, sender: Role) -> str:
        """Name who sends to whom, the server with its port."""
        if sender == "client":
            return f"{self.client} → {self.address}"
        return f"{self.address} → {self.client}"

    @property
    def is_over(self) -> bool:
        """Whether it was broken off or never made, or both sides have ended it."""
        return self._is_broken or all(lane.is_over for lane in self._lanes.values())

    def sent_by(self, role: Role) -> list[Frame]:
        """Return the frames that one side sent, whether they arrived or not."""
        return [e.frame for e in self._entries if e.sender == role and e.frame is not None]

    def unfinished(self, role: Role) -> bytes:
        """Return what one side sent of a head or a frame that is not complete."""
        return self._lanes[role].decoder.unfinished

    def is_cut(self, sender: Role) -> bool:
        """Whether what ``sender`` sends does not get through at present."""
        connection = self._connection
        endpoint = connection.client if sender == "client" else connection.server
        if endpoint is None or endpoint.stream is None or endpoint.twin is None:
            return False
        return endpoint.stream.is_cut or not endpoint.twin.host.is_up

    def begin(self, at_ns: int) -> Entry:
        """Take in that the client asks to be connected."""
        return self._keep(Entry(at_ns, "client", "connects", "connects", self))

    def decide(self, error: int, at_ns: int) -> Entry:
        """Take in what the client is told."""
        self.is_answered = error not in _UNANSWERED
        if not error:
            return self._keep(Entry(at_ns, "client", "connected", "connected", self))
        self._is_broken = True
        label = _FAILURES.get(error) or f"fails: {errno.errorcode.get(error, error)}"
        return self._keep(Entry(at_ns, "client", "failed", label, self))

    def send(self, role: Role, data: bytes | None, at_ns: int) -> list[Entry]:
        """Take in what has left ``role``'s host; return what it completes."""
        lane = self._lanes[role]
        if data is not None:
            return self._sent(role, lane.decoder.feed(data), at_ns)
        pieces = [] if lane.is_over else [*lane.decoder.end(), Piece("eof", b"")]
        lane.is_over = True
        return self._sent(role, pieces, at_ns)

    def arrive(self, role: Role, data: bytes | None, at_ns: int) -> None:
        """Take in that what ``role`` sent has arrived."""
        self._lanes[role].arrive(1 if data is None else len(data), at_ns)

    def break_off(self, role: Role, at_ns: int) -> list[Entry]:
        """Take in that ``role``'s host resets the connection: it repeats nothing any more."""
        if self.is_cut(role):
            for _, entry in self._lanes[role].under_way:
                entry.is_dropped = True
        ended = self._sent(role, self._lanes[role].decoder.end(), at_ns)
        self._is_broken = True
        reset = Entry(at_ns, role, "reset", describe(Piece("reset", b"")), self)
        return [*ended, self._keep(reset)]

    def give_up(self, role: Role, at_ns: int) -> Entry:
        """Take in that ``role``'s host repeats no more what nobody acknowledges."""
        self._is_broken = True
        for _, entry in self._lanes[role].under_way:
            entry.is_dropped = True
        label = "gives up: nothing is acknowledged"
        return self._keep(Entry(at_ns, role, "failed", label, self))

    def forget_oldest(self) -> None:
        """Keep the oldest entry no longer."""
        oldest = self._entries.popleft()
        under_way = self._lanes[oldest.sender].under_way
        if under_way and under_way[0][1] is oldest:
            under_way.popleft()

    def _sent(self, role: Role, pieces: Iterable[Piece], at_ns: int) -> list[Entry]:
        entries = []
        for piece in pieces:
            entry = Entry(at_ns, role, piece.kind, describe(piece), self, piece.data, piece.frame)
            size = 1 if piece.kind == "eof" else len(piece.data) + piece.missing
            self._lanes[role].send(entry, size)
            entries.append(self._keep(entry))
        return entries

    def _keep(self, entry: Entry) -> Entry:
        self._entries.append(entry)
        return entry


def name(text: str) -> str:
    r"""Return the name of a host or a path as it can stand in a line.

    >>> name("shop"), name("x\n0.000000")
    ('shop', '"x\\n0.000000"')
    """
    return text if _PLAIN_NAME.fullmatch(text) else quote(text, 30)


def clock(ns: int) -> str:
    """Return virtual time in seconds, to the microsecond.

    >>> clock(1_500_000_000)
    '1.500000'
    """
    return f"{ns // NS}.{ns % NS // 1_000:06}"

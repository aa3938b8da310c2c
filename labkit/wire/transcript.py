"""What crossed one connection, decoded, in order. Opens no sockets and judges nothing.

A transcript is fed by whoever sees the bytes: the tap in front of a server, or a raw connection.
It is bounded: the oldest entries go first, and the text says how many went.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from logging import getLogger

from labkit.protocol.frames import Frame

from .decoding import Decoder, Kind, Piece, Sender
from .wording import arrow, describe, hexadecimal

logger = getLogger("labkit.wire.transcript")

MAX_ENTRIES = 1_000
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Entry:
    """One thing that crossed the wire. ``at`` is in seconds since the transcript began.

    ``data`` is what crossed, byte for byte. ``frame`` is None if it was not a frame, or one too
    large to keep.
    """

    at: float
    sender: Sender
    kind: Kind
    data: bytes
    frame: Frame | None
    label: str

    def __str__(self) -> str:
        return f"{arrow(self.sender)}   {self.label}"


class Transcript:
    """Everything that crossed a connection: the handshake, the frames, the end.

    >>> transcript = Transcript()
    >>> transcript.feed("client", b"GET /chat HTTP/1.1\\r\\nUpgrade: websocket\\r\\n\\r\\n")
    >>> transcript.feed("client", bytes.fromhex("81 84 37 fa 21 3d 64 8a 40 50"))
    >>> transcript.show()
    client → server   GET /chat HTTP/1.1  Upgrade: websocket
    client → server   TEXT  masked    "Spam"
    """

    def __init__(
        self,
        *,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._start = clock()
        self._decoders: dict[Sender, Decoder] = {s: Decoder(s) for s in ("client", "server")}
        self._sizes: dict[Sender, int] = {"client": 0, "server": 0}
        self._entries: deque[Entry] = deque()
        self._kept_bytes = 0
        self._subscribers: list[Callable[[Entry], None]] = []
        self.dropped = 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries that are kept, oldest first."""
        return tuple(self._entries)

    @property
    def sent(self) -> list[bytes]:
        """The frames the client sent, each as the bytes that crossed the wire."""
        return self._frames_from("client")

    @property
    def received(self) -> list[bytes]:
        """The frames the server sent, each as the bytes that crossed the wire."""
        return self._frames_from("server")

    def bytes_from(self, sender: Sender) -> bytes:
        """Return what ``sender`` sent, handshake and all, as far as it is kept."""
        whole = b"".join(entry.data for entry in self._entries if entry.sender == sender)
        return whole + self._decoders[sender].unfinished

    def size_from(self, sender: Sender) -> int:
        """Return how many bytes ``sender`` sent, kept or not."""
        return self._sizes[sender]

    def feed(self, sender: Sender, data: bytes) -> None:
        """Take in bytes that ``sender`` sent, in whatever portions they come."""
        self._sizes[sender] += len(data)
        for piece in self._decoders[sender].feed(data):
            self._add(sender, piece)

    def end(self, sender: Sender, *, reset: bool = False) -> None:
        """Take in that ``sender`` ended its direction, or broke the connection off."""
        for piece in self._decoders[sender].end():
            self._add(sender, piece)
        self._add(sender, Piece("reset" if reset else "eof", b""))

    def subscribe(self, callback: Callable[[Entry], None]) -> Callable[[], None]:
        """Call ``callback`` with each new entry, until the function this returns is called."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def text(self, last: int | None = None) -> str:
        """Return the transcript, or its ``last`` entries, a line each."""
        lines = [str(entry) for entry in self._entries]
        if self.dropped:
            lines.insert(0, f"… {self.dropped:,} earlier entries are no longer kept")
        for sender, decoder in self._decoders.items():
            if rest := decoder.unfinished:
                lines.append(f"{arrow(sender)}   unfinished: {hexadecimal(rest)}")
        return "\n".join(lines if last is None else lines[max(0, len(lines) - last) :])

    def show(self, last: int | None = None) -> None:
        """Print the transcript, or its ``last`` entries."""
        print(self.text(last))

    def __repr__(self) -> str:
        return f"Transcript({len(self._entries)} entries)"

    def _frames_from(self, sender: Sender) -> list[bytes]:
        return [e.data for e in self._entries if e.sender == sender and e.kind == "frame"]

    def _add(self, sender: Sender, piece: Piece) -> None:
        at = self._clock() - self._start
        entry = Entry(at, sender, piece.kind, piece.data, piece.frame, describe(piece))
        self._entries.append(entry)
        self._kept_bytes += len(entry.data)
        while len(self._entries) > self._max_entries or self._kept_bytes > self._max_bytes:
            self._kept_bytes -= len(self._entries.popleft().data)
            self.dropped += 1
        for callback in tuple(self._subscribers):
            try:
                callback(entry)
            except Exception:
                # Whoever looks on must not change what crosses the wire.
                logger.exception("a subscriber of the transcript failed")

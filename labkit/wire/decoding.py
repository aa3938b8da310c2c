"""Cuts the bytes of one direction into HTTP heads and frames. Judges nothing and never fails.

A wire is watched most closely when something on it is broken, so whatever is neither HTTP nor a
frame comes out as "garbage", and an announced length that would not fit in memory comes out at
once, without its payload.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from labkit.protocol.frames import Frame, FrameParser, Header, Opcode, parse_header

Sender = Literal["client", "server"]
Kind = Literal["http", "body", "frame", "garbage", "eof", "reset"]

#: The longest piece that is kept whole. Room for a frame with a 64-bit length (over 65,535 bytes).
MAX_PIECE_BYTES = 256 * 1024

MAX_HEAD_BYTES = 16 * 1024

_REQUEST = re.compile(rb"[A-Z]+ [^ \r\n]+ HTTP/1\.[01]\r?$")
_STATUS = re.compile(rb"HTTP/1\.[01] \d{3}( [^\r\n]*)?\r?$")
_UPGRADE = re.compile(rb"^upgrade:[ \t]*websocket[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """One HTTP head with its body, one frame, or bytes that are neither.

    ``data`` is what crossed the wire; ``missing`` counts the bytes that belong to the piece but
    were too many to keep. ``begun_by`` is the header of the frame that began the message, where
    this frame continues one.
    """

    kind: Kind
    data: bytes
    frame: Frame | None = None
    missing: int = 0
    begun_by: Header | None = None


class Decoder:
    """Decode what ``sender`` sends, in whatever portions it arrives."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._buffer = bytearray()
        self._mode: Literal["head", "body", "frames", "garbage"] = "head"
        self._skip = 0
        self._message: Header | None = None

    @property
    def unfinished(self) -> bytes:
        """The bytes that have arrived of a piece that is not complete."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[Piece]:
        """Return the pieces that ``data`` completes."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._buffer += memoryview(data)[skipped:]
        pieces = []
        while self._buffer and (piece := self._next()):
            pieces.append(piece)
        return pieces

    def end(self) -> list[Piece]:
        """Return what the end of the stream leaves unfinished, as garbage."""
        rest = self._take(len(self._buffer))
        return [Piece("garbage", rest)] if rest else []

    def _next(self) -> Piece | None:
        match self._mode:
            case "head":
                return self._head()
            case "frames":
                return self._frame()
            case "body":
                return Piece("body", self._take(len(self._buffer)))
            case "garbage":
                return Piece("garbage", self._take(len(self._buffer)))

    def _head(self) -> Piece | None:
        line, newline, _ = self._buffer.partition(b"\n")
        form = _REQUEST if self._sender == "client" else _STATUS
        end = self._buffer.find(b"\r\n\r\n") + 4
        if (newline and not form.match(line)) or (end < 4 and len(self._buffer) > MAX_HEAD_BYTES):
            self._mode = "garbage"
            return self._next()
        if end < 4:
            return None
        head = bytes(self._buffer[:end])
        length = _LENGTH.search(head)
        piece = self._piece("http", end + int(length[1]) if length else end)
        if piece is not None:
            self._mode = self._mode_after(head, has_length=length is not None)
        return piece

    def _mode_after(self, head: bytes, *, has_length: bool) -> Literal["head", "body", "frames"]:
        if self._sender == "client":
            return "frames" if _UPGRADE.search(head) else "head"
        status = int(head.split(maxsplit=2)[1])
        if status == 101:
            return "frames"
        bodiless = has_length or status < 200 or status in (204, 304)
        return "head" if bodiless else "body"

    def _frame(self) -> Piece | None:
        header = parse_header(self._buffer)
        if header is None:
            return None
        begun_by = self._message if header.opcode == Opcode.CONT else None
        piece = self._piece("frame", header.size + header.length, begun_by)
        if piece is not None and header.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._message = header
        return piece

    def _piece(self, kind: Kind, size: int, begun_by: Header | None = None) -> Piece | None:
        """Return the next ``size`` bytes, or what has come of them if they are too many to keep."""
        too_long = size > MAX_PIECE_BYTES
        if len(self._buffer) < size and not too_long:
            return None
        data = self._take(min(size, MAX_PIECE_BYTES))
        missing = size - len(data)
        self._skip = max(0, missing - len(self._buffer))
        self._take(missing)
        frame = FrameParser().feed(data)[0] if kind == "frame" and not missing else None
        return Piece(kind, data, frame, missing, begun_by)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

"""What arrives once a connection is open: bytes to events. Knows no handshake and no state."""

from __future__ import annotations

from .events import Binary, Close, Ping, Pong, Text
from .frames import Buffer, Chunk, ChunkParser, Opcode
from .messages import MessageAssembler
from .rules import check_header, is_control, parse_close


class Receiver:
    """Parse, judge and assemble what a peer sends.

    ``must_mask`` holds for what a client sends; ``compression`` if it was agreed on.
    """

    def __init__(self, assembler: MessageAssembler, *, must_mask: bool, compression: bool) -> None:
        self._assembler = assembler
        self._must_mask = must_mask
        self._compression = compression
        self._chunks = ChunkParser()
        self._control = bytearray()

    def feed(self, data: Buffer) -> None:
        """Take in what arrived, and parse nothing yet."""
        self._chunks.feed(data)

    def take(self) -> Text | Binary | Ping | Pong | Close | None:
        """Return the next event, or None if more bytes are needed.

        Raises RemoteProtocolError if the peer broke a rule.
        """
        while (chunk := self._chunks.take()) is not None:
            if chunk.first:
                check_header(chunk.header, must_mask=self._must_mask, compression=self._compression)
            control = is_control(chunk.header.opcode)
            event = self._take_control(chunk) if control else self._take_data(chunk)
            if event is not None:
                return event
        return None

    def _take_data(self, chunk: Chunk) -> Text | Binary | None:
        if chunk.first:
            self._assembler.begin(chunk.header)
        match self._assembler.feed(chunk):
            case str(text):
                return Text(text)
            case bytes(data):
                return Binary(data)
        return None

    def _take_control(self, chunk: Chunk) -> Ping | Pong | Close | None:
        self._control += chunk.data
        if not chunk.last:
            return None
        payload = bytes(self._control)
        self._control.clear()
        match chunk.header.opcode:
            case Opcode.PING:
                return Ping(payload)
            case Opcode.PONG:
                return Pong(payload)
            case _:
                return Close(*parse_close(payload))

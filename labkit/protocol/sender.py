"""What is sent once a connection is open: events to bytes. Knows no handshake and no state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from labkit.errors import LocalProtocolError

from .deflate import Deflater
from .events import Binary, Close, Ping, Pong, Text
from .frames import CloseCode, Frame, Opcode, serialize
from .rules import MAX_CONTROL_BYTES, serialize_close

Sent: TypeAlias = Text | Binary | Ping | Pong | Close


class Sender:
    """Serialize events, each in one frame.

    ``make_mask`` returns a fresh masking key for each frame; a server has none.
    """

    def __init__(
        self, *, make_mask: Callable[[], bytes] | None = None, deflater: Deflater | None = None
    ) -> None:
        self._make_mask = make_mask
        self._deflater = deflater

    def serialize(self, event: Sent) -> bytes:
        """Return the bytes of ``event``.

        Raises LocalProtocolError if it breaks a rule.
        """
        match event:
            case Text(data):
                return self._message(Opcode.TEXT, _encode(data))
            case Binary(data):
                return self._message(Opcode.BINARY, data)
            case Ping(payload):
                return self._control(Opcode.PING, payload)
            case Pong(payload):
                return self._control(Opcode.PONG, payload)
            case Close(code, reason):
                return self._control(Opcode.CLOSE, serialize_close(code, reason))

    def _message(self, opcode: Opcode, payload: bytes) -> bytes:
        if self._deflater is None:
            return serialize(Frame(opcode, payload, mask=self._mask()))
        compressed = self._deflater.compress(payload)
        return serialize(Frame(opcode, compressed, rsv1=True, mask=self._mask()))

    def _control(self, opcode: Opcode, payload: bytes) -> bytes:
        if len(payload) > MAX_CONTROL_BYTES:
            raise LocalProtocolError(
                CloseCode.PROTOCOL_ERROR,
                f"the payload of a {opcode.name} has {len(payload)} bytes, "
                f"the limit is {MAX_CONTROL_BYTES}",
            )
        return serialize(Frame(opcode, payload, mask=self._mask()))

    def _mask(self) -> bytes | None:
        return None if self._make_mask is None else self._make_mask()


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(
            CloseCode.INVALID_DATA, f"the text cannot be sent as UTF-8: {error.reason}"
        ) from error

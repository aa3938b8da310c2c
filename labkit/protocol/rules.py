"""What RFC 6455 allows in a frame's header and in a close frame. Keeps no state.

A header is refused before a byte of its payload has arrived.
"""

from __future__ import annotations

import struct

from labkit.errors import LocalProtocolError, RemoteProtocolError

from .frames import CloseCode, Header, Opcode

MAX_CONTROL_BYTES = 125

_REGISTERED = frozenset(CloseCode) - {
    # Only ever reported by a side to itself (RFC 6455 §7.4.1).
    CloseCode.NO_STATUS,
    CloseCode.ABNORMAL,
    CloseCode.TLS_HANDSHAKE,
}


def is_control(opcode: int) -> bool:
    """Tell whether frames of this opcode are control frames (RFC 6455 §5.5)."""
    return opcode >= Opcode.CLOSE


def check_header(header: Header, *, must_mask: bool, compression: bool) -> None:
    """Check a header as it arrived (RFC 6455 §5.1, §5.2, §5.5).

    ``must_mask`` holds for what a client sends; what a server sends must not be masked.
    ``compression`` tells whether permessage-deflate was agreed on, which gives RSV1 a meaning.

    Raises RemoteProtocolError with code 1002.
    """
    opcode = header.opcode
    if not isinstance(opcode, Opcode):
        raise _broken(f"opcode {opcode:#x} is reserved")
    if header.rsv2 or header.rsv3:
        raise _broken(f"RSV2 or RSV3 is set in a {opcode.name} frame, no extension uses them")
    if header.rsv1 and not compression:
        raise _broken(f"RSV1 is set in a {opcode.name} frame, compression was not agreed on")
    if header.rsv1 and opcode not in (Opcode.TEXT, Opcode.BINARY):
        raise _broken(f"RSV1 is set in a {opcode.name} frame, it belongs in a message's first")
    if is_control(opcode) and not header.fin:
        raise _broken(f"a {opcode.name} frame is fragmented")
    if is_control(opcode) and header.length > MAX_CONTROL_BYTES:
        raise _broken(f"a {opcode.name} frame has {header.length} bytes, the limit is 125")
    if header.length >> 63:
        raise _broken("the first bit of a 64-bit length is set")
    if not header.minimal:
        raise _broken(f"the length {header.length} is not written in its shortest form")
    if must_mask and not header.masked:
        raise _broken("unmasked frame from a client")
    if header.masked and not must_mask:
        raise _broken("masked frame from a server")


def may_be_sent(code: int) -> bool:
    """Tell whether a close frame may carry this code (RFC 6455 §7.4).

    >>> [code for code in (1000, 1004, 1005, 1006, 1015, 2999, 3000, 5000) if may_be_sent(code)]
    [1000, 3000]
    """
    return code in _REGISTERED or 3000 <= code < 5000


def parse_close(payload: bytes) -> tuple[int, str]:
    """Return the code and the reason in a close frame (RFC 6455 §5.5.1).

    >>> parse_close(bytes.fromhex("03 e8 62 79 65"))
    (1000, 'bye')
    >>> parse_close(b"")
    (<CloseCode.NO_STATUS: 1005>, '')

    Raises RemoteProtocolError with code 1002, or 1007 if the reason is not UTF-8.
    """
    if not payload:
        return CloseCode.NO_STATUS, ""
    if len(payload) == 1:
        raise _broken("a close frame has 1 byte, half a close code")
    (code,) = struct.unpack_from("!H", payload)
    if not may_be_sent(code):
        raise _broken(f"close code {code} may not be sent")
    try:
        return code, payload[2:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(
            CloseCode.INVALID_DATA, f"the reason of a close frame is not UTF-8: {error.reason}"
        ) from error


def serialize_close(code: int, reason: str) -> bytes:
    """Return the payload of a close frame; that of code 1005, *no status*, is empty.

    >>> serialize_close(1000, "bye").hex(" ")
    '03 e8 62 79 65'

    Raises LocalProtocolError if the code may not be sent.
    """
    if code == CloseCode.NO_STATUS and not reason:
        return b""
    if not may_be_sent(code):
        raise LocalProtocolError(CloseCode.PROTOCOL_ERROR, f"close code {code} may not be sent")
    return struct.pack("!H", code) + reason.encode()


def shorten(reason: str) -> str:
    """Cut ``reason`` to what a close frame can carry, between two characters."""
    return reason.encode()[: MAX_CONTROL_BYTES - 2].decode("utf-8", "ignore")


def _broken(reason: str) -> RemoteProtocolError:
    return RemoteProtocolError(CloseCode.PROTOCOL_ERROR, reason)

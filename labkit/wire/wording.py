"""Puts a piece of a wire into one line of text. Hostile bytes cannot forge, break or hide a line.

The words are stable: no time, no port, nothing that differs from one run to the next.
"""

from __future__ import annotations

import json
import re

from labkit.protocol.frames import Header, Opcode, apply_mask, parse_header

from .decoding import Piece, Sender

#: As much of a payload as one line shows.
SHOWN_CHARS = 60

_PLAIN_TEXT = re.compile(rb"^content-type:[ \t]*text/plain\b", re.IGNORECASE | re.MULTILINE)
_SHOWN_BYTES = SHOWN_CHARS // 3
_NAMES = {0x0: "CONT", 0x1: "TEXT", 0x2: "BIN", 0x8: "CLOSE", 0x9: "PING", 0xA: "PONG"}


def opcode_name(opcode: int) -> str:
    """Name an opcode in five letters or less; a reserved one is its number.

    >>> opcode_name(9), opcode_name(11)
    ('PING', '0xB')
    """
    return _NAMES.get(opcode, f"0x{opcode:X}")


def quote(text: str, limit: int = SHOWN_CHARS) -> str:
    r"""Return ``text`` in quotes on one line, with its length if it is cut.

    Whatever is not printable is escaped, so that no message can move the cursor, turn the
    direction of writing or begin a line of its own. Text that holds double quotes, as JSON does,
    stands in single ones.

    >>> print(quote('Spam\n'), quote('["Spam"]'), quote("\"It's\""))
    "Spam\n" '["Spam"]' "\"It's\""
    """
    mark = "'" if '"' in text and "'" not in text else '"'
    shown = "".join(_escape(char, mark) for char in text[:limit])
    if len(text) <= limit:
        return f"{mark}{shown}{mark}"
    return f"{mark}{shown}…{mark} {count(len(text), 'character')}"


def quote_message(message: str | bytes) -> str:
    """Return a text message in quotes, or how long a binary one is."""
    return quote(message) if isinstance(message, str) else count(len(message), "binary byte")


def hexadecimal(data: bytes, limit: int = _SHOWN_BYTES) -> str:
    """Return ``data`` in hexadecimal, with its length if it is cut.

    >>> hexadecimal(b"Spam")
    '53 70 61 6d'
    """
    shown = data[:limit].hex(" ")
    return shown if len(data) <= limit else f"{shown} … {count(len(data), 'byte')}"


def count(number: int, noun: str) -> str:
    """Return ``number`` and ``noun``, in the plural where it needs one.

    >>> count(1, "byte"), count(65_536, "byte")
    ('1 byte', '65,536 bytes')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def arrow(sender: Sender) -> str:
    """Name who sends to whom."""
    return "client → server" if sender == "client" else "server → client"


def describe(piece: Piece) -> str:
    """Return what a line says of ``piece``, after the arrow."""
    match piece.kind:
        case "http":
            return _describe_http(piece)
        case "body":
            return f"{count(len(piece.data), 'byte')} of body"
        case "frame":
            return _describe_frame(piece)
        case "garbage":
            return f"not HTTP, not a frame: {hexadecimal(piece.data)}"
        case "eof":
            return "end of stream"
        case "reset":
            return "connection reset"


def _escape(char: str, mark: str = '"') -> str:
    if char in (mark, "\\"):
        return "\\" + char
    if char.isprintable():
        return char
    escaped = json.dumps(char)[1:-1]
    return escaped if len(escaped) > 1 else f"\\u{ord(char):04x}"


def _plain(data: bytes, limit: int) -> str:
    """Return ``data`` as unquoted text, cut."""
    text = data.decode("utf-8", "backslashreplace")
    shown = "".join(char if char.isprintable() else _escape(char) for char in text[:limit])
    return shown if len(text) <= limit else f"{shown}…"


def _describe_http(piece: Piece) -> str:
    head, _, body = piece.data.partition(b"\r\n\r\n")
    first, _, fields = head.partition(b"\r\n")
    parts = [_plain(first, 2 * SHOWN_CHARS)]
    if not first.startswith(b"HTTP/"):
        values = (line.partition(b":") for line in fields.split(b"\r\n"))
        parts += [
            f"Upgrade: {_plain(value.strip(), SHOWN_CHARS)}"
            for name, _, value in values
            if name.strip().lower() == b"upgrade"
        ]
    if size := len(body) + piece.missing:
        text = "" if piece.missing else _text_of(head, body)
        parts.append(f"{count(size, 'byte')} of body {text}".rstrip())
    return "  ".join(parts)


def _text_of(head: bytes, body: bytes) -> str:
    """Return a body in quotes, if its head says that it is plain text and it is."""
    if not _PLAIN_TEXT.search(head):
        return ""
    try:
        return quote(body.decode("utf-8"))
    except UnicodeDecodeError:
        return ""


def _describe_frame(piece: Piece) -> str:
    header = parse_header(piece.data)
    assert header is not None, "a frame piece begins with a whole header"
    mask = "masked" if header.masked else "unmasked"
    fixed = f"{opcode_name(header.opcode):<5} {mask:<8}"
    payload = piece.data[header.size :]
    if header.mask is not None:
        payload = apply_mask(payload, header.mask)
    words = [*_flags(header), _describe_payload(header, payload, piece)]
    return f"{fixed}  {' '.join(word for word in words if word)}".rstrip()


def _flags(header: Header) -> list[str]:
    words = []
    if header.opcode == Opcode.CONT:
        words.append("final" if header.fin else "more")
    elif not header.fin:
        words.append("first" if header.opcode < 8 else "not final")
    words += ["RSV2"] * header.rsv2 + ["RSV3"] * header.rsv3
    if header.rsv1 and header.opcode not in (Opcode.TEXT, Opcode.BINARY):
        words.append("RSV1")
    return words


def _describe_payload(header: Header, payload: bytes, piece: Piece) -> str:
    if piece.missing:
        return f"announces {count(header.length, 'byte')}"
    message = piece.begun_by or header
    if message.rsv1 and message.opcode in (Opcode.TEXT, Opcode.BINARY):
        return f"compressed, {count(len(payload), 'byte')}"
    if header.opcode == Opcode.CLOSE:
        return _describe_close(payload)
    if message.opcode == Opcode.TEXT:
        return _text_or_hex(payload)
    printable = payload.isascii() and payload.decode("latin-1").isprintable()
    if header.opcode in (Opcode.PING, Opcode.PONG) and payload and printable:
        return quote(payload.decode("ascii"))
    return hexadecimal(payload) or "empty"


def _describe_close(payload: bytes) -> str:
    """Describe the payload of a close frame (RFC 6455 §5.5.1).

    >>> _describe_close(b"\\x03\\xe8bye")
    '1000 "bye"'
    """
    if not payload:
        return "without a code"
    if len(payload) == 1:
        return f"half a code: {payload.hex()}"
    code, reason = int.from_bytes(payload[:2], "big"), payload[2:]
    return f"{code} {_text_or_hex(reason)}" if reason else f"{code}"


def _text_or_hex(payload: bytes) -> str:
    try:
        return quote(payload.decode("utf-8"))
    except UnicodeDecodeError:
        return f"not UTF-8: {hexadecimal(payload)}"

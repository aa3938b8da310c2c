"""Bytes as a peer sends them, made without the codec: what is expected is not what is tested."""

from __future__ import annotations

import base64
import hashlib
import struct

KEY = bytes.fromhex("37fa213d")
NONCE = base64.b64encode(bytes(16)).decode()
ACCEPT = base64.b64encode(
    hashlib.sha1(f"{NONCE}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
).decode()


def header(*lines: str) -> bytes:
    """Return the head of a request or a response."""
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def request(*more: str, without: str = "", line: str = "GET /chat HTTP/1.1") -> bytes:
    """Return a sound request; ``without`` leaves a header out, ``more`` adds some."""
    return header(
        line,
        *_without(
            without,
            "Host: example.com",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {NONCE}",
            "Sec-WebSocket-Version: 13",
        ),
        *more,
    )


def response(
    *more: str, without: str = "", line: str = "HTTP/1.1 101 Switching Protocols"
) -> bytes:
    """Return a sound response; ``without`` leaves a header out, ``more`` adds some."""
    return header(
        line,
        *_without(
            without,
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {ACCEPT}",
        ),
        *more,
    )


def frame(first: int, payload: bytes = b"", *, masked: bool = True, length: bytes = b"") -> bytes:
    """Return a frame with this first byte; ``length`` is its length in another form."""
    bit = 0x80 if masked else 0
    size = len(payload)
    if length:
        coded = bytes([bit | length[0]]) + length[1:]
    elif size < 126:
        coded = bytes([bit | size])
    elif size < 65536:
        coded = struct.pack("!BH", bit | 126, size)
    else:
        coded = struct.pack("!BQ", bit | 127, size)
    if not masked:
        return bytes([first]) + coded + payload
    mask = (KEY * (size // 4 + 1))[:size]
    return bytes([first]) + coded + KEY + bytes(a ^ b for a, b in zip(payload, mask, strict=True))


def close(code: int, reason: bytes = b"") -> bytes:
    """Return a client's close frame."""
    return frame(0x88, struct.pack("!H", code) + reason)


def _without(name: str, *lines: str) -> list[str]:
    return [line for line in lines if line.split(":")[0] != name]

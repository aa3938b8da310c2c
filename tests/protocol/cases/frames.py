"""Frames and messages, and each rule of theirs at its boundary (RFC 6455 §5). Plays nothing."""

from __future__ import annotations

import struct

from ..playing import Case, Send
from ..wire import frame


def broken(reason: str, *steps: bytes | Send, code: int = 1002, **given: object) -> Case:
    """What breaks a rule on an open connection: it fails, and the peer is told the code."""
    side = str(given.get("side", "server"))
    marks = "unmasked" if side == "server" else "masked"
    expected = (f"Failed {code}: {reason}", f"sends {marks} CLOSE {code}")
    return Case(steps, expected, **given)  # type: ignore[arg-type]


def fine(*outcome: str, steps: tuple[bytes | Send, ...], **given: object) -> Case:
    """What an open connection takes."""
    return Case(steps, outcome, **given)  # type: ignore[arg-type]


SHORT_FORM = "the length {} is not written in its shortest form"
TEXT, BINARY, CONT, PING, PONG, CLOSE = 0x81, 0x82, 0x80, 0x89, 0x8A, 0x88


def length_16(size: int) -> bytes:
    """A length in its 16-bit form."""
    return b"\x7e" + struct.pack("!H", size)


def length_64(size: int) -> bytes:
    """A length in its 64-bit form."""
    return b"\x7f" + struct.pack("!Q", size)


FRAMES = {
    "text": fine("Text Spam", steps=(frame(TEXT, b"Spam"),)),
    "empty text": fine("Text", steps=(frame(TEXT),)),
    "binary": fine("Binary Spam", steps=(frame(BINARY, b"Spam"),)),
    "text to a client": fine(
        "Text Spam", steps=(frame(TEXT, b"Spam", masked=False),), side="client"
    ),
    "two frames at once": fine(
        "Text Spam", "Binary Eggs", steps=(frame(TEXT, b"Spam") + frame(BINARY, b"Eggs"),)
    ),
    "125 bytes": fine("Binary aaaaaaaa… 125", steps=(frame(BINARY, 125 * b"a"),)),
    "126 bytes": fine("Binary aaaaaaaa… 126", steps=(frame(BINARY, 126 * b"a"),)),
    "65,535 bytes": fine("Binary aaaaaaaa… 65535", steps=(frame(BINARY, 65535 * b"a"),)),
    "65,536 bytes": fine("Binary aaaaaaaa… 65536", steps=(frame(BINARY, 65536 * b"a"),)),
    "125 bytes in 16 bits": broken(
        SHORT_FORM.format(125), frame(BINARY, 125 * b"a", length=length_16(125))
    ),
    "no bytes in 16 bits": broken(SHORT_FORM.format(0), frame(BINARY, length=length_16(0))),
    "65,535 bytes in 64 bits": broken(
        SHORT_FORM.format(65535), frame(BINARY, length=length_64(65535))
    ),
    "a close of 2 bytes in 16 bits": broken(
        SHORT_FORM.format(2), frame(CLOSE, b"\x03\xe8", length=length_16(2))
    ),
    "a length with its first bit set": broken(
        "the first bit of a 64-bit length is set", frame(BINARY, length=length_64(1 << 63))
    ),
    "a length of 2 ** 62": broken(
        f"a message of {1 << 62} bytes or more, the limit is 1048576",
        frame(BINARY, length=length_64(1 << 62)),
        code=1009,
    ),
    "an unmasked frame from a client": broken(
        "unmasked frame from a client", frame(TEXT, b"Spam", masked=False)
    ),
    "an unmasked ping from a client": broken(
        "unmasked frame from a client", frame(PING, masked=False)
    ),
    "a masked frame from a server": broken(
        "masked frame from a server", frame(TEXT, b"Spam"), side="client"
    ),
    "RSV1 without compression": broken(
        "RSV1 is set in a TEXT frame, compression was not agreed on", frame(0xC1, b"Spam")
    ),
    "RSV1 in a ping without compression": broken(
        "RSV1 is set in a PING frame, compression was not agreed on", frame(0xC9)
    ),
    "RSV2": broken(
        "RSV2 or RSV3 is set in a TEXT frame, no extension uses them", frame(0xA1, b"Spam")
    ),
    "RSV3": broken(
        "RSV2 or RSV3 is set in a TEXT frame, no extension uses them", frame(0x91, b"Spam")
    ),
    **{
        f"opcode {opcode:#x}": broken(f"opcode {opcode:#x} is reserved", frame(0x80 | opcode))
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    "what breaks a rule is refused before its payload": broken(
        "opcode 0x3 is reserved", frame(0x83, b"Spam")[:6]
    ),
    "what comes behind a broken rule is not looked at": broken(
        "opcode 0x3 is reserved", frame(0x83) + frame(TEXT, b"Spam"), frame(TEXT, b"Spam")
    ),
    "what came before a broken rule counts": fine(
        "Text Spam",
        "Failed 1002: opcode 0x3 is reserved",
        "sends unmasked CLOSE 1002",
        steps=(frame(TEXT, b"Spam") + frame(0x83),),
    ),
    "a ping": fine("Ping Spam", steps=(frame(PING, b"Spam"),)),
    "a pong nobody asked for": fine("Pong Spam", steps=(frame(PONG, b"Spam"),)),
    "a ping of 125 bytes": fine("Ping aaaaaaaa… 125", steps=(frame(PING, 125 * b"a"),)),
    "a ping of 126 bytes": broken(
        "a PING frame has 126 bytes, the limit is 125", frame(PING, 126 * b"a")
    ),
    "a ping in fragments": broken("a PING frame is fragmented", frame(0x09, b"Spam")),
    "a close in fragments": broken("a CLOSE frame is fragmented", frame(0x08)),
}

MESSAGES = {
    "three fragments": fine(
        "Text Spam", steps=(frame(0x01, b"Sp") + frame(0x00, b"a") + frame(CONT, b"m"),)
    ),
    "empty fragments": fine("Binary", steps=(frame(0x02) + frame(0x00) + frame(CONT),)),
    "a ping between fragments": fine(
        "Ping hi",
        "Text Spam",
        steps=(frame(0x01, b"Sp") + frame(PING, b"hi") + frame(CONT, b"am"),),
    ),
    "a message after a fragmented one": fine(
        "Text Spam",
        "Binary Eggs",
        steps=(frame(0x01, b"Spam") + frame(CONT) + frame(BINARY, b"Eggs"),),
    ),
    "a continuation of nothing": broken("a CONT frame continues no message", frame(CONT, b"Spam")),
    "a continuation after the end": fine(
        "Text Spam",
        "Failed 1002: a CONT frame continues no message",
        "sends unmasked CLOSE 1002",
        steps=(frame(0x01, b"Sp") + frame(CONT, b"am") + frame(CONT),),
    ),
    "a message inside a message": broken(
        "a message begins inside another, expected a CONT frame",
        frame(0x01, b"Spam") + frame(BINARY),
    ),
    "text in many alphabets": fine("Text ñ€𝄞", steps=(frame(TEXT, "ñ€𝄞".encode()),)),
    "a letter in two fragments": fine(
        "Text €", steps=(frame(0x01, b"\xe2\x82") + frame(CONT, b"\xac"),)
    ),
    "bytes that are not UTF-8": broken(
        "a text message is not UTF-8: invalid start byte", frame(TEXT, b"Sp\xff"), code=1007
    ),
    "half a letter at the end": broken(
        "a text message is not UTF-8: unexpected end of data", frame(TEXT, b"Sp\xe2\x82"), code=1007
    ),
    "half a surrogate": broken(
        "a text message is not UTF-8: invalid continuation byte",
        frame(TEXT, b"\xed\xa0\x80"),
        code=1007,
    ),
    "bytes that are not UTF-8, before the frame has come": broken(
        "a text message is not UTF-8: invalid start byte", frame(TEXT, b"\xffSpam")[:7], code=1007
    ),
    "bytes that are not UTF-8, before the message has come": broken(
        "a text message is not UTF-8: invalid start byte", frame(0x01, b"\xff"), code=1007
    ),
    "any bytes in binary": fine("Binary ÿþ", steps=(frame(BINARY, b"\xff\xfe"),)),
    "the largest message": fine(
        "Binary Spam", steps=(frame(BINARY, b"Spam"),), options={"max_size": 4}
    ),
    "a message too large": broken(
        "a message of 5 bytes or more, the limit is 4",
        frame(BINARY, b"Spam!"),
        code=1009,
        options={"max_size": 4},
    ),
    "a message too large, before its payload": broken(
        "a message of 5 bytes or more, the limit is 4",
        frame(BINARY, b"Spam!")[:6],
        code=1009,
        options={"max_size": 4},
    ),
    "a message too large in fragments": broken(
        "a message of 5 bytes or more, the limit is 4",
        frame(0x02, b"Spam") + frame(CONT, b"!"),
        code=1009,
        options={"max_size": 4},
    ),
    "the sizes of two messages are not added up": fine(
        "Binary Spam",
        "Binary Eggs",
        steps=(frame(BINARY, b"Spam") + frame(BINARY, b"Eggs"),),
        options={"max_size": 4},
    ),
    "as many frames as may be": fine(
        "Text", "Text", steps=(2 * (frame(0x01) + frame(CONT)),), options={"max_frames": 2}
    ),
    "a frame too many, an empty one": broken(
        "a message of more than 2 frames",
        frame(0x01) + frame(0x00) + frame(0x00),
        code=1009,
        options={"max_frames": 2},
    ),
}

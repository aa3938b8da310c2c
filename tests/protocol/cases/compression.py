"""Compressed messages and their bounds (RFC 7692 §7.2, §8). Plays nothing."""

from __future__ import annotations

import zlib

from ..playing import END, Case, Send
from ..wire import frame
from .frames import CONT, TEXT
from .negotiation import CLIENT_BITS, CLIENT_FLAG, SERVER_BITS, SERVER_FLAG
from .requests import DEFLATE


def deflated_in_turn(*messages: bytes) -> list[bytes]:
    """What a peer makes of messages of which each may refer to those before."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return [
        (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")
        for data in messages
    ]


def deflated(data: bytes) -> bytes:
    """What a peer makes of one message."""
    return deflated_in_turn(data)[0]


def finished(data: bytes) -> bytes:
    """What a peer makes of a message that marks its block as the last one."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush(zlib.Z_FINISH)


def compressed(
    *outcome: str, steps: tuple[bytes | Send, ...], agreed: str = DEFLATE, **options: object
) -> Case:
    """What happens once compression is agreed on."""
    return Case(steps, outcome, options={"deflate": {}, **options}, agreed=agreed)


def corrupt(reason: str, *steps: bytes | Send, code: int = 1007, **options: object) -> Case:
    """What breaks a rule of compression."""
    return compressed(
        f"Failed {code}: {reason}", f"sends unmasked CLOSE {code}", steps=steps, **options
    )


UNREADABLE = "a compressed message cannot be decompressed: "
BROKEN_OFF = f"{UNREADABLE}it breaks off inside a block"
SPAM = deflated(b"Spam")
ALL_BYTES = bytes(range(256))
SHOWN_BYTES = f"{ALL_BYTES[:8].decode('latin-1')}…"
TOO_FAR = f"{UNREADABLE}Error -3 while decompressing data: invalid distance too far back"

COMPRESSION = {
    "a compressed message": compressed("Text Spam", steps=(frame(0xC1, SPAM),)),
    "a compressed binary message": compressed("Binary Spam", steps=(frame(0xC2, SPAM),)),
    "a compressed message to a client": Case(
        (frame(0xC1, SPAM, masked=False),),
        ("Text Spam",),
        side="client",
        options={"deflate": {}},
        agreed=DEFLATE,
    ),
    "compressed in fragments": compressed(
        "Text Spam", steps=(frame(0x41, SPAM[:3]) + frame(0x00) + frame(CONT, SPAM[3:]),)
    ),
    "uncompressed all the same": compressed("Text Spam", steps=(frame(TEXT, b"Spam"),)),
    "one of each": compressed(
        "Text Spam",
        "Text Eggs",
        "Text Spam",
        steps=(frame(0xC1, SPAM) + frame(TEXT, b"Eggs") + frame(0xC1, SPAM),),
    ),
    "an empty message": compressed("Text", steps=(frame(0xC1, b"\x00"),)),
    "an empty payload": corrupt(BROKEN_OFF, frame(0xC1)),
    "an empty message in fragments": compressed(
        "Text", steps=(frame(0x41) + frame(CONT, b"\x00"),)
    ),
    "a final block": compressed("Text Spam", steps=(frame(0xC1, finished(b"Spam") + b"\x00"),)),
    "a message after a final block": compressed(
        "Text Spam",
        "Text Spam",
        steps=(frame(0xC1, finished(b"Spam") + b"\x00") + frame(0xC1, SPAM),),
    ),
    "blocks after a final block": compressed(
        "Text SpamSpam", steps=(frame(0xC1, finished(b"Spam") + SPAM),)
    ),
    "nothing but the start of a final block": compressed(
        "Text", "Text Spam", steps=(frame(0xC1, b"\x01") + frame(0xC1, SPAM),)
    ),
    "RSV1 in a continuation": corrupt(
        "RSV1 is set in a CONT frame, it belongs in a message's first",
        frame(0x41, SPAM[:3]) + frame(0xC0, SPAM[3:]),
        code=1002,
    ),
    "RSV1 in a ping": corrupt(
        "RSV1 is set in a PING frame, it belongs in a message's first", frame(0xC9), code=1002
    ),
    "RSV2 with compression": corrupt(
        "RSV2 or RSV3 is set in a TEXT frame, no extension uses them", frame(0xE1, SPAM), code=1002
    ),
    "what is not compressed": corrupt(
        f"{UNREADABLE}Error -3 while decompressing data: invalid block type", frame(0xC1, b"\xff")
    ),
    "a message that breaks off": corrupt(BROKEN_OFF, frame(0xC1, SPAM[:-2])),
    "a message that breaks off in a stored block": corrupt(
        BROKEN_OFF, frame(0xC2, b"\x00\x08\x00\xf7\xffSp")
    ),
    "compressed bytes that are not UTF-8": corrupt(
        "a text message is not UTF-8: invalid start byte", frame(0xC1, deflated(b"Sp\xff"))
    ),
    "half a letter at the compressed end": corrupt(
        "a text message is not UTF-8: unexpected end of data", frame(0xC1, deflated(b"Sp\xe2"))
    ),
    "the largest compressed message": compressed(
        "Binary aaaaaaaa… 5000", steps=(frame(0xC2, deflated(5000 * b"a")),), max_size=5000
    ),
    "a compressed message too large": corrupt(
        "a message inflates to more than the limit of 4999 bytes",
        frame(0xC2, deflated(5000 * b"a")),
        code=1009,
        max_size=4999,
    ),
    "a compressed message too large in fragments": corrupt(
        "a message inflates to more than the limit of 4999 bytes",
        frame(0x42, deflated(2500 * b"a"))
        + frame(CONT, b"\x00\x00\xff\xff" + deflated(2500 * b"a")),
        code=1009,
        max_size=4999,
    ),
    "a compressed message too large over final blocks": corrupt(
        "a message inflates to more than the limit of 3 bytes",
        frame(0xC2, 3 * finished(b"Spam")),
        code=1009,
        max_size=3,
    ),
    "more bytes than any compression makes of a message": corrupt(
        "a message of 74 bytes or more, the limit is 73",
        frame(0xC2, 74 * b"a")[:6],
        code=1009,
        max_size=8,
    ),
    "as many bytes as a poor compression makes of a message": compressed(
        "Lost 1006", steps=(frame(0xC2, 73 * b"a")[:6], END), max_size=8
    ),
    "what is sent refers to what was sent before": compressed(
        "sends unmasked TEXT RSV1 0a2e48cc0500",
        "sends unmasked TEXT RSV1 0a06620000",
        steps=(Send("Text", ("Spam",)), Send("Text", ("Spam",))),
    ),
    "what is sent refers to nothing, as agreed": compressed(
        "sends unmasked TEXT RSV1 0a2e48cc0500",
        "sends unmasked TEXT RSV1 0a2e48cc0500",
        steps=(Send("Text", ("Spam",)), Send("Text", ("Spam",))),
        agreed=f"{DEFLATE}; {SERVER_FLAG}",
    ),
    "an empty message is sent": compressed(
        "sends unmasked TEXT RSV1 00", steps=(Send("Text", ("",)),)
    ),
    "a client compresses, then masks": Case(
        (Send("Text", ("Spam",)),),
        ("sends masked TEXT RSV1 0a2e48cc0500",),
        side="client",
        options={"deflate": {}},
        agreed=DEFLATE,
    ),
    "what comes refers to what came before": compressed(
        "Text Spam",
        "Text Spam",
        steps=(frame(0xC1, SPAM) + frame(0xC1, bytes.fromhex("0a06620000")),),
    ),
    "what comes refers to what was to be forgotten": compressed(
        "Text Spam",
        f"Failed 1007: {TOO_FAR}",
        "sends unmasked CLOSE 1007",
        steps=(frame(0xC1, SPAM) + frame(0xC1, bytes.fromhex("0a06620000")),),
        agreed=f"{DEFLATE}; {CLIENT_FLAG}",
    ),
    "what comes refers farther back than agreed": Case(
        (b"".join(frame(0xC2, data) for data in deflated_in_turn(ALL_BYTES + b"Spam", ALL_BYTES)),),
        (
            f"Binary {SHOWN_BYTES} 260",
            f"Failed 1007: {TOO_FAR}",
            "sends unmasked CLOSE 1007",
        ),
        options={"deflate": {"client_max_window_bits": 8}},
        agreed=f"{DEFLATE}; {CLIENT_BITS}",
    ),
    "what is sent with a window of 8 bits refers to nothing": Case(
        (Send("Text", ("SpamSpamSpam",)),),
        ("sends unmasked TEXT RSV1 000c00f3ff" + b"SpamSpamSpam".hex() + "00",),
        options={"deflate": {}},
        agreed=f"{DEFLATE}; {SERVER_BITS}=8",
    ),
}

"""What functions refuse when they are called on their own. Plays nothing."""

from __future__ import annotations

from collections.abc import Callable

from ..playing import Ask, Case, Codec


def asked(answer: str, question: Callable[[Codec], object]) -> Case:
    """What a function says to a question."""
    return Case((Ask(question),), (answer,), start="idle")


def with_opcode(opcode: int) -> Callable[[Codec], object]:
    """Serialize an empty frame."""
    return lambda codec: codec("frames").serialize(codec("frames").Frame(opcode, b"")).hex()


def with_mask_key(key: bytes) -> Callable[[Codec], object]:
    """Mask."""
    return lambda codec: codec("frames").apply_mask(b"Spam", key).hex()


def check_status(codec: Codec) -> object:
    """Check an answer that is no 101."""
    http = codec("http")
    return codec("handshake").check(http.Response(404, "Not Found"), http.Request("/"))


FUNCTIONS = {
    "serialize opcode 0": asked("8000", with_opcode(0)),
    "serialize opcode 15": asked("8f00", with_opcode(15)),
    "serialize opcode 16": asked(
        "LocalProtocolError: an opcode has 4 bits, 16 does not fit (close code 1002)",
        with_opcode(16),
    ),
    "serialize opcode -1": asked(
        "LocalProtocolError: an opcode has 4 bits, -1 does not fit (close code 1002)",
        with_opcode(-1),
    ),
    "mask with 4 bytes": asked("648a4050", with_mask_key(bytes.fromhex("37fa213d"))),
    "mask with 3 bytes": asked(
        "LocalProtocolError: a masking key has 4 bytes, this one has 3 (close code 1002)",
        with_mask_key(b"abc"),
    ),
    "check an answer that is no 101": asked(
        "HandshakeError: the server answered 404 Not Found, not 101 (HTTP 404)", check_status
    ),
}

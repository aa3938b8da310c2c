"""Which rules a frame breaks, in words."""

from __future__ import annotations

import pytest

from labkit.panels.frame_draft import FrameDraft
from labkit.panels.frame_rules import complaints
from labkit.protocol.frames import Opcode


@pytest.mark.parametrize(
    "draft",
    [
        FrameDraft(payload=b"Spam"),
        FrameDraft(payload=b"Spam", masked=False, sender="server"),
        FrameDraft(payload=b"\xc3", fin=False),
        FrameDraft(opcode=Opcode.BINARY, payload=b"\xff" * 70_000),
        FrameDraft(opcode=Opcode.PING, payload=b"\xff" * 125),
        FrameDraft(opcode=Opcode.CLOSE),
        FrameDraft(opcode=Opcode.CLOSE, payload=b"\x03\xe8bye"),
        FrameDraft(opcode=Opcode.CLOSE, payload=(4999).to_bytes(2, "big")),
    ],
)
def test_a_legal_frame_breaks_no_rule(draft: FrameDraft) -> None:
    assert complaints(draft) == []


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (FrameDraft(masked=False), "a client must mask every frame (§5.1)"),
        (FrameDraft(sender="server"), "a server must not mask (§5.1)"),
        (FrameDraft(opcode=3), "opcode 0x3 is reserved (§5.2)"),
        (FrameDraft(rsv2=True), "RSV2 is set, and no extension gives it a meaning (§5.2)"),
        (
            FrameDraft(opcode=Opcode.PING, fin=False),
            "a control frame must not be fragmented: FIN is 1 (§5.5)",
        ),
        (
            FrameDraft(opcode=Opcode.PONG, payload=bytes(126)),
            "control frames carry at most 125 bytes, this one 126 (§5.5)",
        ),
        (
            FrameDraft(payload=b"Spam", length_bits=16),
            "a length of 4 is written in 7 bits (§5.2)",
        ),
        (
            FrameDraft(payload=b"Spam", announced=5),
            "the header announces 5 bytes, 4 follow: the receiver waits",
        ),
        (
            FrameDraft(payload=b"Spam", announced=1),
            "the header announces 1 byte: what follows them begins the next frame",
        ),
        (FrameDraft(payload=b"\xff"), "a text message must be UTF-8 (§5.6)"),
        (
            FrameDraft(opcode=Opcode.CLOSE, payload=b"\x03"),
            "a close frame is empty or begins with a code of two bytes (§5.5.1)",
        ),
        (
            FrameDraft(opcode=Opcode.CLOSE, payload=b"\x03\xe8\xff"),
            "the reason of a close must be UTF-8 (§5.5.1)",
        ),
    ],
)
def test_the_one_rule_that_is_broken_is_named(draft: FrameDraft, expected: str) -> None:
    assert complaints(draft) == [expected]


def test_rsv1_is_legal_only_with_compression() -> None:
    (complaint,) = complaints(FrameDraft(rsv1=True))
    assert complaint.startswith("RSV1 is set: legal only where compression")


def test_a_64_bit_length_with_its_highest_bit_set_is_named() -> None:
    draft = FrameDraft.from_bytes(b"\x82\xff" + b"\xff" * 8 + b"abcd")
    assert "the highest bit of a 64-bit length must be 0 (§5.2)" in complaints(draft)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_a_close_code_that_must_not_be_sent_is_named(code: int) -> None:
    draft = FrameDraft(opcode=Opcode.CLOSE, payload=code.to_bytes(2, "big"))
    assert complaints(draft) == [f"close code {code} must not be sent (§7.4)"]


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
def test_a_close_code_that_may_be_sent_is_not(code: int) -> None:
    draft = FrameDraft(opcode=Opcode.CLOSE, payload=code.to_bytes(2, "big"))
    assert complaints(draft) == []

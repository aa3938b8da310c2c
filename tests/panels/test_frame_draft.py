"""A frame being edited: fields to bytes and back, legal or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import UsageError
from labkit.panels.frame_draft import FrameDraft, read_hex
from labkit.protocol.frames import Frame, Opcode, parse_header, serialize

SPAM = FrameDraft(payload=b"Spam")


def test_a_draft_of_a_frame_gives_the_bytes_of_the_frame() -> None:
    frame = Frame(Opcode.BINARY, b"Spam" * 40, fin=False, rsv1=True, mask=b"abcd")
    assert FrameDraft.from_frame(frame).to_bytes() == serialize(frame)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_the_length_takes_its_shortest_form(length: int) -> None:
    header = parse_header(FrameDraft(payload=bytes(length)).to_bytes())
    assert header is not None
    assert (header.length, header.minimal) == (length, True)


@given(st.binary(min_size=14, max_size=60))
def test_any_bytes_become_a_draft_that_gives_them_back(data: bytes) -> None:
    assert FrameDraft.from_bytes(data).to_bytes() == data


@pytest.mark.parametrize("data", ["", "81", "81 84 37 fa 21", "81 7e 00", "81 ff 00 00"])
def test_half_a_header_is_refused_in_words(data: str) -> None:
    with pytest.raises(UsageError, match="are not a whole header; add the next byte"):
        FrameDraft.from_bytes(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("fin", False, "01 84 37 fa 21 3d 64 8a 40 50"),
        ("rsv1", True, "c1 84 37 fa 21 3d 64 8a 40 50"),
        ("rsv3", True, "91 84 37 fa 21 3d 64 8a 40 50"),
        ("masked", False, "81 04 53 70 61 6d"),
        ("opcode", 11, "8b 84 37 fa 21 3d 64 8a 40 50"),
        ("key", "00 00 00 00", "81 84 00 00 00 00 53 70 61 6d"),
        ("text", "", "81 80 37 fa 21 3d"),
        ("hex", "00ff", "81 82 37 fa 21 3d 37 05"),
        ("bytes", "88 02 03 e8", "88 02 03 e8"),
    ],
)
def test_editing_a_field_changes_the_bytes(field: str, value: object, expected: str) -> None:
    assert SPAM.edit(field, value).to_bytes().hex(" ") == expected


def test_a_key_is_kept_while_it_is_not_used() -> None:
    draft = SPAM.edit("key", "01 02 03 04").edit("masked", False).edit("masked", True)
    assert draft.key == b"\x01\x02\x03\x04"


def test_a_length_that_lies_is_kept_until_the_payload_is_edited() -> None:
    lying = FrameDraft.from_bytes(bytes.fromhex("81 7e 00 05 53 70 61 6d"))
    assert lying.edit("fin", False).to_bytes().hex(" ") == "01 7e 00 05 53 70 61 6d"
    assert lying.edit("text", "Spam").to_bytes().hex(" ") == "81 04 53 70 61 6d"


def test_the_sender_stays_when_all_bytes_are_edited() -> None:
    draft = FrameDraft(sender="server").edit("bytes", "81 00")
    assert draft.sender == "server"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("key", "00 00 00", "the masking key has 4 bytes, not 3"),
        ("key", "zz", '"z" is not a hexadecimal digit'),
        ("hex", "0", "half a byte at the end"),
        ("opcode", 16, "opcode cannot be 16"),
        ("fin", "yes", "fin cannot be 'yes'"),
        ("payload", "Spam", "payload cannot be 'Spam'"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(field: str, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SPAM.edit(field, value)


def test_a_lone_surrogate_typed_as_text_becomes_a_question_mark() -> None:
    assert SPAM.edit("text", "\ud800").payload == b"?"


def test_digits_that_only_look_hexadecimal_are_refused() -> None:
    with pytest.raises(UsageError, match="not a hexadecimal digit"):
        read_hex("١٢")

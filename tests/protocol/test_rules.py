"""Close frames, and which codes they carry. The rules of headers are in the table of cases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import LocalProtocolError, RemoteProtocolError
from labkit.protocol.frames import CloseCode, Opcode
from labkit.protocol.rules import (
    is_control,
    may_be_sent,
    parse_close,
    serialize_close,
    shorten,
)


def test_the_codes_that_may_be_sent_are_those_of_the_registry() -> None:
    sent = [code for code in range(66_000) if may_be_sent(code)]
    registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
    assert sent == [*registered, *range(3000, 5000)]


def test_close_ping_and_pong_are_control_frames() -> None:
    assert [opcode for opcode in Opcode if is_control(opcode)] == [8, 9, 10]


@given(st.sampled_from([1000, 1011, 3000, 4999]), st.text(max_size=30))
def test_what_is_serialized_parses_to_the_same(code: int, reason: str) -> None:
    assert parse_close(serialize_close(code, reason)) == (code, reason)


def test_an_empty_payload_is_no_status() -> None:
    assert parse_close(b"") == (CloseCode.NO_STATUS, "")
    assert serialize_close(CloseCode.NO_STATUS, "") == b""


def test_half_a_code_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="half a close code"):
        parse_close(b"\x03")


def test_a_reason_that_is_not_utf8_is_refused_with_1007() -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        parse_close(b"\x03\xe8\xff")
    assert refused.value.code == CloseCode.INVALID_DATA


def test_a_code_that_may_not_be_sent_is_not() -> None:
    with pytest.raises(LocalProtocolError, match="close code 1006 may not be sent"):
        serialize_close(1006, "")


def test_a_reason_is_cut_between_two_characters() -> None:
    assert shorten(62 * "ñ") == 61 * "ñ"
    assert shorten("Spam") == "Spam"

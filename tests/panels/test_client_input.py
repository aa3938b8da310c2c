"""What is typed into the fields of a client, and what of it is refused."""

from __future__ import annotations

import pytest

from labkit.errors import UsageError
from labkit.panels.client_input import (
    MAX_CHARACTERS,
    Offer,
    read_close,
    read_message,
    read_offer,
)


def test_nothing_typed_asks_for_nothing() -> None:
    assert read_offer("", "  ", compress=False) == Offer((), "", compress=False)


def test_subprotocols_keep_their_order_and_lose_their_spaces() -> None:
    offer = read_offer(" chat.v2 ,chat.v1,, ", " https://shop.example ", compress=True)
    assert offer == Offer(("chat.v2", "chat.v1"), "https://shop.example", compress=True)


@pytest.mark.parametrize("name", ["chat v2", "chät", "a;b", "a\r\nX-Spam: 1", '"chat"'])
def test_a_subprotocol_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a subprotocol's name; use letters"):
        read_offer(f"chat.v1, {name}", "", compress=False)


def test_a_subprotocol_offered_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="chat is offered twice"):
        read_offer("chat, chat", "", compress=False)


@pytest.mark.parametrize("origin", ["https://bücher.example", "a b", "x\r\nX-Spam: 1"])
def test_an_origin_that_no_header_can_carry_is_refused(origin: str) -> None:
    with pytest.raises(UsageError, match="is not an origin; write one like https://"):
        read_offer("", origin, compress=False)


def test_a_message_goes_as_it_is_typed() -> None:
    assert read_message(" Spam\teggs ") == " Spam\teggs "
    assert read_message("") == ""


@pytest.mark.parametrize(
    ("message", "length", "expected"),
    [
        ("Spam", "10", "SpamSpamSp"),
        ("Spam", "2", "Sp"),
        ("Spam", " 4 ", "Spam"),
        ("Spam", "0", ""),
        ("", "3", "xxx"),
    ],
)
def test_a_length_repeats_or_cuts_the_message(message: str, length: str, expected: str) -> None:
    assert read_message(message, length) == expected


def test_a_length_may_be_grouped() -> None:
    assert len(read_message("Spam", "65,536")) == 65_536


@pytest.mark.parametrize("length", ["many", "-1", "1.5", "1e3", "٣", "1" * 5000])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(UsageError, match="is not a length; leave it empty"):
        read_message("Spam", length)


def test_a_message_longer_than_the_kernel_should_hold_is_refused() -> None:
    assert len(read_message("Spam", str(MAX_CHARACTERS))) == MAX_CHARACTERS
    with pytest.raises(UsageError, match="2,500,001 characters are too many; at most 2,500,000"):
        read_message("Spam", str(MAX_CHARACTERS + 1))


def test_half_a_character_is_refused() -> None:
    with pytest.raises(UsageError, match="the message holds half a character"):
        read_message("\ud83d")
    with pytest.raises(UsageError, match="the reason holds half a character"):
        read_close("1000", "\ud83d")


def test_a_close_without_a_code_is_a_normal_one() -> None:
    assert read_close(" ", "") == (1000, "")


@pytest.mark.parametrize("code", ["1000", "1014", "3000", "4999"])
def test_a_close_code_that_may_be_sent_is_taken(code: str) -> None:
    assert read_close(code, "bye") == (int(code), "bye")


@pytest.mark.parametrize("code", ["0", "999", "1005", "1006", "1015", "2999", "5000"])
def test_a_close_code_that_must_not_be_sent_is_refused(code: str) -> None:
    with pytest.raises(UsageError, match=rf"close code {code} must not be sent \(§7.4\); use"):
        read_close(code, "")


def test_a_close_code_that_is_no_number_is_refused() -> None:
    with pytest.raises(UsageError, match='"bye" is not a close code; 1000 is a normal end'):
        read_close("bye", "")


def test_a_reason_may_fill_the_close_frame_and_no_more() -> None:
    assert read_close("1000", "é" * 61 + "e") == (1000, "é" * 61 + "e")
    with pytest.raises(UsageError, match="the reason has 124 bytes; a close frame holds 123"):
        read_close("1000", "é" * 62)

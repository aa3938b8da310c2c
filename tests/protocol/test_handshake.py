"""The opening handshake as functions: offer, accept, refuse, check."""

from __future__ import annotations

import pytest

from labkit.errors import HandshakeError
from labkit.protocol.handshake import (
    Request,
    Response,
    accept,
    accept_key,
    check,
    make_key,
    offer,
    refuse,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
REQUEST = offer("example.com", "/chat", key=KEY, subprotocols=("spam", "eggs"))


def test_the_accept_key_is_that_of_the_rfc() -> None:
    assert accept_key(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_key_is_16_random_bytes_in_base64() -> None:
    assert make_key(lambda size: b"the sample nonce"[:size]) == KEY


def test_an_offer_says_what_the_rfc_asks_for() -> None:
    assert offer("example.com", "/chat", key=KEY, headers=(("Origin", "null"),)).serialize() == (
        b"GET /chat HTTP/1.1\r\n"
        b"Host: example.com\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Origin: null\r\n"
        b"\r\n"
    )


def test_an_answer_says_what_the_rfc_asks_for() -> None:
    assert accept(REQUEST).serialize() == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize(
    ("spoken", "chosen"),
    [((), None), (("ham",), None), (("eggs",), "eggs"), (("eggs", "spam"), "eggs")],
)
def test_the_servers_best_subprotocol_that_was_offered_is_chosen(
    spoken: tuple[str, ...], chosen: str | None
) -> None:
    assert accept(REQUEST, subprotocols=spoken).header("Sec-WebSocket-Protocol") == chosen


def test_an_answer_of_this_server_passes_the_check_of_this_client() -> None:
    check(accept(REQUEST, subprotocols=("spam",)), REQUEST)


def test_an_answer_to_another_key_does_not() -> None:
    with pytest.raises(HandshakeError, match="Sec-WebSocket-Accept is"):
        check(accept(offer("example.com", key=make_key(bytes))), REQUEST)


def test_a_refusal_of_another_version_names_the_one_spoken() -> None:
    response = refuse(HandshakeError(426, "version 12 is not spoken here"))
    assert response.reason == "Upgrade Required"
    assert response.header("Sec-WebSocket-Version") == "13"


def test_a_refusal_of_another_method_names_the_one_allowed() -> None:
    assert refuse(HandshakeError(405, "POST")).header("Allow") == "GET"


def test_a_refusal_says_why_in_its_body() -> None:
    response = refuse(HandshakeError(403, "origin not welcome"))
    assert response.body == b"origin not welcome\n"
    assert response.header("Content-Length") == "19"
    assert response.header("Connection") == "close"


def test_a_check_of_another_status_names_it() -> None:
    with pytest.raises(HandshakeError, match="answered 503 Service Unavailable, not 101"):
        check(Response(503, "Service Unavailable"), Request("/"))

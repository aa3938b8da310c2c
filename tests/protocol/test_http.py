"""Heads of requests and responses, and the reader that waits for one."""

from __future__ import annotations

import pytest

from labkit.errors import HandshakeError, LocalProtocolError
from labkit.protocol.http import HeadReader, Request, Response

HEAD = b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nX-Spam:eggs \r\n\r\n"


def test_a_request_is_parsed() -> None:
    request = Request.parse(HEAD)
    assert (request.method, request.target) == ("GET", "/chat?room=1")
    assert request.headers == (("Host", "example.com"), ("X-Spam", "eggs"))


def test_a_request_is_serialized() -> None:
    request = Request("/chat", (("Host", "example.com"),))
    assert request.serialize() == b"GET /chat HTTP/1.1\r\nHost: example.com\r\n\r\n"


def test_a_response_is_parsed() -> None:
    response = Response.parse(b"HTTP/1.1 404 Not Found\r\nServer: spam\r\n\r\n")
    assert (response.status, response.reason) == (404, "Not Found")
    assert response.header("server") == "spam"


def test_a_response_is_serialized_with_its_body() -> None:
    response = Response(426, "Upgrade Required", (("Connection", "close"),), b"no\n")
    expected = b"HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\nno\n"
    assert response.serialize() == expected


def test_a_header_is_found_in_any_case_and_the_first_counts() -> None:
    request = Request("/", (("HOST", "one"), ("host", "two")))
    assert request.header("Host") == "one"
    assert request.values("Host") == ["one", "two"]
    assert request.header("Origin") is None


def test_elements_are_collected_over_lines_without_empty_ones() -> None:
    request = Request("/", (("Connection", "a, ,b"), ("connection", " c")))
    assert request.elements("Connection") == ["a", "b", "c"]


@pytest.mark.parametrize(
    "head",
    [
        Request("/ HTTP/1.1\r\nX-Spam: eggs"),
        Request("/", (("X-Spam", "eggs\r\nX-Ham: 1"),)),
        Request("/", (("X Spam", "eggs"),)),
        Response(200, "OK\n"),
    ],
)
def test_what_would_break_the_head_is_not_serialized(head: Request | Response) -> None:
    with pytest.raises(LocalProtocolError, match="cannot stand in the head"):
        head.serialize()


def test_a_response_that_is_no_http_counts_as_a_bad_gateway() -> None:
    with pytest.raises(HandshakeError, match="HTTP 502"):
        Response.parse(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def test_a_reader_gives_the_head_and_then_the_rest() -> None:
    reader = HeadReader()
    for byte in HEAD[:-1]:
        reader.feed(bytes([byte]))
        assert reader.take() is None
    reader.feed(HEAD[-1:] + b"\x81\x00")
    assert reader.take() == HEAD
    assert reader.rest() == b"\x81\x00"
    assert reader.rest() == b""

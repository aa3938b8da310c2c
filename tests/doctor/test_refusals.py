"""What a failed opening is called. The real refusals are in test_way and behind a real nginx."""

from __future__ import annotations

import socket
import ssl

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import (
    InvalidHeader,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidUpgrade,
    NegotiationError,
    ProxyError,
)
from websockets.http11 import Response

from labkit.doctor.refusals import STATUSES, explain

ADDRESS = "ws://hub.example:8000/echo"


def response(status: int, body: bytes = b"", kind: str = "text/html") -> Response:
    return Response(status, "", Headers({"Content-Type": kind}), body)


@pytest.mark.parametrize(
    ("error", "found", "remedy"),
    [
        (InvalidStatus(response(403)), "refused with HTTP 403: it does not let you in", "ask who"),
        (InvalidStatus(response(418)), "refused with HTTP 418: it does not upgrade", "check the"),
        (InvalidProxyStatus(response(403)), "the proxy refuses the tunnel with HTTP 403", "ask"),
        (ProxyError("spam"), "the proxy fails: spam", "check the address of the proxy"),
        (InvalidProxy("x", "spam"), "the proxy fails: x isn't a valid", "check the address of"),
        (InvalidUpgrade("Upgrade"), "the answer says 101 and its Upgrade header", "something on"),
        (InvalidHeader("Sec-WebSocket-Accept", "x"), "the answer says 101 and its Sec-", "some"),
        (NegotiationError("spam"), "the handshake fails: spam", "check the address"),
        (TimeoutError(), "hub.example:8000 takes the connection and does not answer", "a firewall"),
        (ConnectionRefusedError(), "nothing listens at hub.example:8000", "check the port"),
        (ConnectionResetError(), "hub.example:8000 breaks the connection off", "a firewall may"),
        (socket.gaierror(), "no machine is known by the name hub.example", "check the spelling"),
        (ImportError(), "your proxy is a SOCKS proxy", "pip install python-socks"),
        (OSError("no route"), "hub.example:8000 is not reached: no route", "check the network"),
        (ssl.SSLError(1, "spam"), "hub.example:8000 does not speak TLS", "write ws:// instead"),
    ],
)
def test_each_error_has_a_sentence_and_a_remedy(error: Exception, found: str, remedy: str) -> None:
    told = explain(error, ADDRESS)
    assert told[0].startswith(found)
    assert told[1].startswith(remedy)


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_that_is_known_has_a_meaning_and_a_remedy(status: int) -> None:
    found, remedy = explain(InvalidStatus(response(status)), ADDRESS)
    assert found == f"refused with HTTP {status}: {STATUSES[status][0]}"
    assert remedy == STATUSES[status][1]


@pytest.mark.parametrize(
    ("answer", "quoted"),
    [
        (response(426, b"missing Upgrade header.\n\nmore", "text/plain"), True),
        (response(426, b"<html>", "text/html"), False),
        (response(426, b"x" * 201, "text/plain"), False),
        (response(426, b"", "text/plain"), False),
    ],
)
def test_a_line_that_the_server_says_for_people_is_quoted(answer: Response, quoted: bool) -> None:
    found, _ = explain(InvalidStatus(answer), ADDRESS)
    assert found.endswith("(missing Upgrade header.)") is quoted

"""The words for how a connection opened and ended. How it came to them is the client's."""

from __future__ import annotations

import socket

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidMessage,
    InvalidStatus,
    NegotiationError,
)
from websockets.frames import Close
from websockets.http11 import Response

from labkit.panels.client_wording import describe_end, describe_refusal

ADDRESS = "ws://127.0.0.1:8765"
NORMAL = Close(1000, "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "refused"), f"nothing listens at {ADDRESS}"),
        # What asyncio raises for localhost, which has an address in IPv4 and one in IPv6.
        (OSError("Multiple exceptions: [Errno 111] ::1"), f"nothing listens at {ADDRESS}"),
        (ConnectionResetError(104, "reset"), f"{ADDRESS} broke the connection off"),
        (TimeoutError("timed out"), f"no answer from {ADDRESS} within 5 s"),
        (socket.gaierror(-2, "unknown"), f"nobody knows the name in {ADDRESS}"),
        (InvalidMessage("bad"), f"what listens at {ADDRESS} does not answer in HTTP"),
    ],
)
def test_whoever_is_not_reached_is_named(error: Exception, words: str) -> None:
    assert describe_refusal(error, ADDRESS, timeout_s=5) == f"cannot connect: {words}"


def test_any_other_reason_is_given_as_it_is() -> None:
    words = describe_refusal(
        NegotiationError("unsupported subprotocol: spam"), ADDRESS, timeout_s=5
    )
    assert words == f"cannot connect to {ADDRESS}: unsupported subprotocol: spam"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "refused: HTTP 503 Busy"),
        (b"\n", "refused: HTTP 503 Busy"),
        (b"Come back\nlater", 'refused: HTTP 503 Busy: "Come back"'),
        (b"\xff\x1b[2J", 'refused: HTTP 503 Busy: "\ufffd\\u001b[2J"'),
    ],
)
def test_a_refusal_is_quoted(body: bytes | None, words: str) -> None:
    error = InvalidStatus(Response(503, "Busy", Headers(), body))
    assert describe_refusal(error, ADDRESS, timeout_s=5) == words


@pytest.mark.parametrize(
    ("rcvd", "sent", "rcvd_first", "words"),
    [
        (NORMAL, NORMAL, True, "closed by the server: 1000"),
        (NORMAL, None, None, "closed by the server: 1000"),
        (Close(1009, "too big"), NORMAL, True, 'closed by the server: 1009 "too big"'),
        (Close(1005, ""), Close(1005, ""), True, "closed by the server: without a code"),
        (NORMAL, Close(4001, "bye"), False, 'closed by the client: 4001 "bye"'),
        (None, NORMAL, None, "closed by the client: 1000; the server did not answer"),
        (None, None, None, "the connection broke without a close frame (1006)"),
    ],
)
def test_the_end_tells_who_closed(
    rcvd: Close | None, sent: Close | None, rcvd_first: bool | None, words: str
) -> None:
    kind = ConnectionClosedOK if rcvd and sent else ConnectionClosedError
    assert describe_end(kind(rcvd, sent, rcvd_first)) == words

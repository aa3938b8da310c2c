"""Says in words how a connection opened, why it did not, and who closed it. Holds no connection."""

from __future__ import annotations

import socket

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from labkit.protocol.frames import CloseCode
from labkit.wire.wording import quote

from .client_input import MAX_REASON_BYTES, Offer

#: As much of a refusal's text as is shown.
SHOWN_CHARS = 160


def describe_open(connection: ClientConnection, offer: Offer) -> str:
    """Say what was agreed on in the handshake, and what of the ``offer`` was not."""
    words = ["open"]
    if connection.subprotocol:
        words.append(f"speaks {connection.subprotocol}")
    elif offer.subprotocols:
        words.append("the server chose no subprotocol")
    if connection.protocol.extensions:
        words.append("compressed")
    elif offer.compress:
        words.append("the server declined compression")
    return ", ".join(words)


def describe_refusal(error: Exception, address: str, *, timeout_s: float) -> str:
    """Say why there is no connection."""
    match error:
        case InvalidStatus():
            return f"refused: {_describe_response(error.response)}"
        case InvalidMessage() if isinstance(error.__cause__, EOFError):
            return f"cannot connect: {address} closed the connection without an answer"
        case InvalidMessage():
            return f"cannot connect: what listens at {address} does not answer in HTTP"
        case TimeoutError():
            return f"cannot connect: no answer from {address} within {timeout_s:g} s"
        case socket.gaierror() | UnicodeError():
            return f"cannot connect: nobody knows the name in {address}"
        # With more than one address to a name (localhost), asyncio raises one error for all.
        case ConnectionRefusedError() | OSError(errno=None):
            return f"cannot connect: nothing listens at {address}"
        case ConnectionError():
            return f"cannot connect: {address} broke the connection off"
        case _:
            return f"cannot connect to {address}: {error}"


def describe_end(closed: ConnectionClosed) -> str:
    """Say who closed the connection, with which code, and whether the other side answered."""
    if closed.rcvd is None and closed.sent is None:
        return "the connection broke without a close frame (1006)"
    if closed.rcvd is not None and closed.rcvd_then_sent is not False:
        return f"closed by the server: {_describe_close(closed.rcvd)}"
    assert closed.sent is not None
    words = f"closed by the client: {_describe_close(closed.sent)}"
    return words if closed.rcvd is not None else f"{words}; the server did not answer"


def _describe_close(close: Close) -> str:
    if close.code == CloseCode.NO_STATUS:
        return "without a code"
    reason = f" {quote(close.reason, MAX_REASON_BYTES)}" if close.reason else ""
    return f"{int(close.code)}{reason}"


def _describe_response(response: Response) -> str:
    status = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    lines = (response.body or b"").decode("utf-8", "replace").strip().splitlines()
    return f"{status}: {quote(lines[0], SHOWN_CHARS)}" if lines else status

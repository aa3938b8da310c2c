"""The opening handshake, both sides of it (RFC 6455 §4). Does no I/O and keeps no state.

A client offers a request and checks the response; a server accepts the request, or refuses it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus

from labkit.errors import HandshakeError, LocalProtocolError

from .frames import CloseCode
from .http import TOKEN, Headers
from .http import Request as Request
from .http import Response as Response

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION = "13"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_SUBPROTOCOL = re.compile(TOKEN)


def accept_key(key: str) -> str:
    """Return the ``Sec-WebSocket-Accept`` value for a client's key (RFC 6455 §4.2.2).

    >>> accept_key("dGhlIHNhbXBsZSBub25jZQ==")
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    digest = hashlib.sha1((key + GUID).encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def make_key(rng: Callable[[int], bytes]) -> str:
    """Return a fresh ``Sec-WebSocket-Key``: 16 random bytes in base64 (RFC 6455 §4.1).

    >>> make_key(lambda size: b"the sample nonce"[:size])
    'dGhlIHNhbXBsZSBub25jZQ=='
    """
    return base64.b64encode(rng(16)).decode()


def offer(
    host: str,
    target: str = "/",
    *,
    key: str,
    subprotocols: Sequence[str] = (),
    extensions: str | None = None,
    headers: Headers = (),
) -> Request:
    """Return the request with which a client asks for the upgrade (RFC 6455 §4.1).

    >>> request = offer("example.com", "/chat", key="dGhlIHNhbXBsZSBub25jZQ==")
    >>> request.target, request.header("Sec-WebSocket-Version")
    ('/chat', '13')
    """
    fields = [
        ("Host", host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", VERSION),
    ]
    if subprotocols:
        fields.append(("Sec-WebSocket-Protocol", ", ".join(subprotocols)))
    if extensions:
        fields.append(("Sec-WebSocket-Extensions", extensions))
    return Request(target, (*fields, *headers))


def accept(
    request: Request,
    *,
    subprotocols: Sequence[str] = (),
    extensions: str | None = None,
    headers: Headers = (),
) -> Response:
    """Return the 101 response to a client's request (RFC 6455 §4.2).

    ``subprotocols`` are those the server speaks, the best first; the best that was offered is
    chosen. ``extensions`` is what the server agrees to. Whether the request's Origin is welcome
    is for the caller to decide.

    Raises HandshakeError with the HTTP status to answer if the request breaks a rule.
    """
    key = _check_request(request)
    fields = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept_key(key)),
    ]
    offered = request.elements("Sec-WebSocket-Protocol")
    _check_offered(offered)
    chosen = next((name for name in subprotocols if name in offered), None)
    if chosen:
        fields.append(("Sec-WebSocket-Protocol", chosen))
    if extensions:
        fields.append(("Sec-WebSocket-Extensions", extensions))
    return Response(101, "Switching Protocols", (*fields, *headers))


def refuse(error: HandshakeError, headers: Headers = ()) -> Response:
    """Return the response that tells a client why it does not get a WebSocket.

    >>> refuse(HandshakeError(426, "version 12 is not spoken here")).headers[-1]
    ('Sec-WebSocket-Version', '13')

    Raises LocalProtocolError if the status refuses nothing.
    """
    if not 300 <= error.status < 600:
        raise LocalProtocolError(
            CloseCode.PROTOCOL_ERROR, f"a request is not refused with HTTP status {error.status}"
        )
    body = f"{error.reason}\n".encode()
    fields = [
        ("Connection", "close"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
    ]
    match error.status:
        case HTTPStatus.METHOD_NOT_ALLOWED:
            fields.append(("Allow", "GET"))
        case HTTPStatus.UPGRADE_REQUIRED:
            fields.append(("Upgrade", "websocket"))
            fields.append(("Sec-WebSocket-Version", VERSION))
    return Response(error.status, _PHRASES.get(error.status, ""), (*fields, *headers), body)


def check(response: Response, request: Request) -> None:
    """Check that ``response`` agrees to what ``request`` offered (RFC 6455 §4.1).

    Raises HandshakeError: with the response's status if that is not 101, else with 502, which is
    what a gateway says of a server it cannot make sense of.
    """
    if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        words = f"{response.status} {response.reason}".strip()
        raise HandshakeError(response.status, f"the server answered {words}, not 101")
    if not _has_token(response, "Upgrade", "websocket"):
        raise HandshakeError(502, "the server's 101 lacks the header 'Upgrade: websocket'")
    if not _has_token(response, "Connection", "upgrade"):
        raise HandshakeError(502, "the server's 101 lacks the header 'Connection: Upgrade'")
    expected = accept_key(request.header("Sec-WebSocket-Key") or "")
    accepted = _only(response, "Sec-WebSocket-Accept", status=502)
    if accepted != expected:
        raise HandshakeError(502, f"Sec-WebSocket-Accept is {accepted!r}, expected {expected!r}")
    offered = request.elements("Sec-WebSocket-Protocol")
    if len(response.values("Sec-WebSocket-Extensions")) > 1:
        raise HandshakeError(502, "the server sent Sec-WebSocket-Extensions more than once")
    if response.values("Sec-WebSocket-Protocol"):
        chosen = _only(response, "Sec-WebSocket-Protocol", status=502)
        if chosen not in offered:
            raise HandshakeError(
                502, f"the server chose subprotocol {chosen!r}, offered: {offered}"
            )


def _check_request(request: Request) -> str:
    """Return the key of a sound request, or raise HandshakeError."""
    if request.method != "GET":
        raise HandshakeError(405, f"the method is {request.method}, a handshake uses GET")
    _only(request, "Host", status=400)
    if not _has_token(request, "Upgrade", "websocket"):
        raise HandshakeError(
            426, "this is a WebSocket server; send the header 'Upgrade: websocket'"
        )
    if not _has_token(request, "Connection", "upgrade"):
        raise HandshakeError(400, "the request lacks the header 'Connection: Upgrade'")
    if request.header("Transfer-Encoding") or request.header("Content-Length") not in (None, "0"):
        raise HandshakeError(400, "a handshake has no body")
    version = _only(request, "Sec-WebSocket-Version", status=400)
    if version != VERSION:
        raise HandshakeError(426, f"Sec-WebSocket-Version is {version!r}, this server speaks 13")
    key = _only(request, "Sec-WebSocket-Key", status=400)
    if not _is_key(key):
        raise HandshakeError(400, f"Sec-WebSocket-Key {key!r} is not 16 bytes in base64")
    return key


def _check_offered(offered: list[str]) -> None:
    for name in offered:
        if not _SUBPROTOCOL.fullmatch(name):
            raise HandshakeError(400, f"{name!r} is not the name of a subprotocol")
    if len(set(offered)) < len(offered):
        raise HandshakeError(400, f"Sec-WebSocket-Protocol names one twice: {', '.join(offered)}")


def _only(head: Request | Response, name: str, *, status: int) -> str:
    """Return the value of a header field that must be there, once."""
    match head.values(name):
        case [value]:
            return value
        case values:
            raise HandshakeError(
                status, f"the header {name} must be there once, not {len(values)} times"
            )


def _has_token(head: Request | Response, name: str, token: str) -> bool:
    return any(element.lower() == token for element in head.elements(name))


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False

"""What a server answers, and what the client makes of it (RFC 6455 §4.1). Plays nothing."""

from __future__ import annotations

from ..playing import END, Case, Send, Together
from ..wire import ACCEPT, NONCE, frame, response
from .requests import DEFLATE, once


def answered(outcome: str, *steps: bytes, **options: object) -> Case:
    """An answer that a client gets to its request."""
    return Case(steps, (outcome,), side="client", start="asked", options=options)


def asks(*arguments: object, says: str, **options: object) -> Case:
    """A request that a client sends, or does not."""
    steps = (Send("Upgrade", arguments),)
    return Case(steps, (says,), side="client", start="idle", options=options)


ASKED = f"sends GET / HTTP/1.1; Sec-WebSocket-Key: {NONCE}; Sec-WebSocket-Version: 13"
WRONG_ACCEPT = f"Failed HTTP 502: Sec-WebSocket-Accept is 'spam', expected '{ACCEPT}'"

RESPONSES = {
    "what a client sends": asks("example.com", says=ASKED),
    "what a client sends of subprotocols": asks(
        "example.com",
        says=f"{ASKED}; Sec-WebSocket-Protocol: spam, eggs",
        subprotocols=("spam", "eggs"),
    ),
    "what a client sends of compression": asks(
        "example.com",
        says=f"{ASKED}; Sec-WebSocket-Extensions: {DEFLATE}; client_max_window_bits",
        deflate={},
    ),
    "a target with a line end": asks(
        "example.com", "/ HTTP/1.1\r\nX: ", says="LocalProtocolError 1002"
    ),
    "a header with a line end": asks(
        "example.com", "/", (("X-Spam", "a\nb"),), says="LocalProtocolError 1002"
    ),
    "a sound answer": answered("Accept", response()),
    "frames right behind the answer": Case(
        (response() + frame(0x81, b"Spam", masked=False),),
        ("Accept", "Text Spam"),
        side="client",
        start="asked",
    ),
    "another status": answered(
        "Reject 403 Forbidden (('X-Spam', 'eggs'),)",
        b"HTTP/1.1 403 Forbidden\r\nX-Spam: eggs\r\n\r\nno",
    ),
    "a status without a reason": answered("Reject 404", b"HTTP/1.1 404\r\n\r\n"),
    "an end right behind the answer": Case(
        (Together((response(), END)),), ("Accept", "Lost 1006"), side="client", start="asked"
    ),
    "an answer in two pieces": answered("Accept", response()[:40], response()[40:]),
    "no HTTP": answered(
        "Failed HTTP 502: 'SSH-2.0-OpenSSH_9.2' is not a status line of HTTP/1.1",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ),
    "a malformed header": answered(
        "Failed HTTP 502: 'spam' is not a header field", response("spam")
    ),
    "a server that ends within its answer": answered(
        "Failed HTTP 502: the server ended the stream within its answer", response()[:-1], END
    ),
    "no Upgrade in the answer": answered(
        "Failed HTTP 502: the server's 101 lacks the header 'Upgrade: websocket'",
        response(without="Upgrade"),
    ),
    "no Connection in the answer": answered(
        "Failed HTTP 502: the server's 101 lacks the header 'Connection: Upgrade'",
        response(without="Connection"),
    ),
    "no accept key": answered(
        f"Failed HTTP 502: {once('Sec-WebSocket-Accept', 0)}",
        response(without="Sec-WebSocket-Accept"),
    ),
    "two accept keys": answered(
        f"Failed HTTP 502: {once('Sec-WebSocket-Accept', 2)}",
        response(f"Sec-WebSocket-Accept: {ACCEPT}"),
    ),
    "a wrong accept key": answered(
        WRONG_ACCEPT, response("Sec-WebSocket-Accept: spam", without="Sec-WebSocket-Accept")
    ),
    "a subprotocol that was offered": answered(
        "Accept", response("Sec-WebSocket-Protocol: eggs"), subprotocols=("spam", "eggs")
    ),
    "a subprotocol that was not offered": answered(
        "Failed HTTP 502: the server chose subprotocol 'ham', offered: ['spam', 'eggs']",
        response("Sec-WebSocket-Protocol: ham"),
        subprotocols=("spam", "eggs"),
    ),
    "two subprotocols chosen": answered(
        f"Failed HTTP 502: {once('Sec-WebSocket-Protocol', 2)}",
        response("Sec-WebSocket-Protocol: spam", "Sec-WebSocket-Protocol: eggs"),
        subprotocols=("spam", "eggs"),
    ),
    "extensions in two headers": answered(
        "Failed HTTP 502: the server sent Sec-WebSocket-Extensions more than once",
        response(*2 * [f"Sec-WebSocket-Extensions: {DEFLATE}"]),
        deflate={},
    ),
    "an extension that was not offered": answered(
        "Failed HTTP 502: the server agreed to extensions not offered: permessage-spam",
        response("Sec-WebSocket-Extensions: permessage-spam"),
        deflate={},
    ),
    "compression that was not offered": answered(
        "Failed HTTP 502: the server agreed to extensions not offered: permessage-deflate",
        response(f"Sec-WebSocket-Extensions: {DEFLATE}"),
    ),
}

"""What a client asks of a server, and how the server answers (RFC 6455 §4.2). Plays nothing."""

from __future__ import annotations

from ..playing import END, Case, Send, Together
from ..wire import ACCEPT, NONCE, frame, request

UPGRADE = "Upgrade example.com /chat from None"
SWITCHED = f"sends HTTP/1.1 101 Switching Protocols; Sec-WebSocket-Accept: {ACCEPT}"
DEFLATE = "permessage-deflate"


def accepted(*steps: bytes | Send, also: str = "", **options: object) -> Case:
    """A request that a server accepts; ``also`` is what its answer says besides."""
    said = f"{SWITCHED}; {also}" if also else SWITCHED
    return Case((*steps, Send("Accept")), (UPGRADE, said), start="idle", options=options)


def refused(status: str, reason: str, *steps: bytes, also: str = "", **options: object) -> Case:
    """A request that a server refuses by itself."""
    said = f"sends HTTP/1.1 {status}{'; ' if also else ''}{also}"
    expected = (f"Failed HTTP {status[:3]}: {reason}", said)
    return Case(steps, expected, start="idle", options=options)


def without_header(name: str) -> str:
    """The reason for which a request is refused that lacks a header."""
    return f"the request lacks the header '{name}'"


BAD, TOO_LONG = "400 Bad Request", "431 Request Header Fields Too Large"
METHOD, UPGRADE_REQUIRED = "405 Method Not Allowed", "426 Upgrade Required"
KEY_HEADER = "Sec-WebSocket-Key"
VERSION_HEADER = "Sec-WebSocket-Version"


def once(name: str, times: int) -> str:
    """The reason for which a header is refused that is missing or doubled."""
    return f"the header {name} must be there once, not {times} times"


def with_key(key: str) -> bytes:
    """A request with another key."""
    return request(f"{KEY_HEADER}: {key}", without=KEY_HEADER)


REQUESTS = {
    "a sound request": accepted(request()),
    "names and tokens in any case": accepted(
        request("upgrade: WebSocket", "CONNECTION: keep-alive, UPGRADE", without="Upgrade").replace(
            b"Connection: Upgrade\r\n", b""
        )
    ),
    "space around values": accepted(request("Upgrade: \t websocket \t", without="Upgrade")),
    "a header of the application": accepted(request("X-Spam: eggs")),
    "an origin, which the caller sees": Case(
        (request("Origin: https://example.com"),),
        ("Upgrade example.com /chat from https://example.com",),
        start="idle",
    ),
    "an empty body": accepted(request("Content-Length: 0")),
    "POST": refused(
        METHOD,
        "the method is POST, a handshake uses GET",
        request(line="POST /chat HTTP/1.1"),
        also="Allow: GET",
    ),
    "no Host": refused(BAD, once("Host", 0), request(without="Host")),
    "two Hosts": refused(BAD, once("Host", 2), request("Host: example.org")),
    "no Upgrade": refused(
        UPGRADE_REQUIRED,
        "this is a WebSocket server; send the header 'Upgrade: websocket'",
        request(without="Upgrade"),
        also="Sec-WebSocket-Version: 13",
    ),
    "an Upgrade to something else": refused(
        UPGRADE_REQUIRED,
        "this is a WebSocket server; send the header 'Upgrade: websocket'",
        request("Upgrade: h2c", without="Upgrade"),
        also="Sec-WebSocket-Version: 13",
    ),
    "no Connection": refused(
        BAD, without_header("Connection: Upgrade"), request(without="Connection")
    ),
    "a Connection without the upgrade": refused(
        BAD,
        without_header("Connection: Upgrade"),
        request("Connection: keep-alive", without="Connection"),
    ),
    "a body": refused(BAD, "a handshake has no body", request("Content-Length: 4"), b""),
    "a body in chunks": refused(
        BAD, "a handshake has no body", request("Transfer-Encoding: chunked")
    ),
    "no version": refused(BAD, once(VERSION_HEADER, 0), request(without=VERSION_HEADER)),
    "two versions": refused(BAD, once(VERSION_HEADER, 2), request(f"{VERSION_HEADER}: 13")),
    "version 12": refused(
        UPGRADE_REQUIRED,
        "Sec-WebSocket-Version is '12', this server speaks 13",
        request(f"{VERSION_HEADER}: 12", without=VERSION_HEADER),
        also="Sec-WebSocket-Version: 13",
    ),
    "no key": refused(BAD, once(KEY_HEADER, 0), request(without=KEY_HEADER)),
    "two keys": refused(BAD, once(KEY_HEADER, 2), request(f"{KEY_HEADER}: {NONCE}")),
    "a key of 15 bytes": refused(
        BAD,
        "Sec-WebSocket-Key 'AAAAAAAAAAAAAAAAAAAA' is not 16 bytes in base64",
        with_key("AAAAAAAAAAAAAAAAAAAA"),
    ),
    "a key of 17 bytes": refused(
        BAD,
        "Sec-WebSocket-Key 'AAAAAAAAAAAAAAAAAAAAAAA=' is not 16 bytes in base64",
        with_key("AAAAAAAAAAAAAAAAAAAAAAA="),
    ),
    "a key that is not base64": refused(
        BAD,
        "Sec-WebSocket-Key 'AAAAAAAAAAAAAAAAAAAAAA=' is not 16 bytes in base64",
        with_key("AAAAAAAAAAAAAAAAAAAAAA="),
    ),
    "a key with letters outside base64": refused(
        BAD,
        "Sec-WebSocket-Key 'AAAAAAAAAA!AAAAAAAAAAAA==' is not 16 bytes in base64",
        with_key("AAAAAAAAAA!AAAAAAAAAAAA=="),
    ),
    "a subprotocol nobody speaks": accepted(request("Sec-WebSocket-Protocol: spam")),
    "the server's best subprotocol": accepted(
        request("Sec-WebSocket-Protocol: spam, eggs", "Sec-WebSocket-Protocol: ham"),
        also="Sec-WebSocket-Protocol: ham",
        subprotocols=("bacon", "ham", "spam"),
    ),
    "a subprotocol that is no name": refused(
        BAD, "'sp am' is not the name of a subprotocol", request("Sec-WebSocket-Protocol: sp am")
    ),
    "a subprotocol twice": refused(
        BAD,
        "Sec-WebSocket-Protocol names one twice: spam, eggs, spam",
        request("Sec-WebSocket-Protocol: spam, eggs, spam"),
    ),
    "frames right behind the request": Case(
        (request() + frame(0x81, b"Spam"), Send("Accept"), frame(0x81, b"Eggs")),
        (UPGRADE, SWITCHED, "Text Spam", "Text Eggs"),
        start="idle",
    ),
    "frames before the answer": Case(
        (request(), frame(0x81, b"Spam"), Send("Accept"), frame(0x81, b"Eggs")),
        (UPGRADE, SWITCHED, "Text Spam", "Text Eggs"),
        start="idle",
    ),
    "an end before the answer": Case(
        (request(), END, Send("Accept"), END), (UPGRADE, SWITCHED, "Lost 1006"), start="idle"
    ),
    "an end right behind the request": Case(
        (Together((request(), END)), Send("Accept"), END),
        (UPGRADE, SWITCHED, "Lost 1006"),
        start="idle",
    ),
    "a request in two pieces": Case(
        (request()[:40], request()[40:], Send("Accept")), (UPGRADE, SWITCHED), start="idle"
    ),
    "a rejection by the application": Case(
        (request(), Send("Reject", (403, "not from there", (("X-Spam", "eggs"),)))),
        (UPGRADE, "sends HTTP/1.1 403 Forbidden; X-Spam: eggs"),
        start="idle",
    ),
    "a rejection with a status of its own": Case(
        (request(), Send("Reject", (599,))), (UPGRADE, "sends HTTP/1.1 599 "), start="idle"
    ),
    "a rejection with the lowest status": Case(
        (request(), Send("Reject", (300,))),
        (UPGRADE, "sends HTTP/1.1 300 Multiple Choices"),
        start="idle",
    ),
    "a rejection that is none, 299": Case(
        (request(), Send("Reject", (299,))), (UPGRADE, "LocalProtocolError 1002"), start="idle"
    ),
    "a rejection that is none, 600": Case(
        (request(), Send("Reject", (600,))), (UPGRADE, "LocalProtocolError 1002"), start="idle"
    ),
    "an answer with a header of the application": Case(
        (request(), Send("Accept", ((("X-Spam", "eggs"),),))),
        (UPGRADE, f"{SWITCHED}; X-Spam: eggs"),
        start="idle",
    ),
    "an answer after one that was not sent": Case(
        (
            request() + frame(0x81, b"Spam"),
            Send("Accept", ((("X-Spam", "\n"),),)),
            Send("Accept"),
            frame(0x81, b"Eggs"),
        ),
        (UPGRADE, "LocalProtocolError 1002", SWITCHED, "Text Spam", "Text Eggs"),
        start="idle",
    ),
    "an answer with a line end in a header": Case(
        (request(), Send("Accept", ((("X-Spam", "eggs\r\nX-Ham: 1"),),))),
        (UPGRADE, "LocalProtocolError 1002"),
        start="idle",
    ),
}

MALFORMED = {
    "HTTP/1.0": refused(
        BAD,
        "'GET /chat HTTP/1.0' is not a request line of HTTP/1.1",
        request(line="GET /chat HTTP/1.0"),
    ),
    "no target": refused(
        BAD, "'GET  HTTP/1.1' is not a request line of HTTP/1.1", request(line="GET  HTTP/1.1")
    ),
    "a space before the colon": refused(
        BAD, "'X-Spam : eggs' is not a header field", request("X-Spam : eggs")
    ),
    "a folded line": refused(BAD, "' eggs' is not a header field", request("X-Spam:", " eggs")),
    "a control character": refused(
        BAD, "'X-Spam: \\x00' is not a header field", request("X-Spam: \x00")
    ),
    "line feeds alone": refused(
        BAD,
        "the head does not end with an empty line (CR LF CR LF)",
        request().replace(b"\r\n", b"\n"),
    ),
    "a client that ends within its request": refused(
        BAD, "the client ended the stream within its request", request()[:-1], END
    ),
    "a client that says nothing": refused(
        BAD, "the client ended the stream within its request", END
    ),
    "a line of 8,192 bytes": accepted(request("X-Spam: " + 8183 * "a")),
    "a line of 8,193 bytes": refused(
        TOO_LONG, "a line of the head is over 8,192 bytes", request("X-Spam: " + 8184 * "a")
    ),
    "a line without end": refused(
        TOO_LONG, "a line of the head is over 8,192 bytes", b"GET /" + 8188 * b"a"
    ),
    "128 header fields": accepted(request(*[f"X-{i}: spam" for i in range(123)])),
    "129 header fields": refused(
        TOO_LONG,
        "the head has more than 128 header fields",
        request(*[f"X-{i}: spam" for i in range(124)]),
    ),
}

"""The table of cases: what a peer sends, and all that must come of it. Plays none of them itself.

It has what the Autobahn cases leave out (the opening handshake, masking, the forms of a length,
limits, every close code), and each rule of the codec at its boundary.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from .playing import (
    ACCEPT,
    END,
    NONCE,
    Ask,
    Case,
    Codec,
    Send,
    Together,
    close,
    frame,
    request,
    response,
)

UPGRADE = "Upgrade example.com /chat from None"
SWITCHED = f"sends HTTP/1.1 101 Switching Protocols; Sec-WebSocket-Accept: {ACCEPT}"
DEFLATE = "permessage-deflate"


# --- The opening handshake, a server's side (RFC 6455 §4.2) ---


def accepted(*steps: bytes | Send, also: str = "", **options: object) -> Case:
    """A request that a server accepts; ``also`` is what its answer says besides."""
    said = f"{SWITCHED}; {also}" if also else SWITCHED
    return Case((*steps, Send("Accept")), (UPGRADE, said), start="idle", options=options)


def refused(status: str, reason: str, *steps: bytes, also: str = "", **options: object) -> Case:
    """A request that a server refuses by itself."""
    said = f"sends HTTP/1.1 {status}{'; ' if also else ''}{also}"
    expected = (f"Failed HTTP {status[:3]}: {reason}", said)
    return Case(steps, expected, start="idle", options=options)


def _upgrade_without(name: str) -> str:
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
        BAD, _upgrade_without("Connection: Upgrade"), request(without="Connection")
    ),
    "a Connection without the upgrade": refused(
        BAD,
        _upgrade_without("Connection: Upgrade"),
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


# --- The opening handshake, a client's side (RFC 6455 §4.1) ---


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


# --- What a client may agree to about compression, and a server (RFC 7692 §7.1) ---


def negotiated(offer: str, answer: str | None, **wanted: object) -> Case:
    """What a server that wants ``wanted`` answers to an offer."""
    also = "" if answer is None else f"Sec-WebSocket-Extensions: {answer}"
    return accepted(request(f"Sec-WebSocket-Extensions: {offer}"), also=also, deflate=wanted)


def confirmed(answer: str, problem: str = "", **offered: object) -> Case:
    """What a client that offered ``offered`` makes of an answer."""
    outcome = f"Failed HTTP 502: {problem}" if problem else "Accept"
    return answered(outcome, response(f"Sec-WebSocket-Extensions: {answer}"), deflate=offered)


CLIENT_BITS, SERVER_BITS = "client_max_window_bits", "server_max_window_bits"
CLIENT_FLAG, SERVER_FLAG = "client_no_context_takeover", "server_no_context_takeover"

NEGOTIATION = {
    "no offer": accepted(request(), deflate={}),
    "an offer to a server without compression": accepted(
        request(f"Sec-WebSocket-Extensions: {DEFLATE}")
    ),
    "a plain offer": negotiated(DEFLATE, DEFLATE),
    "an offer of something else": negotiated("permessage-spam", None),
    "an offer after something else": negotiated(f"permessage-spam, {DEFLATE}", DEFLATE),
    "a server that forgets, as asked": negotiated(
        f"{DEFLATE}; {SERVER_FLAG}", f"{DEFLATE}; {SERVER_FLAG}"
    ),
    "a server that forgets, of itself": negotiated(
        DEFLATE, f"{DEFLATE}; {SERVER_FLAG}", server_no_context_takeover=True
    ),
    "a client that forgets, of itself": negotiated(
        f"{DEFLATE}; {CLIENT_FLAG}", f"{DEFLATE}; {CLIENT_FLAG}"
    ),
    "a client that forgets, as asked": negotiated(
        DEFLATE, f"{DEFLATE}; {CLIENT_FLAG}", client_no_context_takeover=True
    ),
    "the server's window, as asked": negotiated(
        f"{DEFLATE}; {SERVER_BITS}=10", f"{DEFLATE}; {SERVER_BITS}=10"
    ),
    "the server's window, asked as it is": negotiated(
        f"{DEFLATE}; {SERVER_BITS}=15", f"{DEFLATE}; {SERVER_BITS}=15"
    ),
    "the server's window, of itself": negotiated(
        DEFLATE, f"{DEFLATE}; {SERVER_BITS}=9", server_max_window_bits=9
    ),
    "the smaller of both windows": negotiated(
        f"{DEFLATE}; {SERVER_BITS}=12", f"{DEFLATE}; {SERVER_BITS}=11", server_max_window_bits=11
    ),
    "the client's window, not offered": negotiated(DEFLATE, DEFLATE, client_max_window_bits=10),
    "the client's window, offered": negotiated(
        f"{DEFLATE}; {CLIENT_BITS}",
        f"{DEFLATE}; {CLIENT_BITS}=10",
        client_max_window_bits=10,
    ),
    "the client's window, offered with a size": negotiated(
        f"{DEFLATE}; {CLIENT_BITS}=9", f"{DEFLATE}; {CLIENT_BITS}=9", client_max_window_bits=10
    ),
    "a value in quotes": negotiated(
        f'{DEFLATE}; {SERVER_BITS}="10"', f"{DEFLATE}; {SERVER_BITS}=10"
    ),
    "8 bits": negotiated(f"{DEFLATE}; {SERVER_BITS}=8", f"{DEFLATE}; {SERVER_BITS}=8"),
    "7 bits": negotiated(f"{DEFLATE}; {SERVER_BITS}=7", None),
    "16 bits": negotiated(f"{DEFLATE}; {SERVER_BITS}=16", None),
    "09 bits": negotiated(f"{DEFLATE}; {SERVER_BITS}=09", None),
    "bits without a value": negotiated(f"{DEFLATE}; {SERVER_BITS}", None),
    "a flag with a value": negotiated(f"{DEFLATE}; {SERVER_FLAG}=1", None),
    "an unknown parameter": negotiated(f"{DEFLATE}; spam", None),
    "a parameter twice": negotiated(f"{DEFLATE}; {SERVER_FLAG}; {SERVER_FLAG}", None),
    "the first offer that can be met": negotiated(
        f"{DEFLATE}; spam, {DEFLATE}; {SERVER_BITS}=10, {DEFLATE}",
        f"{DEFLATE}; {SERVER_BITS}=10",
    ),
    "a malformed offer": refused(
        BAD,
        "'permessage-deflate; =' is not an extension",
        request("Sec-WebSocket-Extensions: permessage-deflate; ="),
        deflate={},
    ),
    "a malformed offer to a server without compression": refused(
        BAD,
        "'permessage-deflate;' is not an extension",
        request("Sec-WebSocket-Extensions: permessage-deflate;"),
    ),
    "no agreement": answered("Accept", response(), deflate={}),
    "a plain agreement": confirmed(DEFLATE),
    "an agreement to more than was asked": confirmed(
        f"{DEFLATE}; {SERVER_FLAG}; {CLIENT_FLAG}; {SERVER_BITS}=9; {CLIENT_BITS}=8"
    ),
    "two agreements": confirmed(
        f"{DEFLATE}, {DEFLATE}",
        f"the server agreed to extensions not offered: {DEFLATE}, {DEFLATE}",
    ),
    "a malformed agreement": confirmed(
        f"{DEFLATE}; =", "'permessage-deflate; =' is not an extension"
    ),
    "an agreement with a window without a size": confirmed(
        f"{DEFLATE}; {CLIENT_BITS}", f"{DEFLATE} has no parameter '{CLIENT_BITS}'"
    ),
    "an agreement with a parameter twice": confirmed(
        f"{DEFLATE}; {SERVER_BITS}=9; {SERVER_BITS}=9",
        f"{DEFLATE} has the parameter {SERVER_BITS} twice",
    ),
    "a server that will not forget": confirmed(
        DEFLATE, f"the server did not agree to {SERVER_FLAG}", server_no_context_takeover=True
    ),
    "a server that forgets": confirmed(
        f"{DEFLATE}; {SERVER_FLAG}", server_no_context_takeover=True
    ),
    "a server silent about its window": confirmed(
        DEFLATE, f"the server did not agree to {SERVER_BITS}=10", server_max_window_bits=10
    ),
    "a server with a larger window": confirmed(
        f"{DEFLATE}; {SERVER_BITS}=11",
        f"the server did not agree to {SERVER_BITS}=10",
        server_max_window_bits=10,
    ),
    "a server with the window asked": confirmed(
        f"{DEFLATE}; {SERVER_BITS}=10", server_max_window_bits=10
    ),
    "a server with a smaller window": confirmed(
        f"{DEFLATE}; {SERVER_BITS}=9", server_max_window_bits=10
    ),
    "a client asked for a larger window": confirmed(
        f"{DEFLATE}; {CLIENT_BITS}=11",
        f"the server asks for {CLIENT_BITS}=11, offered were 10",
        client_max_window_bits=10,
    ),
    "a client asked for its window": confirmed(
        f"{DEFLATE}; {CLIENT_BITS}=10", client_max_window_bits=10
    ),
}


# --- Frames (RFC 6455 §5) ---


def broken(reason: str, *steps: bytes | Send, code: int = 1002, **given: object) -> Case:
    """What breaks a rule on an open connection: it fails, and the peer is told the code."""
    side = str(given.get("side", "server"))
    marks = "unmasked" if side == "server" else "masked"
    expected = (f"Failed {code}: {reason}", f"sends {marks} CLOSE {code}")
    return Case(steps, expected, **given)  # type: ignore[arg-type]


def fine(*outcome: str, steps: tuple[bytes | Send, ...], **given: object) -> Case:
    """What an open connection takes."""
    return Case(steps, outcome, **given)  # type: ignore[arg-type]


SHORT_FORM = "the length {} is not written in its shortest form"
TEXT, BINARY, CONT, PING, PONG, CLOSE = 0x81, 0x82, 0x80, 0x89, 0x8A, 0x88


def length_16(size: int) -> bytes:
    """A length in its 16-bit form."""
    return b"\x7e" + struct.pack("!H", size)


def length_64(size: int) -> bytes:
    """A length in its 64-bit form."""
    return b"\x7f" + struct.pack("!Q", size)


FRAMES = {
    "text": fine("Text Spam", steps=(frame(TEXT, b"Spam"),)),
    "empty text": fine("Text", steps=(frame(TEXT),)),
    "binary": fine("Binary Spam", steps=(frame(BINARY, b"Spam"),)),
    "text to a client": fine(
        "Text Spam", steps=(frame(TEXT, b"Spam", masked=False),), side="client"
    ),
    "two frames at once": fine(
        "Text Spam", "Binary Eggs", steps=(frame(TEXT, b"Spam") + frame(BINARY, b"Eggs"),)
    ),
    "125 bytes": fine("Binary aaaaaaaa… 125", steps=(frame(BINARY, 125 * b"a"),)),
    "126 bytes": fine("Binary aaaaaaaa… 126", steps=(frame(BINARY, 126 * b"a"),)),
    "65,535 bytes": fine("Binary aaaaaaaa… 65535", steps=(frame(BINARY, 65535 * b"a"),)),
    "65,536 bytes": fine("Binary aaaaaaaa… 65536", steps=(frame(BINARY, 65536 * b"a"),)),
    "125 bytes in 16 bits": broken(
        SHORT_FORM.format(125), frame(BINARY, 125 * b"a", length=length_16(125))
    ),
    "no bytes in 16 bits": broken(SHORT_FORM.format(0), frame(BINARY, length=length_16(0))),
    "65,535 bytes in 64 bits": broken(
        SHORT_FORM.format(65535), frame(BINARY, length=length_64(65535))
    ),
    "a close of 2 bytes in 16 bits": broken(
        SHORT_FORM.format(2), frame(CLOSE, b"\x03\xe8", length=length_16(2))
    ),
    "a length with its first bit set": broken(
        "the first bit of a 64-bit length is set", frame(BINARY, length=length_64(1 << 63))
    ),
    "a length of 2 ** 62": broken(
        f"a message of {1 << 62} bytes or more, the limit is 1048576",
        frame(BINARY, length=length_64(1 << 62)),
        code=1009,
    ),
    "an unmasked frame from a client": broken(
        "unmasked frame from a client", frame(TEXT, b"Spam", masked=False)
    ),
    "an unmasked ping from a client": broken(
        "unmasked frame from a client", frame(PING, masked=False)
    ),
    "a masked frame from a server": broken(
        "masked frame from a server", frame(TEXT, b"Spam"), side="client"
    ),
    "RSV1 without compression": broken(
        "RSV1 is set in a TEXT frame, compression was not agreed on", frame(0xC1, b"Spam")
    ),
    "RSV1 in a ping without compression": broken(
        "RSV1 is set in a PING frame, compression was not agreed on", frame(0xC9)
    ),
    "RSV2": broken(
        "RSV2 or RSV3 is set in a TEXT frame, no extension uses them", frame(0xA1, b"Spam")
    ),
    "RSV3": broken(
        "RSV2 or RSV3 is set in a TEXT frame, no extension uses them", frame(0x91, b"Spam")
    ),
    **{
        f"opcode {opcode:#x}": broken(f"opcode {opcode:#x} is reserved", frame(0x80 | opcode))
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    "what breaks a rule is refused before its payload": broken(
        "opcode 0x3 is reserved", frame(0x83, b"Spam")[:6]
    ),
    "what comes behind a broken rule is not looked at": broken(
        "opcode 0x3 is reserved", frame(0x83) + frame(TEXT, b"Spam"), frame(TEXT, b"Spam")
    ),
    "what came before a broken rule counts": fine(
        "Text Spam",
        "Failed 1002: opcode 0x3 is reserved",
        "sends unmasked CLOSE 1002",
        steps=(frame(TEXT, b"Spam") + frame(0x83),),
    ),
    "a ping": fine("Ping Spam", steps=(frame(PING, b"Spam"),)),
    "a pong nobody asked for": fine("Pong Spam", steps=(frame(PONG, b"Spam"),)),
    "a ping of 125 bytes": fine("Ping aaaaaaaa… 125", steps=(frame(PING, 125 * b"a"),)),
    "a ping of 126 bytes": broken(
        "a PING frame has 126 bytes, the limit is 125", frame(PING, 126 * b"a")
    ),
    "a ping in fragments": broken("a PING frame is fragmented", frame(0x09, b"Spam")),
    "a close in fragments": broken("a CLOSE frame is fragmented", frame(0x08)),
}

MESSAGES = {
    "three fragments": fine(
        "Text Spam", steps=(frame(0x01, b"Sp") + frame(0x00, b"a") + frame(CONT, b"m"),)
    ),
    "empty fragments": fine("Binary", steps=(frame(0x02) + frame(0x00) + frame(CONT),)),
    "a ping between fragments": fine(
        "Ping hi",
        "Text Spam",
        steps=(frame(0x01, b"Sp") + frame(PING, b"hi") + frame(CONT, b"am"),),
    ),
    "a message after a fragmented one": fine(
        "Text Spam",
        "Binary Eggs",
        steps=(frame(0x01, b"Spam") + frame(CONT) + frame(BINARY, b"Eggs"),),
    ),
    "a continuation of nothing": broken("a CONT frame continues no message", frame(CONT, b"Spam")),
    "a continuation after the end": fine(
        "Text Spam",
        "Failed 1002: a CONT frame continues no message",
        "sends unmasked CLOSE 1002",
        steps=(frame(0x01, b"Sp") + frame(CONT, b"am") + frame(CONT),),
    ),
    "a message inside a message": broken(
        "a message begins inside another, expected a CONT frame",
        frame(0x01, b"Spam") + frame(BINARY),
    ),
    "text in many alphabets": fine("Text ñ€𝄞", steps=(frame(TEXT, "ñ€𝄞".encode()),)),
    "a letter in two fragments": fine(
        "Text €", steps=(frame(0x01, b"\xe2\x82") + frame(CONT, b"\xac"),)
    ),
    "bytes that are not UTF-8": broken(
        "a text message is not UTF-8: invalid start byte", frame(TEXT, b"Sp\xff"), code=1007
    ),
    "half a letter at the end": broken(
        "a text message is not UTF-8: unexpected end of data", frame(TEXT, b"Sp\xe2\x82"), code=1007
    ),
    "half a surrogate": broken(
        "a text message is not UTF-8: invalid continuation byte",
        frame(TEXT, b"\xed\xa0\x80"),
        code=1007,
    ),
    "bytes that are not UTF-8, before the frame has come": broken(
        "a text message is not UTF-8: invalid start byte", frame(TEXT, b"\xffSpam")[:7], code=1007
    ),
    "bytes that are not UTF-8, before the message has come": broken(
        "a text message is not UTF-8: invalid start byte", frame(0x01, b"\xff"), code=1007
    ),
    "any bytes in binary": fine("Binary ÿþ", steps=(frame(BINARY, b"\xff\xfe"),)),
    "the largest message": fine(
        "Binary Spam", steps=(frame(BINARY, b"Spam"),), options={"max_size": 4}
    ),
    "a message too large": broken(
        "a message of 5 bytes or more, the limit is 4",
        frame(BINARY, b"Spam!"),
        code=1009,
        options={"max_size": 4},
    ),
    "a message too large, before its payload": broken(
        "a message of 5 bytes or more, the limit is 4",
        frame(BINARY, b"Spam!")[:6],
        code=1009,
        options={"max_size": 4},
    ),
    "a message too large in fragments": broken(
        "a message of 5 bytes or more, the limit is 4",
        frame(0x02, b"Spam") + frame(CONT, b"!"),
        code=1009,
        options={"max_size": 4},
    ),
    "the sizes of two messages are not added up": fine(
        "Binary Spam",
        "Binary Eggs",
        steps=(frame(BINARY, b"Spam") + frame(BINARY, b"Eggs"),),
        options={"max_size": 4},
    ),
    "as many frames as may be": fine(
        "Text", "Text", steps=(2 * (frame(0x01) + frame(CONT)),), options={"max_frames": 2}
    ),
    "a frame too many, an empty one": broken(
        "a message of more than 2 frames",
        frame(0x01) + frame(0x00) + frame(0x00),
        code=1009,
        options={"max_frames": 2},
    ),
}


# --- The closing handshake (RFC 6455 §5.5.1, §7) ---

VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014)
PRIVATE_CODES = (3000, 3999, 4000, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
NOT_NOW = "LocalProtocolError 1002"

CLOSING = {
    **{
        f"close code {code}": fine(f"Close {code}", steps=(close(code),))
        for code in VALID_CODES + PRIVATE_CODES
    },
    **{
        f"close code {code}": broken(f"close code {code} may not be sent", close(code))
        for code in INVALID_CODES
    },
    **{
        f"close code {code} is sent": fine(
            f"sends unmasked CLOSE {code}", steps=(Send("Close", (code,)),)
        )
        for code in VALID_CODES + PRIVATE_CODES
    },
    **{
        f"close code {code} is not sent": fine(NOT_NOW, steps=(Send("Close", (code,)),))
        for code in INVALID_CODES
        if code != 1005
    },
    "a close without a code": fine("Close 1005", steps=(frame(CLOSE),)),
    "a close without a code is sent": fine(
        "sends unmasked CLOSE without a code", steps=(Send("Close", (1005,)),)
    ),
    "no code, but a reason": fine(NOT_NOW, steps=(Send("Close", (1005, "Spam")),)),
    "a close of one byte": broken(
        "a close frame has 1 byte, half a close code", frame(CLOSE, b"\x03")
    ),
    "a reason": fine("Close 1000 Spam €", steps=(close(1000, "Spam €".encode()),)),
    "a reason that is not UTF-8": broken(
        "the reason of a close frame is not UTF-8: invalid start byte",
        close(1000, b"Sp\xff"),
        code=1007,
    ),
    "a reason of 123 bytes": fine(
        "sends unmasked CLOSE 1000", steps=(Send("Close", (1000, 123 * "a")),)
    ),
    "a reason of 124 bytes": fine(NOT_NOW, steps=(Send("Close", (1000, 124 * "a")),)),
    "a close is answered, then nothing counts": fine(
        "Close 1001",
        "sends unmasked CLOSE 1001",
        steps=(close(1001) + frame(TEXT, b"Spam"), Send("Close", (1001,)), frame(0x83), END),
    ),
    "a close in mid-message": fine(
        "Close 1000",
        "sends unmasked CLOSE 1000",
        steps=(
            frame(0x01, b"Sp") + close(1000) + frame(CONT, b"am"),
            Send("Close", (1000,)),
        ),
    ),
    "messages still come in after a close was sent": fine(
        "sends unmasked CLOSE 1000",
        "Text Spam",
        "Ping hi",
        "Close 1000",
        steps=(Send("Close"), frame(TEXT, b"Spam") + frame(PING, b"hi") + close(1000)),
    ),
    "a broken rule after a close was sent": fine(
        "sends unmasked CLOSE 1000",
        "Failed 1002: opcode 0x3 is reserved",
        steps=(Send("Close"), frame(0x83), close(1000)),
    ),
    "an end without a close": fine("Text Spam", "Lost 1006", steps=(frame(TEXT, b"Spam"), END)),
    "an end within a frame": fine("Lost 1006", steps=(frame(TEXT, b"Spam")[:-1], END)),
    "an end after a close was sent": fine(
        "sends unmasked CLOSE 1000", "Lost 1006", steps=(Send("Close"), END)
    ),
    "an end behind a close can be answered": fine(
        "Close 1000", "sends unmasked CLOSE 1000", steps=(close(1000), END, Send("Close"))
    ),
    "nothing is sent after a close was sent": fine(
        "sends unmasked CLOSE 1000",
        *5 * [NOT_NOW],
        steps=(
            Send("Close"),
            Send("Text", ("Spam",)),
            Send("Binary", (b"Spam",)),
            Send("Ping"),
            Send("Pong"),
            Send("Close"),
        ),
    ),
    "only a close is sent after a close has come": fine(
        "Close 1000",
        *3 * [NOT_NOW],
        "sends unmasked CLOSE 1000",
        NOT_NOW,
        steps=(
            close(1000),
            Send("Text", ("Spam",)),
            Send("Ping"),
            Send("Pong"),
            Send("Close"),
            Send("Close"),
        ),
    ),
}


# --- What this side sends ---

SENDING = {
    "a server does not mask": fine("sends unmasked TEXT Spam", steps=(Send("Text", ("Spam",)),)),
    "a client masks": fine(
        "sends masked TEXT Spam", steps=(Send("Text", ("Spam",)),), side="client"
    ),
    "binary, ping, pong": fine(
        "sends unmasked BINARY ÿ",
        "sends unmasked PING hi",
        "sends unmasked PONG ho",
        steps=(Send("Binary", (b"\xff",)), Send("Ping", (b"hi",)), Send("Pong", (b"ho",))),
    ),
    "a ping of 125 bytes is sent": fine(
        "sends unmasked PING aaaaaaaa… 125", steps=(Send("Ping", (125 * b"a",)),)
    ),
    "a ping of 126 bytes is not": fine(NOT_NOW, steps=(Send("Ping", (126 * b"a",)),)),
    "half a surrogate is not sent": fine(
        "LocalProtocolError 1007", steps=(Send("Text", ("\ud83d",)),)
    ),
    "a message before the handshake": Case((Send("Text", ("Spam",)),), (NOT_NOW,), start="idle"),
    "a server does not ask": Case((Send("Upgrade", ("h",)),), (NOT_NOW,), start="idle"),
    "a client does not accept": fine(
        NOT_NOW, steps=(Send("Accept"),), side="client", start="asked"
    ),
    "a client asks once": fine(
        NOT_NOW, steps=(Send("Upgrade", ("h",)),), side="client", start="asked"
    ),
    "a failure is not sent": fine(NOT_NOW, steps=(Send("Lost"),)),
}


# --- Compressed messages (RFC 7692 §7.2, §8) ---


def deflated_in_turn(*messages: bytes) -> list[bytes]:
    """What a peer makes of messages of which each may refer to those before."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return [
        (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")
        for data in messages
    ]


def deflated(data: bytes) -> bytes:
    """What a peer makes of one message."""
    return deflated_in_turn(data)[0]


def finished(data: bytes) -> bytes:
    """What a peer makes of a message that marks its block as the last one."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush(zlib.Z_FINISH)


def compressed(
    *outcome: str, steps: tuple[bytes | Send, ...], agreed: str = DEFLATE, **options: object
) -> Case:
    """What happens once compression is agreed on."""
    return Case(steps, outcome, options={"deflate": {}, **options}, agreed=agreed)


def corrupt(reason: str, *steps: bytes | Send, code: int = 1007, **options: object) -> Case:
    """What breaks a rule of compression."""
    return compressed(
        f"Failed {code}: {reason}", f"sends unmasked CLOSE {code}", steps=steps, **options
    )


UNREADABLE = "a compressed message cannot be decompressed: "
BROKEN_OFF = f"{UNREADABLE}it breaks off inside a block"
SPAM = deflated(b"Spam")
ALL_BYTES = bytes(range(256))
SHOWN_BYTES = f"{ALL_BYTES[:8].decode('latin-1')}…"
TOO_FAR = f"{UNREADABLE}Error -3 while decompressing data: invalid distance too far back"

COMPRESSION = {
    "a compressed message": compressed("Text Spam", steps=(frame(0xC1, SPAM),)),
    "a compressed binary message": compressed("Binary Spam", steps=(frame(0xC2, SPAM),)),
    "a compressed message to a client": Case(
        (frame(0xC1, SPAM, masked=False),),
        ("Text Spam",),
        side="client",
        options={"deflate": {}},
        agreed=DEFLATE,
    ),
    "compressed in fragments": compressed(
        "Text Spam", steps=(frame(0x41, SPAM[:3]) + frame(0x00) + frame(CONT, SPAM[3:]),)
    ),
    "uncompressed all the same": compressed("Text Spam", steps=(frame(TEXT, b"Spam"),)),
    "one of each": compressed(
        "Text Spam",
        "Text Eggs",
        "Text Spam",
        steps=(frame(0xC1, SPAM) + frame(TEXT, b"Eggs") + frame(0xC1, SPAM),),
    ),
    "an empty message": compressed("Text", steps=(frame(0xC1, b"\x00"),)),
    "an empty payload": corrupt(BROKEN_OFF, frame(0xC1)),
    "an empty message in fragments": compressed(
        "Text", steps=(frame(0x41) + frame(CONT, b"\x00"),)
    ),
    "a final block": compressed("Text Spam", steps=(frame(0xC1, finished(b"Spam") + b"\x00"),)),
    "a message after a final block": compressed(
        "Text Spam",
        "Text Spam",
        steps=(frame(0xC1, finished(b"Spam") + b"\x00") + frame(0xC1, SPAM),),
    ),
    "blocks after a final block": compressed(
        "Text SpamSpam", steps=(frame(0xC1, finished(b"Spam") + SPAM),)
    ),
    "nothing but the start of a final block": compressed(
        "Text", "Text Spam", steps=(frame(0xC1, b"\x01") + frame(0xC1, SPAM),)
    ),
    "RSV1 in a continuation": corrupt(
        "RSV1 is set in a CONT frame, it belongs in a message's first",
        frame(0x41, SPAM[:3]) + frame(0xC0, SPAM[3:]),
        code=1002,
    ),
    "RSV1 in a ping": corrupt(
        "RSV1 is set in a PING frame, it belongs in a message's first", frame(0xC9), code=1002
    ),
    "RSV2 with compression": corrupt(
        "RSV2 or RSV3 is set in a TEXT frame, no extension uses them", frame(0xE1, SPAM), code=1002
    ),
    "what is not compressed": corrupt(
        f"{UNREADABLE}Error -3 while decompressing data: invalid block type", frame(0xC1, b"\xff")
    ),
    "a message that breaks off": corrupt(BROKEN_OFF, frame(0xC1, SPAM[:-2])),
    "a message that breaks off in a stored block": corrupt(
        BROKEN_OFF, frame(0xC2, b"\x00\x08\x00\xf7\xffSp")
    ),
    "compressed bytes that are not UTF-8": corrupt(
        "a text message is not UTF-8: invalid start byte", frame(0xC1, deflated(b"Sp\xff"))
    ),
    "half a letter at the compressed end": corrupt(
        "a text message is not UTF-8: unexpected end of data", frame(0xC1, deflated(b"Sp\xe2"))
    ),
    "the largest compressed message": compressed(
        "Binary aaaaaaaa… 5000", steps=(frame(0xC2, deflated(5000 * b"a")),), max_size=5000
    ),
    "a compressed message too large": corrupt(
        "a message inflates to more than the limit of 4999 bytes",
        frame(0xC2, deflated(5000 * b"a")),
        code=1009,
        max_size=4999,
    ),
    "a compressed message too large in fragments": corrupt(
        "a message inflates to more than the limit of 4999 bytes",
        frame(0x42, deflated(2500 * b"a"))
        + frame(CONT, b"\x00\x00\xff\xff" + deflated(2500 * b"a")),
        code=1009,
        max_size=4999,
    ),
    "a compressed message too large over final blocks": corrupt(
        "a message inflates to more than the limit of 3 bytes",
        frame(0xC2, 3 * finished(b"Spam")),
        code=1009,
        max_size=3,
    ),
    "more bytes than any compression makes of a message": corrupt(
        "a message of 74 bytes or more, the limit is 73",
        frame(0xC2, 74 * b"a")[:6],
        code=1009,
        max_size=8,
    ),
    "as many bytes as a poor compression makes of a message": compressed(
        "Lost 1006", steps=(frame(0xC2, 73 * b"a")[:6], END), max_size=8
    ),
    "what is sent refers to what was sent before": compressed(
        "sends unmasked TEXT RSV1 0a2e48cc0500",
        "sends unmasked TEXT RSV1 0a06620000",
        steps=(Send("Text", ("Spam",)), Send("Text", ("Spam",))),
    ),
    "what is sent refers to nothing, as agreed": compressed(
        "sends unmasked TEXT RSV1 0a2e48cc0500",
        "sends unmasked TEXT RSV1 0a2e48cc0500",
        steps=(Send("Text", ("Spam",)), Send("Text", ("Spam",))),
        agreed=f"{DEFLATE}; {SERVER_FLAG}",
    ),
    "an empty message is sent": compressed(
        "sends unmasked TEXT RSV1 00", steps=(Send("Text", ("",)),)
    ),
    "a client compresses, then masks": Case(
        (Send("Text", ("Spam",)),),
        ("sends masked TEXT RSV1 0a2e48cc0500",),
        side="client",
        options={"deflate": {}},
        agreed=DEFLATE,
    ),
    "what comes refers to what came before": compressed(
        "Text Spam",
        "Text Spam",
        steps=(frame(0xC1, SPAM) + frame(0xC1, bytes.fromhex("0a06620000")),),
    ),
    "what comes refers to what was to be forgotten": compressed(
        "Text Spam",
        f"Failed 1007: {TOO_FAR}",
        "sends unmasked CLOSE 1007",
        steps=(frame(0xC1, SPAM) + frame(0xC1, bytes.fromhex("0a06620000")),),
        agreed=f"{DEFLATE}; {CLIENT_FLAG}",
    ),
    "what comes refers farther back than agreed": Case(
        (b"".join(frame(0xC2, data) for data in deflated_in_turn(ALL_BYTES + b"Spam", ALL_BYTES)),),
        (
            f"Binary {SHOWN_BYTES} 260",
            f"Failed 1007: {TOO_FAR}",
            "sends unmasked CLOSE 1007",
        ),
        options={"deflate": {"client_max_window_bits": 8}},
        agreed=f"{DEFLATE}; {CLIENT_BITS}",
    ),
    "what is sent with a window of 8 bits refers to nothing": Case(
        (Send("Text", ("SpamSpamSpam",)),),
        ("sends unmasked TEXT RSV1 000c00f3ff" + b"SpamSpamSpam".hex() + "00",),
        options={"deflate": {}},
        agreed=f"{DEFLATE}; {SERVER_BITS}=8",
    ),
}


# --- What the functions refuse when they are called on their own ---


def asked(answer: str, question: Callable[[Codec], object]) -> Case:
    """What a function says to a question."""
    return Case((Ask(question),), (answer,), start="idle")


def with_opcode(opcode: int) -> Callable[[Codec], object]:
    """Serialize an empty frame."""
    return lambda codec: codec("frames").serialize(codec("frames").Frame(opcode, b"")).hex()


def with_mask_key(key: bytes) -> Callable[[Codec], object]:
    """Mask."""
    return lambda codec: codec("frames").apply_mask(b"Spam", key).hex()


def check_status(codec: Codec) -> object:
    """Check an answer that is no 101."""
    http = codec("http")
    return codec("handshake").check(http.Response(404, "Not Found"), http.Request("/"))


FUNCTIONS = {
    "serialize opcode 0": asked("8000", with_opcode(0)),
    "serialize opcode 15": asked("8f00", with_opcode(15)),
    "serialize opcode 16": asked(
        "LocalProtocolError: an opcode has 4 bits, 16 does not fit (close code 1002)",
        with_opcode(16),
    ),
    "serialize opcode -1": asked(
        "LocalProtocolError: an opcode has 4 bits, -1 does not fit (close code 1002)",
        with_opcode(-1),
    ),
    "mask with 4 bytes": asked("648a4050", with_mask_key(bytes.fromhex("37fa213d"))),
    "mask with 3 bytes": asked(
        "LocalProtocolError: a masking key has 4 bytes, this one has 3 (close code 1002)",
        with_mask_key(b"abc"),
    ),
    "check an answer that is no 101": asked(
        "HandshakeError: the server answered 404 Not Found, not 101 (HTTP 404)", check_status
    ),
}

CASES = {
    **REQUESTS,
    **MALFORMED,
    **RESPONSES,
    **NEGOTIATION,
    **FRAMES,
    **MESSAGES,
    **CLOSING,
    **SENDING,
    **COMPRESSION,
    **FUNCTIONS,
}

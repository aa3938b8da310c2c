"""What both sides agree on about compression (RFC 7692 §7.1). Plays nothing."""

from __future__ import annotations

from ..playing import Case
from ..wire import request, response
from .requests import BAD, DEFLATE, accepted, refused
from .responses import answered


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

"""The requests that a browser makes, header by header. Sends nothing.

They are what Chromium 156 on Linux sends from a page of the same origin, without cookies, captured
on loopback. With the header fields of a real page, what HTTP costs per message is what it costs
there; cookies would come on top.
"""

from __future__ import annotations

from labkit.protocol.handshake import Request

_CLIENT_HINTS = '"Not:A-Brand";v="8", "Chromium";v="156"'
_USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
_ENCODING = ("Accept-Encoding", "gzip, deflate, br, zstd")
_LANGUAGE = ("Accept-Language", "en-US,en;q=0.9")
_NO_CACHE = (("Pragma", "no-cache"), ("Cache-Control", "no-cache"))


def fetch(host: str, target: str) -> Request:
    """Return the request of ``fetch(target)``: 490 bytes or so.

    >>> len(fetch("127.0.0.1:8765", "/poll?after=12").serialize())
    490
    """
    return _same_origin(host, target, connection=(), accept="*/*")


def event_source(host: str, target: str) -> Request:
    """Return the request of ``new EventSource(target)``: 540 bytes or so.

    >>> len(event_source("127.0.0.1:8765", "/events").serialize())
    540
    """
    return _same_origin(host, target, connection=_NO_CACHE, accept="text/event-stream")


def websocket(host: str, target: str, *, key: str) -> Request:
    """Return the request of ``new WebSocket(target)``: 490 bytes or so.

    >>> len(websocket("127.0.0.1:8765", "/ws", key="dGhlIHNhbXBsZSBub25jZQ==").serialize())
    489
    """
    headers = (
        ("Host", host),
        ("Connection", "Upgrade"),
        *_NO_CACHE,
        ("User-Agent", _USER_AGENT),
        ("Upgrade", "websocket"),
        ("Origin", f"http://{host}"),
        ("Sec-WebSocket-Version", "13"),
        _ENCODING,
        _LANGUAGE,
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
    )
    return Request(target, headers)


def _same_origin(
    host: str, target: str, *, connection: tuple[tuple[str, str], ...], accept: str
) -> Request:
    headers = (
        ("Host", host),
        ("Connection", "keep-alive"),
        *connection,
        ("sec-ch-ua-platform", '"Linux"'),
        ("User-Agent", _USER_AGENT),
        ("sec-ch-ua", _CLIENT_HINTS),
        ("sec-ch-ua-mobile", "?0"),
        ("Accept", accept),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Mode", "cors"),
        ("Sec-Fetch-Dest", "empty"),
        ("Referer", f"http://{host}/"),
        _ENCODING,
        _LANGUAGE,
    )
    return Request(target, headers)

"""The requests of a browser, in its order and at its size."""

from __future__ import annotations

from labkit.client.browser_requests import event_source, fetch, websocket
from labkit.protocol.handshake import accept

# Captured from Chromium 156 on loopback; "Headless" is taken out of the User-Agent.
CAPTURED_FETCH = (
    b"GET /poll?after=12 HTTP/1.1\r\n"
    b"Host: 127.0.0.1:40777\r\n"
    b"Connection: keep-alive\r\n"
    b'sec-ch-ua-platform: "Linux"\r\n'
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    b" Chrome/156.0.0.0 Safari/537.36\r\n"
    b'sec-ch-ua: "Not:A-Brand";v="8", "Chromium";v="156"\r\n'
    b"sec-ch-ua-mobile: ?0\r\n"
    b"Accept: */*\r\n"
    b"Sec-Fetch-Site: same-origin\r\n"
    b"Sec-Fetch-Mode: cors\r\n"
    b"Sec-Fetch-Dest: empty\r\n"
    b"Referer: http://127.0.0.1:40777/\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Accept-Language: en-US,en;q=0.9\r\n"
    b"\r\n"
)


def test_a_fetch_is_what_the_browser_sends() -> None:
    assert fetch("127.0.0.1:40777", "/poll?after=12").serialize() == CAPTURED_FETCH


def test_an_event_source_asks_for_an_event_stream_that_no_cache_answers() -> None:
    request = event_source("127.0.0.1:40777", "/events")
    assert request.header("Accept") == "text/event-stream"
    assert request.header("Cache-Control") == "no-cache"
    assert len(request.serialize()) == 542


def test_a_websocket_request_is_one_that_a_server_accepts() -> None:
    request = websocket("127.0.0.1:40777", "/ws", key="dGhlIHNhbXBsZSBub25jZQ==")
    assert accept(request).status == 101
    assert len(request.serialize()) == 491

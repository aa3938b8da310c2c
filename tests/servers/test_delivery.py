"""One feed, four ways: each delivers every event once and in order, and lets go at the end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from labkit.servers.delivery import open_server


@dataclass(frozen=True)
class Address:
    netloc: str

    async def get(self, target: str) -> HTTPResponse:
        return await AsyncHTTPClient().fetch(f"http://{self.netloc}{target}")

    async def events(self, target: str) -> list[int]:
        return [event["seq"] for event in json.loads((await self.get(target)).body)]


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    async with open_server("127.0.0.1", 0, interval_s=0.001) as (host, port):
        yield Address(f"{host}:{port}")


async def test_a_poll_without_a_number_holds_the_newest_event_alone(address: Address) -> None:
    assert len(await address.events("/poll")) == 1


async def test_a_poll_holds_every_event_since_in_order(address: Address) -> None:
    [newest] = await address.events("/poll")
    await address.events(f"/long-poll?after={newest + 2}")
    events = await address.events(f"/poll?after={newest}")
    assert events == list(range(newest + 1, newest + 1 + len(events)))
    assert len(events) >= 3


async def test_a_poll_is_answered_even_if_there_is_nothing_new(address: Address) -> None:
    assert await address.events("/poll?after=1000000000") == []


async def test_a_long_poll_is_answered_when_there_is_something_new(address: Address) -> None:
    [newest] = await address.events("/poll")
    events = await address.events(f"/long-poll?after={newest + 9}")
    assert events[0] == newest + 10


@pytest.mark.parametrize("after", ["spam", "", "1.5", "9" * 5000])
async def test_a_poll_after_what_is_no_number_is_answered_400(address: Address, after: str) -> None:
    with pytest.raises(HTTPClientError) as refusal:
        await address.get(f"/poll?after={after}")
    assert refusal.value.code == 400


@pytest.mark.parametrize("path", ["/poll", "/long-poll?after=0"])
async def test_an_answer_to_a_poll_may_not_be_kept_by_a_cache(address: Address, path: str) -> None:
    headers = (await address.get(path)).headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"


async def test_server_sent_events_are_one_response_with_each_event_once(address: Address) -> None:
    text = bytearray()
    enough = asyncio.Event()

    def receive(chunk: bytes) -> None:
        text.extend(chunk)
        if text.count(b"\n\n") >= 5:
            enough.set()

    request = HTTPRequest(f"http://{address.netloc}/events", streaming_callback=receive)
    response = asyncio.ensure_future(AsyncHTTPClient().fetch(request))
    await asyncio.wait_for(enough.wait(), 10)
    response.cancel()
    blocks = bytes(text).split(b"\n\n")[:5]
    numbers = [json.loads(block.removeprefix(b"data: "))["seq"] for block in blocks]
    assert numbers == list(range(numbers[0], numbers[0] + 5))


async def test_a_websocket_gets_a_message_for_each_event(address: Address) -> None:
    async with connect(f"ws://{address.netloc}/ws") as client:
        numbers = [json.loads(await client.recv())["seq"] for _ in range(5)]
    assert numbers == list(range(numbers[0], numbers[0] + 5))


async def test_a_websocket_of_another_origin_is_refused(address: Address) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await connect(f"ws://{address.netloc}/ws", origin=Origin("http://spam.example"))
    assert refusal.value.response.status_code == 403


async def test_at_the_end_websockets_are_closed_with_1001() -> None:
    async with open_server("127.0.0.1", 0, interval_s=0.001) as (host, port):
        client = await connect(f"ws://{host}:{port}/ws")
    # The server has waited for the answer, so the client has had the close frame by now.
    assert client.protocol.close_rcvd is not None
    assert (client.protocol.close_rcvd.code, client.protocol.close_rcvd.reason) == (
        1001,
        "server going away",
    )


@pytest.mark.parametrize("path", ["/events", "/long-poll?after=1000000000"])
async def test_at_the_end_a_response_that_is_not_complete_ends_without_a_report(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_server("127.0.0.1", 0, interval_s=0.001) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        # Another request that is answered shows that the server has seen the first.
        await Address(f"{host}:{port}").get("/long-poll?after=20")
    await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_clients_that_go_away_in_the_middle_are_not_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_server("127.0.0.1", 0, interval_s=0.001) as (host, port):
        for path in ("/events", "/long-poll?after=1000000000", "/ws"):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n".encode())
            if path == "/ws":
                writer.write(b"Upgrade: websocket\r\nConnection: Upgrade\r\n")
                writer.write(b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
                writer.write(b"Sec-WebSocket-Version: 13\r\n")
            writer.write(b"\r\n")
            if path != "/long-poll?after=1000000000":
                await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
        await Address(f"{host}:{port}").events("/long-poll?after=20")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

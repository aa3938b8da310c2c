"""What Socket.IO adds, measured against real servers, and counted against known packets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest
import socketio

from labkit.client.overhead import CONNECTS, Overhead, Traffic, measure_overhead
from labkit.errors import LabkitError
from labkit.servers.serving import serve

pytestmark = [
    pytest.mark.usefixtures("nothing_is_left"),
    pytest.mark.filterwarnings("error::ResourceWarning"),
    pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning"),
]
WAYS = ["WebSocket", "Socket.IO, WebSocket only", "Socket.IO, polling first"]


@contextlib.asynccontextmanager
async def servers(answer: Callable[[str], str] = str, **options: Any) -> AsyncIterator[list[str]]:
    """Yield the addresses of a plain echo, and of a Socket.IO server that gives ``answer``."""
    sio = socketio.AsyncServer(async_mode="aiohttp", **options)

    @sio.on("echo")
    async def echo(sid: str, text: str) -> str:
        return answer(text)

    async with serve("echo") as plain, serve(sio) as theirs:
        yield [plain.address, theirs.address]


async def test_the_three_ways_come_in_order() -> None:
    async with servers() as addresses:
        results = await measure_overhead(*addresses, messages=2)
    assert [result.way for result in results] == WAYS


async def test_bytes_per_message_are_those_of_the_frames() -> None:
    async with servers() as addresses:
        results = await measure_overhead(*addresses, messages=9, text="tea")
    # A masked header is 6 bytes long, an unmasked one 2. The ids of acknowledgements are 1 to 9.
    packet, acknowledgement = 6 + len('421["echo","tea"]'), 2 + len('431["tea"]')
    assert [result.sent_per_message for result in results] == [6 + 3, packet, packet]
    assert [result.received_per_message for result in results] == [
        2 + 3,
        acknowledgement,
        acknowledgement,
    ]


async def test_requests_and_connections_are_counted() -> None:
    async with servers() as addresses:
        results = await measure_overhead(*addresses, messages=1)
    traffic = [result.to_connect for result in results]
    assert [each.requests for each in traffic] == [1, 1, 2]
    assert [each.connections for each in traffic] == [1, 1, 1]
    assert traffic[0].sent < traffic[1].sent < traffic[2].sent
    assert traffic[0].received < traffic[1].received < traffic[2].received


async def test_polling_is_counted_request_by_request() -> None:
    async with servers(transports=["polling"]) as addresses:
        with pytest.raises(LabkitError, match=r"^no Socket\.IO server answers"):
            await measure_overhead(*addresses, messages=3)
    async with servers(allow_upgrades=False) as addresses:
        results = await measure_overhead(*addresses, messages=3)
    polled = results[2]
    assert polled.in_all.requests >= polled.to_connect.requests + 3
    assert polled.sent_per_message > 10 * results[1].sent_per_message


async def test_a_long_conversation_is_counted_though_its_transcript_is_cut() -> None:
    async with servers() as addresses:
        results = await measure_overhead(*addresses, messages=600)
    assert results[0].in_all.sent - results[0].to_connect.sent == 600 * 9


async def test_times_are_those_of_the_clock() -> None:
    ticks = count()
    async with servers() as addresses:
        results = await measure_overhead(*addresses, messages=4, clock=lambda: next(ticks))
    assert [result.connects_s for result in results] == [(1,) * CONNECTS] * 3
    assert [result.round_trips_s for result in results] == [(1,) * 4] * 3
    assert next(ticks) == 2 * 3 * (CONNECTS + 4)


def test_medians_and_means_are_taken_of_what_was_measured() -> None:
    result = Overhead(
        "WebSocket", 4, Traffic(1, 1, 100, 50), Traffic(1, 1, 140, 70), (1, 2, 9), (3, 4, 5)
    )
    assert result.bytes_to_connect == 150
    assert (result.sent_per_message, result.received_per_message) == (10, 5)
    assert (result.connect_s, result.round_trip_s) == (2, 4)


@pytest.mark.parametrize("messages", [0, -1])
async def test_no_messages_are_refused(messages: int) -> None:
    with pytest.raises(LabkitError, match=f"^messages is {messages}; send at least one$"):
        await measure_overhead("ws://127.0.0.1:1", "http://127.0.0.1:1", messages=messages)


async def test_a_server_that_does_not_send_back_what_came_is_told() -> None:
    async with servers(str.upper) as (plain, theirs):
        with pytest.raises(
            LabkitError, match=f"^{theirs} answered 'tea' with 'TEA'; compare servers that send ba"
        ):
            await measure_overhead(plain, theirs)


async def test_a_server_that_is_not_there_is_told() -> None:
    async with servers() as (plain, theirs):
        pass
    with pytest.raises(LabkitError, match=r"^no WebSocket server answers at ws://"):
        await measure_overhead(plain, theirs)

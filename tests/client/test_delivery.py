"""The four receivers: what they count is what crosses the wire, and what fails says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from labkit.client.delivery import (
    Delivery,
    _measure,
    measure_delivery,
    websocket,
)
from labkit.errors import LabkitError, UsageError
from labkit.protocol.frames import Opcode
from labkit.servers.delivery import open_server
from labkit.servers.serving import serve

WAYS = ["polling", "long polling", "server-sent events", "WebSocket"]


@asynccontextmanager
async def delivering(interval_s: float = 0.002) -> AsyncIterator[str]:
    async with open_server("127.0.0.1", 0, interval_s=interval_s) as (host, port):
        yield f"ws://{host}:{port}"


@asynccontextmanager
async def counting(address: str) -> AsyncIterator[tuple[str, list[list[bytes]]]]:
    """Forward to ``address``; yield where, and for each connection the bytes of both directions."""
    captures: list[list[bytes]] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        capture = [b"", b""]
        captures.append(capture)
        host, port = address.removeprefix("ws://").split(":")
        server_reader, server_writer = await asyncio.open_connection(host, int(port))

        async def pump(way: int, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                capture[way] += data
                to.write(data)
            to.write_eof()

        await asyncio.gather(pump(0, reader, server_writer), pump(1, server_reader, writer))
        writer.close()
        server_writer.close()

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", captures
    finally:
        server.close()


async def test_each_of_the_four_ways_delivers_as_many_messages_as_asked_for() -> None:
    async with delivering() as address:
        results = await measure_delivery(address, messages=12, poll_every_s=0.01)
    assert [result.way for result in results] == WAYS
    for result in results:
        assert len(result.delays_s) == result.messages >= 12
        assert all(delay_s >= 0 for delay_s in result.delays_s)


async def test_the_bytes_counted_are_those_that_a_capture_counts() -> None:
    async with delivering() as address, counting(address) as (forwarder, captures):
        results = await measure_delivery(forwarder, messages=30, poll_every_s=0.01)
    counted = sorted((result.bytes_sent, result.bytes_received) for result in results)
    assert counted == sorted((len(sent), len(received)) for sent, received in captures)


async def test_every_message_counted_is_in_the_capture() -> None:
    async with delivering() as address, counting(address) as (forwarder, captures):
        results = await measure_delivery(forwarder, messages=30, poll_every_s=0.01)
    by_size = {len(received): received for _, received in captures}
    for result in results:
        captured = by_size[result.bytes_received].count(b'{"seq": ')
        # A last one may arrive while the connection closes; its bytes are there, its delay is not.
        assert captured - result.messages in {0, 1, 2}


async def test_each_way_asks_as_a_browser_does() -> None:
    async with delivering() as address, counting(address) as (forwarder, captures):
        await measure_delivery(forwarder, messages=12, poll_every_s=0.01)
    for sent, _ in captures:
        assert b"\r\nUser-Agent: Mozilla/5.0 " in sent


async def test_the_websocket_ends_with_a_masked_close_of_1000() -> None:
    async with delivering() as address, counting(address) as (forwarder, captures):
        await measure_delivery(forwarder, messages=12, poll_every_s=0.01)
    [sent] = [sent for sent, _ in captures if b"Upgrade: websocket" in sent]
    frame = sent[-8:]
    assert frame[:2] == bytes([0x80 | Opcode.CLOSE, 0x80 | 2])
    assert bytes(a ^ b for a, b in zip(frame[2:6], frame[6:], strict=False)) == b"\x03\xe8"


async def test_a_delay_runs_from_the_clock_of_the_feed_to_that_of_the_receiver() -> None:
    async with delivering() as address:
        results = await measure_delivery(address, messages=3, poll_every_s=0.001, clock=lambda: 1e9)
    assert all(delay_s > 1e8 for result in results for delay_s in result.delays_s)


def test_bytes_per_message_are_those_of_both_directions() -> None:
    assert Delivery("polling", 4, 100, 20, (0.0,) * 4).bytes_per_message == 30


async def test_a_server_that_delivers_nothing_is_named_and_the_one_to_use() -> None:
    async with serve("echo") as server:
        with pytest.raises(LabkitError, match=r"answered 426, not 200; .*serve\(\"delivery\"\)"):
            await measure_delivery(server.address)


async def test_too_few_messages_in_time_are_one_sentence() -> None:
    async with delivering(interval_s=60) as address:
        with pytest.raises(LabkitError, match=r"did not deliver 5 messages within 0\.2 s$"):
            await measure_delivery(address, messages=5, patience_s=0.2)


async def test_a_server_that_is_not_there_is_one_sentence() -> None:
    async with delivering() as address:
        pass
    with pytest.raises(LabkitError, match="nothing answers at"):
        await measure_delivery(address)


async def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(UsageError, match="give one like"):
        await measure_delivery("spam")


async def test_a_server_that_breaks_off_is_one_sentence() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(break_off, "127.0.0.1", 0)
    address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(LabkitError, match=f"^{address} broke the connection off"):
        await measure_delivery(address)
    server.close()


async def test_a_websocket_that_is_closed_too_early_is_one_sentence() -> None:
    received = asyncio.Event()

    def clock() -> float:
        received.set()
        return 0.0

    async with delivering() as address:
        measuring = asyncio.create_task(_measure(address, "WebSocket", websocket, 10**9, clock))
        await received.wait()
    with pytest.raises(LabkitError, match=r"closed after .* of 1000000000 messages \(WebSocket\)$"):
        await measuring

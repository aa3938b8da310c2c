"""The echo server on our own codec, driven by the ``websockets`` library."""

from __future__ import annotations

import asyncio
import logging

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from labkit.servers.handmade import open_server
from labkit.transport.stream import WebSocketStream


def url(address: tuple[str, int]) -> str:
    return f"ws://{address[0]}:{address[1]}/"


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_messages_come_back_as_they_were_sent(compression: str | None) -> None:
    async with (
        open_server("127.0.0.1", 0) as address,
        connect(url(address), compression=compression) as client,
    ):
        for message in ("Spam €", b"Spam\xff", "", b"", 50_000 * "Spam"):
            await client.send(message)
            assert await client.recv() == message


async def test_fragments_come_back_as_one_message() -> None:
    async with open_server("127.0.0.1", 0) as address, connect(url(address)) as client:
        await client.send(["Sp", "", "am"])
        assert await client.recv() == "Spam"


async def test_a_ping_is_answered() -> None:
    async with open_server("127.0.0.1", 0) as address, connect(url(address)) as client:
        async with asyncio.timeout(10):
            await (await client.ping(b"hi"))


async def test_many_clients_are_served_at_once() -> None:
    async def ask(client: ClientConnection, message: str) -> str | bytes:
        await client.send(message)
        return await client.recv()

    async with open_server("127.0.0.1", 0) as address:
        clients = [await connect(url(address)) for _ in range(20)]
        answers = await asyncio.gather(
            *(ask(client, f"{number}") for number, client in enumerate(clients))
        )
        assert answers == [f"{number}" for number in range(20)]
        await asyncio.gather(*(client.close() for client in clients))


async def test_a_message_over_the_limit_closes_with_1009() -> None:
    async with (
        open_server("127.0.0.1", 0, max_size=1000) as address,
        connect(url(address)) as client,
    ):
        await client.send(bytes(1001))
        with pytest.raises(ConnectionClosedError):
            await client.recv()
        assert client.close_code == 1009


async def test_too_many_frames_close_with_1009() -> None:
    async with (
        open_server("127.0.0.1", 0, max_frames=3) as address,
        connect(url(address)) as client,
    ):
        await client.send(["S", "p", "a", "m"])
        with pytest.raises(ConnectionClosedError):
            await client.recv()
        assert client.close_code == 1009


async def test_on_exit_every_client_is_closed_with_1001() -> None:
    async with open_server("127.0.0.1", 0) as address:
        clients = [await connect(url(address)) for _ in range(3)]
    await asyncio.gather(*(client.wait_closed() for client in clients))
    assert [client.close_code for client in clients] == [1001, 1001, 1001]


async def test_on_exit_nobody_is_accepted_any_more() -> None:
    async with open_server("127.0.0.1", 0) as address:
        pass
    with pytest.raises(ConnectionRefusedError):
        await connect(url(address))


async def test_a_client_that_does_not_answer_cannot_hold_up_the_exit() -> None:
    async with asyncio.timeout(20):
        async with open_server("127.0.0.1", 0, drain_s=0.05) as address:
            _, silent = await asyncio.open_connection(*address)
            reader, half_open = await asyncio.open_connection(*address)
            half_open.write(
                b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
        for writer in (silent, half_open):
            writer.close()


async def test_a_handler_that_waits_for_ever_cannot_hold_up_the_exit() -> None:
    async def wait(stream: WebSocketStream) -> None:
        await asyncio.Event().wait()

    async with asyncio.timeout(20):
        async with open_server("127.0.0.1", 0, handler=wait, drain_s=0.05) as address:
            client = await connect(url(address))
        await client.wait_closed()
        assert client.close_code == 1001


async def test_a_handler_that_fails_closes_its_own_connection_with_1011(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail_at_spam(stream: WebSocketStream) -> None:
        async for message in stream:
            if message == "Spam":
                raise ZeroDivisionError
            await stream.send(message)

    async with (
        open_server("127.0.0.1", 0, handler=fail_at_spam) as address,
        connect(url(address)) as first,
        connect(url(address)) as second,
    ):
        await first.send("Spam")
        with pytest.raises(ConnectionClosedError):
            await first.recv()
        assert first.close_code == 1011
        await second.send("Eggs")
        assert await second.recv() == "Eggs"
    assert [record.levelno for record in caplog.records if "labkit" in record.name] == [
        logging.ERROR
    ]


async def test_a_handler_that_returns_closes_with_1000() -> None:
    async def greet(stream: WebSocketStream) -> None:
        await stream.send("Spam")

    async with (
        open_server("127.0.0.1", 0, handler=greet) as address,
        connect(url(address)) as client,
    ):
        assert [message async for message in client] == ["Spam"]
        assert client.close_code == 1000


async def test_a_plain_request_is_told_to_upgrade() -> None:
    async with open_server("127.0.0.1", 0) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
        assert answer.endswith(b"send the header 'Upgrade: websocket'\n")
        writer.close()


async def test_a_refused_request_does_not_hurt_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_server("127.0.0.1", 0) as address:
        with pytest.raises(InvalidStatus):
            await connect(url(address), additional_headers={"Sec-WebSocket-Version": "13"})
        async with connect(url(address)) as client:
            await client.send("Spam")
            assert await client.recv() == "Spam"
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []

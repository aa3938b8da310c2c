"""A handler is served, and drained: nobody is left hanging, and nobody holds up the end."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection

from labkit.servers.handler import open_handler


class Unresponsive(ClientConnection):
    """A client that reads nothing once it is open: it never answers a close."""

    def data_received(self, data: bytes) -> None:
        if self.response is None:
            super().data_received(data)


async def wait_for_close(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def test_the_bound_host_and_port_are_yielded() -> None:
    async with (
        open_handler(wait_for_close, "127.0.0.1", 0) as (host, port),
        connect(f"ws://{host}:{port}"),
    ):
        assert host == "127.0.0.1"
        assert port > 0


async def test_on_exit_every_client_is_closed_with_1001_and_a_reason() -> None:
    async with open_handler(wait_for_close, "127.0.0.1", 0) as (host, port):
        clients = [await connect(f"ws://{host}:{port}") for _ in range(3)]
    for client in clients:
        await client.wait_closed()
    assert {(client.close_code, client.close_reason) for client in clients} == {
        (1001, "server going away")
    }


async def test_on_exit_a_handler_may_finish_its_last_words() -> None:
    finished = asyncio.Event()

    async def tidy(connection: ServerConnection) -> None:
        await connection.wait_closed()
        await asyncio.sleep(0)
        finished.set()

    async with open_handler(tidy, "127.0.0.1", 0) as (host, port):
        await connect(f"ws://{host}:{port}")
    assert finished.is_set()


async def test_a_handler_that_sends_until_the_end_is_not_logged_as_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def chatter(connection: ServerConnection) -> None:
        while True:
            await connection.send("Spam")
            await asyncio.sleep(0)

    async with open_handler(chatter, "127.0.0.1", 0) as (host, port):
        client = await connect(f"ws://{host}:{port}")
        await client.recv()
        await client.close()
    assert "handler failed" not in caplog.text


async def test_a_handler_that_waits_for_something_else_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def stubborn(_: ServerConnection) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with open_handler(stubborn, "127.0.0.1", 0, drain_s=0.05) as (host, port):
        await connect(f"ws://{host}:{port}")
    assert cancelled.is_set()


async def test_a_client_that_never_answers_the_close_is_cut_off() -> None:
    async with open_handler(wait_for_close, "127.0.0.1", 0, drain_s=0.05) as (host, port):
        client = await connect(f"ws://{host}:{port}", create_connection=Unresponsive)
    await asyncio.wait_for(client.wait_closed(), 5)
    assert client.close_code == 1006


async def test_a_connection_that_asks_for_nothing_does_not_hold_up_the_end() -> None:
    # Shorter than the ten seconds after which the library gives up on a handshake.
    async with asyncio.timeout(8):
        async with open_handler(wait_for_close, "127.0.0.1", 0, drain_s=60) as (host, port):
            idle_reader, idle_writer = await asyncio.open_connection(host, port)
            # A second one that is answered shows that the server has seen the first.
            await (await connect(f"ws://{host}:{port}")).close()
        assert await _end_of(idle_reader) == b""
        idle_writer.close()


async def _end_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""

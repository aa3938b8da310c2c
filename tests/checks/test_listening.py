import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets import ConnectionClosed, ServerConnection, connect

from labkit.checks.listening import Listener, StreamHandler, WebSocketHandler

from .simulated import simulated


@asynccontextmanager
async def listening(handler: StreamHandler) -> AsyncIterator[tuple[list[BaseException], int]]:
    errors: list[BaseException] = []
    listener = Listener(errors.append)
    port = await listener.start(handler)
    yield errors, port
    await listener.stop()


@asynccontextmanager
async def listening_websocket(
    handler: WebSocketHandler,
) -> AsyncIterator[tuple[list[BaseException], str]]:
    errors: list[BaseException] = []
    listener = Listener(errors.append)
    yield errors, f"ws://127.0.0.1:{await listener.start_websocket(handler)}"
    await listener.stop()


@pytest.mark.parametrize("error", [KeyError("key"), SystemExit(3), KeyboardInterrupt()])
@simulated
async def test_what_a_handler_raises_is_kept_and_its_connection_ends(error: BaseException) -> None:
    async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise error

    async with listening(fail) as (errors, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
    assert errors == [error]


@simulated
async def test_stopping_ends_a_handler_that_waits() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        entered.set()
        try:
            await reader.read()
        finally:
            left.set()

    async with listening(wait) as (errors, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await entered.wait()
    assert left.is_set()
    assert errors == []
    writer.close()


@simulated
async def test_a_handler_of_the_library_serves_without_compression() -> None:
    async def shout(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(str(message).upper())

    async with listening_websocket(shout) as (errors, address):
        async with connect(address, proxy=None) as client:
            await client.send("spam")
            assert await client.recv() == "SPAM"
            assert client.protocol.extensions == []
        assert errors == []


@pytest.mark.parametrize("error", [KeyError("key"), SystemExit(3), KeyboardInterrupt()])
@simulated
async def test_what_a_handler_of_the_library_raises_is_kept_and_closes_with_1011(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(connection: ServerConnection) -> None:
        raise error

    async with listening_websocket(fail) as (errors, address):
        async with connect(address, proxy=None) as client:
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert client.close_code == 1011
        assert errors == [error]
    # The library logs, if it does, when it has ended its own task.
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0)
    assert not caplog.records


@simulated
async def test_the_end_of_a_connection_is_no_error_of_its_handler() -> None:
    ended = asyncio.Event()

    async def wait(connection: ServerConnection) -> None:
        try:
            await connection.recv()
        finally:
            ended.set()

    async with listening_websocket(wait) as (errors, address):
        async with connect(address, proxy=None):
            pass
        await ended.wait()
        assert errors == []


@simulated
async def test_stopping_does_not_wait_for_a_peer_to_say_goodbye() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def wait(connection: ServerConnection) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    async with listening_websocket(wait) as (errors, address):
        client = await connect(address, proxy=None)
        await entered.wait()
    assert left.is_set()
    assert errors == []
    await client.wait_closed()
    assert client.close_code == 1006

"""The echo: what comes in goes out, unchanged and in order."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect

from labkit.servers.echo import open_server


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with open_server("127.0.0.1", 0) as (host, port):
        yield f"ws://{host}:{port}"


@pytest.fixture
async def client(address: str) -> AsyncIterator[ClientConnection]:
    async with connect(address) as connection:
        yield connection


@pytest.mark.parametrize("message", ["Spam", "", "ü — 蛋", b"Spam", b"", bytes(range(256)) * 400])
async def test_a_message_comes_back_as_it_was(client: ClientConnection, message: object) -> None:
    await client.send(message)  # type: ignore[arg-type]
    assert await client.recv() == message


async def test_messages_come_back_in_order(client: ClientConnection) -> None:
    messages = [f"Spam {number}" for number in range(200)]
    for message in messages:
        await client.send(message)
    assert [await client.recv() for _ in messages] == messages


async def test_a_fragmented_message_comes_back_whole(client: ClientConnection) -> None:
    await client.send(["Sp", "am"])
    assert await client.recv() == "Spam"


async def test_a_ping_is_answered(client: ClientConnection) -> None:
    await (await client.ping(b"Spam"))


async def test_a_message_over_1_mib_closes_with_1009(client: ClientConnection) -> None:
    await client.send(b"\0" * (2**20 + 1))
    await client.wait_closed()
    assert client.close_code == 1009


async def test_a_client_that_vanishes_is_not_reported_as_a_failure(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect(address)
    await client.send("Spam")
    await client.recv()
    client.transport.abort()
    async with connect(address) as another:
        await another.send("Spam")
        assert await another.recv() == "Spam"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

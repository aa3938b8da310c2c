"""Every byte is counted once, whoever reads it and however it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from labkit.client.counting import open_counted
from labkit.errors import LabkitError, UsageError


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_what_is_sent_is_counted() -> None:
    async with answering(b"") as address, open_counted(address) as connection:
        await connection.send(b"Spam")
        await connection.send(b"eggs!")
        assert connection.bytes_sent == 9


async def test_what_is_read_is_counted_in_every_way_of_reading() -> None:
    async with answering(b"Spam\r\neggs") as address, open_counted(address) as connection:
        assert await connection.read_until(b"\r\n") == b"Spam\r\n"
        assert await connection.read_exactly(1) == b"e"
        assert await connection.read_some() == b"ggs"
        assert connection.bytes_received == 10


async def test_what_nobody_read_is_counted_at_the_end() -> None:
    async with answering(b"x" * 200_000) as address, open_counted(address) as connection:
        await connection.finish()
        assert connection.bytes_received == 200_000


async def test_the_host_is_what_a_host_header_says() -> None:
    async with answering(b"") as address, open_counted(address) as connection:
        assert f"ws://{connection.host}" == address


async def test_a_server_that_is_not_there_is_one_sentence() -> None:
    async with answering(b"") as address:
        pass
    with pytest.raises(LabkitError, match=f"^nothing answers at {address}; start the server first"):
        async with open_counted(address):
            pass


@pytest.mark.parametrize("address", ["spam", "", "ws://", "ws://127.0.0.1:spam", "ws://[::1"])
async def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match=r"give one like ws://127\.0\.0\.1:8765"):
        async with open_counted(address):
            pass

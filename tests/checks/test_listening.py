import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from labkit.checks.listening import AnswerLoop, Listener, StreamHandler


@asynccontextmanager
async def listening(handler: StreamHandler) -> AsyncIterator[tuple[Listener, int]]:
    listener = Listener()
    port = await listener.start(handler)
    yield listener, port
    await listener.stop()


@pytest.mark.parametrize("error", [KeyError("key"), SystemExit(3), KeyboardInterrupt()])
async def test_what_a_handler_raises_is_kept_and_its_connection_ends(error: BaseException) -> None:
    async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise error

    async with listening(fail) as (listener, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
    assert listener.errors == [error]


async def test_stopping_ends_a_handler_that_waits() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        entered.set()
        try:
            await reader.read()
        finally:
            left.set()

    async with listening(wait) as (listener, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await entered.wait()
    assert left.is_set()
    assert listener.errors == []
    writer.close()


def test_a_loop_knows_its_timers_while_they_are_to_come() -> None:
    loop = AnswerLoop()
    assert not loop.has_timers()
    timer = loop.call_later(60, print)
    assert loop.has_timers()
    timer.cancel()
    assert not loop.has_timers()
    loop.close()

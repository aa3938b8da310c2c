"""A connection that a panel owns, against real servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve

from labkit.panels import live_connection
from labkit.panels.live_connection import IDLE, LiveConnection

SECONDS = 5


class Watched:
    """A connection of which a test can wait for a state."""

    def __init__(self, address: str) -> None:
        self.messages: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.states: list[str] = []
        self._changed = asyncio.Event()
        self.connection = LiveConnection(
            address, received=self.messages.put_nowait, changed=self._change
        )

    async def until(self, state: str) -> None:
        async with asyncio.timeout(SECONDS):
            while not self.connection.state.startswith(state):
                self._changed.clear()
                await self._changed.wait()

    def _change(self) -> None:
        self.states.append(self.connection.state)
        self._changed.set()


@contextlib.asynccontextmanager
async def watching(handler: object) -> AsyncIterator[Watched]:
    async with serve(handler, "127.0.0.1", 0) as server:  # type: ignore[arg-type]
        watched = Watched(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        watched.connection.open()
        yield watched
        watched.connection.close()
        await watched.connection.closed()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def test_it_connects_and_says_so() -> None:
    async with watching(echo) as watched:
        await watched.until("open")
        assert watched.states == ["connecting", "open"]


async def test_messages_come_in_and_go_out() -> None:
    async with watching(echo) as watched:
        await watched.until("open")
        assert watched.connection.send("Spam")
        async with asyncio.timeout(SECONDS):
            assert await watched.messages.get() == "Spam"


async def test_closing_it_closes_with_1000() -> None:
    seen: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()
        seen.set_result(connection.close_code)

    async with watching(wait) as watched:
        await watched.until("open")
        watched.connection.close()
        await watched.until("closed 1000")
        assert await seen == 1000


async def test_a_close_by_the_server_tells_code_and_reason() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(1001, "lunch")

    async with watching(leave) as watched:
        await watched.until("closed")
        assert watched.connection.state == "closed 1001 lunch"


async def test_a_connection_that_breaks_tells_1006() -> None:
    async def break_off(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with watching(break_off) as watched:
        await watched.until("closed")
        assert watched.connection.state == "closed 1006"


async def test_it_can_be_opened_again() -> None:
    async with watching(echo) as watched:
        await watched.until("open")
        watched.connection.close()
        await watched.connection.closed()
        watched.connection.open()
        await watched.until("open")
        assert watched.connection.is_active


async def test_opening_it_twice_connects_once() -> None:
    async with watching(echo) as watched:
        await watched.until("open")
        watched.connection.open()
        assert watched.states == ["connecting", "open"]


async def test_a_server_that_is_not_there_is_told_of() -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    watched = Watched(f"ws://127.0.0.1:{port}")
    watched.connection.open()
    await watched.connection.closed()
    assert watched.connection.state == f"cannot connect: nothing listens at ws://127.0.0.1:{port}"


async def test_a_server_that_refuses_is_told_of() -> None:
    async with serve(echo, "127.0.0.1", 0, origins=["https://example.com"]) as server:
        watched = Watched(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        watched.connection.open()
        await watched.connection.closed()
    assert watched.connection.state.startswith("cannot connect: server rejected")


async def test_an_address_that_is_none_is_told_of() -> None:
    watched = Watched("Spam")
    watched.connection.open()
    await watched.connection.closed()
    assert watched.connection.state.startswith("cannot connect: Spam isn't a valid URI")


def test_without_an_event_loop_it_says_what_to_do() -> None:
    connection = LiveConnection("ws://127.0.0.1:1", received=print, changed=lambda: None)
    connection.open()
    assert connection.state.endswith("make the panel in a notebook")


async def test_nothing_is_sent_before_it_is_open() -> None:
    connection = LiveConnection("ws://127.0.0.1:1", received=print, changed=lambda: None)
    assert connection.state == IDLE
    assert not connection.send("Spam")


async def test_what_waits_to_be_sent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_connection, "MAX_OUTGOING", 2)
    async with watching(echo) as watched:
        await watched.until("open")
        assert [watched.connection.send("Spam") for _ in range(3)] == [True, True, False]

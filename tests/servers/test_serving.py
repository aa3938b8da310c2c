"""Servers by name or by handler, entered or awaited; bad calls get one clear sentence."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import socket
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from labkit.errors import UsageError
from labkit.servers import serving
from labkit.servers.serving import SERVERS, serve


async def shout(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(str(message).upper())


@contextlib.asynccontextmanager
async def pretend(host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """Open nothing; must be left by the task that entered, as a task group must."""
    async with asyncio.TaskGroup():
        yield host, port


@pytest.mark.parametrize("name", ["echo", "handmade"])
async def test_an_echo_is_served_by_name(name: str) -> None:
    async with serve(name) as server, connect(server.address) as client:
        await client.send("Spam")
        assert await client.recv() == "Spam"


@pytest.mark.parametrize("name", ["echo", "handmade"])
async def test_a_named_server_closes_its_clients_with_1001(name: str) -> None:
    async with serve(name) as server:
        client = await connect(server.address)
    await client.wait_closed()
    assert client.close_code == 1001


async def test_a_handler_is_served() -> None:
    async with serve(shout) as server, connect(server.address) as client:
        await client.send("spam")
        assert await client.recv() == "SPAM"


async def test_an_awaited_server_runs_until_it_is_closed() -> None:
    server = await serve("echo")
    async with connect(server.address):
        pass
    await server.close()
    with pytest.raises(OSError, match="onnect"):
        await connect(server.address)


async def test_a_server_may_be_closed_twice() -> None:
    async with serve("echo") as server:
        await server.close()


async def test_a_server_that_was_never_started_may_be_closed() -> None:
    await serve("echo").close()


async def test_a_server_is_started_once() -> None:
    async with await serve("echo") as server:
        address = server.address
        assert (await server).address == address


async def test_a_server_may_be_closed_by_another_task_than_the_one_that_started_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_named", lambda name: pretend)
    server = await asyncio.create_task(serve("echo").start())
    await asyncio.create_task(server.close())
    assert repr(server) == "Serving(echo, closed)"


async def test_a_server_that_nobody_holds_is_not_collected() -> None:
    address = (await serve("echo")).address
    gc.collect()
    async with connect(address):
        pass
    for task in tuple(serving._running):
        task.cancel()
    await asyncio.wait(serving._running)


async def test_the_text_form_names_the_state_and_no_port() -> None:
    server = serve(shout)
    states = [repr(server)]
    async with server:
        states.append(repr(server))
    states.append(repr(server))
    assert states == [f"Serving(shout, {state})" for state in ("not started", "open", "closed")]


async def test_the_address_of_an_ipv6_server_has_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_named", lambda name: pretend)
    async with serve("echo", host="::1", port=8765) as server:
        assert server.address == "ws://[::1]:8765"


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=f"no server 'ecko'; choose one of {', '.join(SERVERS)}$"):
        serve("ecko")


async def test_a_taken_port_is_answered_with_what_to_do() -> None:
    async with serve("echo") as server:
        port = int(server.address.rsplit(":", 1)[1])
        with pytest.raises(UsageError) as refusal:
            await serve("echo", port=port)
    assert str(refusal.value) == (
        f"port {port} on 127.0.0.1 is taken, maybe by this server, started before: close that one "
        "(`labkit doctor` names it), or use port 0 for any free port"
    )


async def test_a_server_that_was_refused_starts_once_the_port_is_free() -> None:
    async with serve("echo") as first:
        second = serve("echo", port=int(first.address.rsplit(":", 1)[1]))
        with pytest.raises(UsageError):
            await second
    async with second, connect(second.address):
        pass


async def test_the_address_of_another_machine_is_answered_with_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"^203\.0\.113\.1 is not an address of this machine; use"):
        await serve("echo", host="203.0.113.1")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "spam is not an address of this machine; use 127.0.0.1",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "port 80 on spam is reserved for the system; choose one above 1023",
        ),
        (
            OSError(errno.EMFILE, "Too many open files"),
            "cannot listen on port 80 of spam: Too many open files",
        ),
    ],
)
async def test_a_refusal_of_the_system_becomes_a_sentence(
    monkeypatch: pytest.MonkeyPatch, error: OSError, sentence: str
) -> None:
    @contextlib.asynccontextmanager
    async def refused(host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        raise error
        yield host, port

    monkeypatch.setattr(serving, "_named", lambda name: refused)
    with pytest.raises(UsageError) as refusal:
        await serve("echo", host="spam", port=80)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port} is out of range"):
        serve("echo", port=port)


def test_what_is_neither_a_name_nor_a_handler_is_refused() -> None:
    with pytest.raises(UsageError, match=r"an async function or a socketio\.AsyncServer, not int"):
        serve(8765)  # type: ignore[arg-type]


async def test_a_start_that_is_cancelled_leaves_no_server_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def slow(host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        begun.set()
        await asyncio.sleep(0)
        yield host, port
        ended.set()

    monkeypatch.setattr(serving, "_named", lambda name: slow)
    start = asyncio.create_task(serve("echo").start())
    await begun.wait()
    start.cancel()
    await asyncio.wait_for(ended.wait(), 5)


def test_a_server_runs_under_asyncio_run() -> None:
    async def once() -> str | bytes:
        async with serve("echo") as server, connect(server.address) as client:
            await client.send("Spam")
            return await client.recv()

    assert asyncio.run(once()) == "Spam"

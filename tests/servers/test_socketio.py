"""Socket.IO servers, served and drained: real clients in the same loop, and clients that hang."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
import socketio
from websockets.asyncio.client import connect

from labkit.errors import UsageError
from labkit.servers.serving import serve
from labkit.servers.socketio import open_socketio

pytestmark = [
    pytest.mark.usefixtures("nothing_is_left"),
    pytest.mark.filterwarnings("error::ResourceWarning"),
    pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning"),
]
SECONDS = 5
WEBSOCKET = "socket.io/?EIO=4&transport=websocket"
TRANSPORTS = pytest.mark.parametrize("transports", [["websocket"], ["polling"], None], ids=str)


def cafe(**options: object) -> socketio.AsyncServer:
    """Return a server that confirms an order, and says so."""
    sio = socketio.AsyncServer(async_mode="aiohttp", **options)

    @sio.on("order")
    async def order(sid: str, dish: str) -> str:
        await sio.emit("news", f"{dish} is being made", to=sid)
        return f"{dish} is on its way"

    return sio


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[socketio.AsyncSimpleClient]:
    async with socketio.AsyncSimpleClient(handle_sigint=False) as client:
        await client.connect(address, transports=["websocket"])
        yield client


async def settled(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds, a turn of the loop at a time."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0)


@TRANSPORTS
async def test_an_event_is_acknowledged_with_what_the_handler_returns(
    transports: list[str] | None,
) -> None:
    client = socketio.AsyncClient(handle_sigint=False)
    async with serve(cafe()) as server:
        await client.connect(server.address, transports=transports)
        assert await client.call("order", "tea") == "tea is on its way"


async def test_an_event_of_the_server_reaches_the_client() -> None:
    async with serve(cafe()) as server, connected(server.address) as client:
        await client.emit("order", "tea")
        assert await client.receive(SECONDS) == ["news", "tea is being made"]


async def test_the_address_is_one_that_clients_take() -> None:
    async with serve(cafe()) as server:
        host, port = server.address.removeprefix("http://").split(":")
        assert (host, repr(server)) == ("127.0.0.1", "Serving(socketio, open)")
        assert int(port) > 0


@TRANSPORTS
async def test_a_client_is_told_that_the_server_ends_and_does_not_come_back(
    transports: list[str] | None,
) -> None:
    reasons: list[str] = []
    client, sio = socketio.AsyncClient(handle_sigint=False), cafe()
    client.on("disconnect", reasons.append)
    async with serve(sio) as server:
        await client.connect(server.address, transports=transports)
    await settled(lambda: bool(reasons))
    assert reasons == ["server disconnect"]
    assert not client._reconnect_task
    assert not sio.eio.sockets


async def test_the_server_is_told_why_a_client_is_gone() -> None:
    reasons: list[str] = []
    sio = cafe()

    @sio.event
    def disconnect(sid: str, reason: str) -> None:
        reasons.append(reason)

    async with serve(sio) as server:
        async with connected(server.address):
            pass
        await settled(lambda: bool(reasons))
        client = await connect(f"{server.address.replace('http', 'ws')}/{WEBSOCKET}")
        await client.send("40")
        assert (await client.recv(), await client.recv())[1].startswith("40{")
    assert reasons == ["transport close", "server disconnect"]
    await client.close()


async def test_a_heartbeat_does_not_outlive_the_server() -> None:
    async with serve(cafe(ping_interval=3600)) as server:
        async with connected(server.address):
            pass
        heartbeats = [t for t in asyncio.all_tasks() if "_send_ping" in repr(t)]
        assert heartbeats
    assert all(task.done() for task in heartbeats)


async def test_a_websocket_is_closed_with_1000_after_the_packets_that_say_so() -> None:
    async with serve(cafe()) as server:
        client = await connect(f"{server.address.replace('http', 'ws')}/{WEBSOCKET}")
        await client.send("40")
        await client.recv(), await client.recv()
    assert [message async for message in client] == ["41", "1"]
    assert client.close_code == 1000


@pytest.mark.parametrize("words", ["hello", '{"type": "order"}', ""])
async def test_a_client_that_speaks_another_protocol_is_broken_off_and_told_of_in_one_line(
    words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(cafe()) as server:
        client = await connect(f"{server.address.replace('http', 'ws')}/{WEBSOCKET}")
        assert str(await client.recv()).startswith('0{"sid":')
        await client.send(words)
        async with asyncio.timeout(SECONDS):
            await client.wait_closed()
    assert client.close_code == 1006
    assert [record.getMessage() for record in caplog.records] == [
        "a client sent what is no Engine.IO packet; its WebSocket is broken off"
    ]


async def test_a_websocket_that_never_answers_is_cut_off() -> None:
    sio = cafe()
    async with open_socketio(sio, "127.0.0.1", 0, drain_s=0.1) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"GET /" + WEBSOCKET.encode() + b" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
    with contextlib.suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), SECONDS)
    writer.close()


async def test_a_client_that_stopped_reading_is_cut_off() -> None:
    sio = cafe()
    async with open_socketio(sio, "127.0.0.1", 0, drain_s=0.1) as (host, port):
        client = await connect(f"ws://{host}:{port}/{WEBSOCKET}", compression=None)
        await client.send("40")
        await client.recv(), await client.recv()
        client.transport.pause_reading()
        for _ in range(40):
            await sio.emit("news", "x" * 500_000)
        (environ,) = sio.environ.values()
        transport = environ["aiohttp.request"].transport
        await settled(lambda: transport.get_write_buffer_size() > 0)
    assert transport.get_write_buffer_size() == 0
    client.transport.abort()


async def test_a_connection_that_asks_for_nothing_does_not_hold_the_server_up() -> None:
    async with open_socketio(cafe(), "127.0.0.1", 0, drain_s=60) as address:
        _, writer = await asyncio.open_connection(*address)
    writer.close()


async def test_an_event_in_work_is_finished() -> None:
    sio = cafe()
    begun, finished = asyncio.Event(), []

    @sio.on("cook")
    async def cook(sid: str) -> None:
        begun.set()
        await asyncio.sleep(0.01)
        finished.append(sid)

    async with serve(sio) as server, connected(server.address) as client:
        await client.emit("cook")
        await begun.wait()
    assert finished


@pytest.mark.parametrize("event", ["cook", "connect", "disconnect"])
async def test_a_handler_that_never_ends_is_broken_off(event: str) -> None:
    sio = cafe()
    begun, broken_off = asyncio.Event(), asyncio.Event()

    @sio.on(event)
    async def hang(*_: object) -> None:
        begun.set()
        try:
            await asyncio.Future()
        finally:
            broken_off.set()

    async with open_socketio(sio, "127.0.0.1", 0, drain_s=0.1) as (host, port):
        client = await connect(f"ws://{host}:{port}/{WEBSOCKET}")
        await client.send("40")
        await client.send('42["cook"]')
        if event == "disconnect":
            await client.close()
        await begun.wait()
    assert broken_off.is_set()
    await client.close()


async def test_a_server_may_be_served_again_after_its_end() -> None:
    sio = cafe()
    for _ in range(3):
        async with serve(sio) as server, connected(server.address) as client:
            assert await client.call("order", "tea") == "tea is on its way"
    async with serve(sio):
        pass
    assert sio.eio.start_service_task


async def test_what_is_noted_for_a_server_is_undone_at_its_end() -> None:
    sio = cafe(monitor_clients=False)
    async with serve(sio):
        assert "start_background_task" in vars(sio.eio)
    assert "start_background_task" not in vars(sio.eio)
    assert not sio.eio.start_service_task


async def test_a_server_that_is_being_served_is_not_served_twice() -> None:
    sio = cafe()
    async with serve(sio):
        with pytest.raises(UsageError, match="being served already; close that one first, or make"):
            await serve(sio)


async def test_a_server_made_for_another_framework_is_refused_with_what_to_do() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    with pytest.raises(UsageError, match=r"made for asgi; make it with socketio\.AsyncServer\(as"):
        await serve(sio)


async def test_a_taken_port_is_one_sentence_and_can_be_tried_again() -> None:
    sio = cafe()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"^port {port} on 127.0.0.1 is taken, maybe"):
            await serve(sio, port=port)
    async with serve(sio, port=port):
        pass


async def test_another_origin_is_refused_by_default_and_told_so() -> None:
    async with serve(cafe()) as server, aiohttp.ClientSession() as session:
        headers = {"Origin": "https://elsewhere.example"}
        url = f"{server.address}/socket.io/?EIO=4&transport=polling"
        async with session.get(url, headers=headers) as answer:
            assert answer.status == 400
            assert "is not an accepted origin" in await answer.text()


def test_who_serves_something_else_does_not_import_socketio() -> None:
    code = (
        "import asyncio, sys\n"
        "from labkit import serve\n"
        "async def once():\n"
        "    async with serve('echo'): pass\n"
        "asyncio.run(once())\n"
        "print([m for m in ('socketio', 'engineio', 'aiohttp') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

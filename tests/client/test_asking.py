"""Clients that ask over a WebSocket and over Socket.IO; whoever does not answer is one sentence."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from typing import Any

import aiohttp
import pytest
import socketio
from websockets.asyncio.server import ServerConnection

from labkit.client.asking import socketio_client, websocket_client
from labkit.errors import LabkitError
from labkit.servers.serving import serve
from labkit.transport.tap import tap

pytestmark = [
    pytest.mark.usefixtures("nothing_is_left"),
    pytest.mark.filterwarnings("error::ResourceWarning"),
    pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning"),
]
PATIENCE_S = 5
SHORT_S = 0.1


def echoing(**options: Any) -> socketio.AsyncServer:
    sio = socketio.AsyncServer(async_mode="aiohttp", **options)

    @sio.on("echo")
    async def echo(sid: str, text: str) -> str:
        return text

    return sio


async def mute(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def curt(connection: ServerConnection) -> None:
    await connection.close()


@pytest.fixture
async def free_address() -> str:
    """Return an address at which nothing listens any more."""
    async with serve("echo") as server:
        return server.address


async def test_the_next_message_is_the_answer_of_a_websocket() -> None:
    async with (
        serve("echo") as server,
        websocket_client(server.address, patience_s=PATIENCE_S) as ask,
    ):
        assert [await ask("tea"), await ask("milk")] == ["tea", "milk"]


async def test_nothing_is_compressed() -> None:
    async with serve("echo") as server, tap(server.address) as tapped:
        async with websocket_client(tapped.address, patience_s=PATIENCE_S) as ask:
            await ask("tea" * 100)
        assert "compressed" not in tapped.transcript.text()


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], None], ids=str)
async def test_the_acknowledgement_is_the_answer_of_socketio(transports: list[str] | None) -> None:
    async with serve(echoing()) as server:
        client = socketio_client(
            server.address, event="echo", patience_s=PATIENCE_S, transports=transports
        )
        async with client as ask:
            assert [await ask("tea"), await ask("milk")] == ["tea", "milk"]


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], None], ids=str)
async def test_a_client_that_leaves_leaves_nothing_behind(transports: list[str] | None) -> None:
    async with serve(echoing()) as server:
        before = asyncio.all_tasks()
        client = socketio_client(
            server.address, event="echo", patience_s=PATIENCE_S, transports=transports
        )
        async with client as ask:
            await ask("tea")
        async with asyncio.timeout(PATIENCE_S):
            while any("Client" in repr(task) for task in asyncio.all_tasks() - before):
                await asyncio.sleep(0)
    gc.collect()
    sessions = [each for each in gc.get_objects() if isinstance(each, aiohttp.ClientSession)]
    assert all(session.closed for session in sessions)


def test_ctrl_c_stays_with_whom_it_belongs_to() -> None:
    # In a process of its own: the library takes it over once, from the first client on.
    code = (
        "import asyncio, signal, socketio\n"
        "from labkit import serve\n"
        "from labkit.client.asking import socketio_client\n"
        "async def once():\n"
        "    before = signal.getsignal(signal.SIGINT)\n"
        "    sio = socketio.AsyncServer(async_mode='aiohttp')\n"
        "    async with serve(sio) as server:\n"
        "        async with socketio_client(server.address, event='echo', patience_s=5):\n"
        "            print(signal.getsignal(signal.SIGINT) is before)\n"
        "asyncio.run(once())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


async def test_no_websocket_server_is_one_sentence(free_address: str) -> None:
    with pytest.raises(LabkitError, match=f"^no WebSocket server answers at {free_address}; start"):
        async with websocket_client(free_address, patience_s=PATIENCE_S):
            pass


async def test_a_socketio_server_is_no_websocket_server_for_a_plain_client() -> None:
    async with serve(echoing()) as server:
        address = server.address.replace("http", "ws")
        with pytest.raises(LabkitError, match=f"^no WebSocket server answers at {address}; start"):
            async with websocket_client(address, patience_s=PATIENCE_S):
                pass


@pytest.mark.parametrize("handler", [mute, curt])
async def test_a_websocket_server_that_does_not_answer_is_one_sentence(handler: Any) -> None:
    async with serve(handler) as server:
        with pytest.raises(LabkitError, match=r"did not answer a message within 0\.1 s; one that"):
            async with websocket_client(server.address, patience_s=SHORT_S) as ask:
                await ask("tea")


@pytest.mark.parametrize("transports", [["websocket"], None], ids=str)
async def test_no_socketio_server_is_one_sentence(
    free_address: str, transports: list[str] | None
) -> None:
    client = socketio_client(
        free_address, event="echo", patience_s=PATIENCE_S, transports=transports
    )
    with pytest.raises(LabkitError, match=f"^no Socket.IO server answers at {free_address}; give"):
        async with client:
            pass


@pytest.mark.parametrize("transports", [["websocket"], None], ids=str)
async def test_a_websocket_server_is_no_socketio_server(transports: list[str] | None) -> None:
    async with serve("echo") as server:
        client = socketio_client(
            server.address, event="echo", patience_s=SHORT_S, transports=transports
        )
        with pytest.raises(LabkitError, match=f"^no Socket.IO server answers at {server.address}"):
            async with client:
                pass


async def test_an_event_that_nobody_acknowledges_is_one_sentence() -> None:
    async with serve(echoing()) as server:
        client = socketio_client(server.address, event="order", patience_s=SHORT_S)
        with pytest.raises(
            LabkitError, match=r"did not acknowledge 'order' within 0\.1 s; .*@sio\.on\('order'\)$"
        ):
            async with client as ask:
                await ask("tea")

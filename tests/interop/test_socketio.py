"""Socket.IO as the course serves it, and Socket.IO as its authors made it: npm's client and server.

What these tests prove is named one by one. A plain WebSocket client is in here too: it gets in, and
is not understood.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import socketio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from labkit.servers.node import node
from labkit.servers.serving import serve
from labkit.transport.tap import tap

SECONDS = 10
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"
TRANSPORTS = pytest.mark.parametrize(
    "transports", ["websocket", "polling,websocket"], ids=["websocket", "polling and upgrade"]
)

#: Connects, does what follows, disconnects, and prints everything as a list.
CLIENT = """
import { once } from 'node:events';
import { io } from 'socket.io-client';
const [address, transports] = process.argv.slice(2);
const seen = [];
const options = { transports: transports.split(','), perMessageDeflate: false };
const socket = io(address, { ...options, reconnection: false });
socket.on('connect_error', (error) => { throw error; });
socket.io.once('open', () => seen.push(socket.io.engine.transport.name));
await once(socket, 'connect');
if (socket.io.engine.transport.name !== 'websocket') await once(socket.io.engine, 'upgrade');
seen.push(socket.io.engine.transport.name);
%s
console.log(JSON.stringify(seen));
socket.disconnect();
"""

#: A café in JavaScript, the same as `cafe` here.
SERVER = """
import { createServer } from 'node:http';
import { Server } from 'socket.io';
const http = createServer();
const io = new Server(http, { pingInterval: 200 });
io.on('connection', (socket) => {
  socket.on('order', (dish, reply) => {
    socket.emit('news', `${dish} is being made`);
    reply?.(`${dish} is on its way`);
  });
  socket.on('reverse', (data, reply) => reply(data.reverse()));
  socket.on('join', (room, reply) => { socket.join(room); reply(); });
  socket.on('shout', (room, text) => socket.to(room).emit('news', text));
  socket.on('question', async (reply) => reply(await socket.emitWithAck('ask', 'milk?')));
  socket.on('leave', () => socket.disconnect());
  socket.on('disconnect', (reason) => console.log(reason));
});
http.listen(0, '127.0.0.1', () => console.log(`serving http://127.0.0.1:${http.address().port}`));
"""


def cafe() -> socketio.AsyncServer:
    """Return a server with a handler for everything that is tried."""
    sio = socketio.AsyncServer(async_mode="aiohttp", ping_interval=1)

    @sio.on("order")
    async def order(sid: str, dish: str) -> str:
        await sio.emit("news", f"{dish} is being made", to=sid)
        return f"{dish} is on its way"

    @sio.on("reverse")
    async def reverse(sid: str, data: bytes) -> bytes:
        return data[::-1]

    @sio.on("join")
    async def join(sid: str, room: str) -> None:
        await sio.enter_room(sid, room)

    @sio.on("shout")
    async def shout(sid: str, room: str, text: str) -> None:
        await sio.emit("news", text, room=room, skip_sid=sid)

    @sio.on("question")
    async def question(sid: str) -> Any:
        return await sio.call("ask", "milk?", to=sid)

    @sio.on("leave")
    async def leave(sid: str) -> None:
        await sio.disconnect(sid)

    return sio


async def seen_by_npm(address: str, transports: str, script: str) -> list[Any]:
    """Run ``script`` in npm's client; return the transports before and after, and what it saw."""
    seen: list[Any] = json.loads(await node(CLIENT % script, address, transports))
    return seen


@contextlib.asynccontextmanager
async def python_client(
    address: str, transports: str, **handlers: Callable[..., Any]
) -> AsyncIterator[socketio.AsyncClient]:
    client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
    for event, handler in handlers.items():
        client.on(event, handler)
    await client.connect(address, transports=transports.split(","), wait_timeout=SECONDS)
    try:
        yield client
    finally:
        await client.disconnect()


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


# npm's client at our server.


@pytest.mark.needs("node", "socket.io-client")
@TRANSPORTS
async def test_npm_connects_by_the_transport_it_is_told_and_ends_on_a_websocket(
    transports: str,
) -> None:
    async with serve(cafe()) as server:
        first, last = await seen_by_npm(server.address, transports, "")
    assert (first, last) == (transports.split(",")[0], "websocket")


@pytest.mark.needs("node", "socket.io-client")
@TRANSPORTS
async def test_npm_and_ours_emit_to_each_other_and_acknowledge(transports: str) -> None:
    script = """
        socket.once('news', (text) => seen.push(text));
        seen.push(await socket.timeout(5000).emitWithAck('order', 'tea'));
    """
    async with serve(cafe()) as server:
        seen = await seen_by_npm(server.address, transports, script)
    assert seen[2:] == ["tea is being made", "tea is on its way"]


@pytest.mark.needs("node", "socket.io-client")
@TRANSPORTS
async def test_ours_asks_npm_for_an_acknowledgement(transports: str) -> None:
    script = """
        socket.on('ask', (what, reply) => reply(`no ${what}`));
        seen.push(await socket.timeout(5000).emitWithAck('question'));
    """
    async with serve(cafe()) as server:
        seen = await seen_by_npm(server.address, transports, script)
    assert seen[2:] == ["no milk?"]


@pytest.mark.needs("node", "socket.io-client")
@TRANSPORTS
async def test_bytes_of_npm_stay_bytes_both_ways(transports: str) -> None:
    script = """
        const data = Buffer.from([0, 1, 254, 255]);
        const back = await socket.timeout(5000).emitWithAck('reverse', data);
        seen.push(Buffer.isBuffer(back), [...back]);
    """
    async with serve(cafe()) as server:
        seen = await seen_by_npm(server.address, transports, script)
    assert seen[2:] == [True, [255, 254, 1, 0]]


@pytest.mark.needs("node", "socket.io-client")
@TRANSPORTS
async def test_npm_hears_what_is_said_in_its_room_and_nothing_else(transports: str) -> None:
    script = """
        await socket.timeout(5000).emitWithAck('join', 'kitchen');
        const news = once(socket, 'news');
        await socket.timeout(5000).emitWithAck('ready');
        seen.push(...await news);
    """
    sio = cafe()
    async with (
        serve(sio) as server,
        python_client(server.address, "websocket") as other,
    ):

        @sio.on("ready")
        async def ready(sid: str) -> None:
            await other.emit("shout", ("garden", "rain"))
            await other.emit("shout", ("kitchen", "tea is ready"))

        seen = await seen_by_npm(server.address, transports, script)
    assert seen[2:] == ["tea is ready"]


@pytest.mark.needs("node", "socket.io-client")
@TRANSPORTS
async def test_npm_is_told_that_it_was_disconnected_on_purpose(transports: str) -> None:
    script = """
        const gone = once(socket, 'disconnect');
        socket.emit('leave');
        seen.push((await gone)[0]);
    """
    async with serve(cafe()) as server:
        seen = await seen_by_npm(server.address, transports, script)
    assert seen[2:] == ["io server disconnect"]


@pytest.mark.needs("node", "socket.io-client")
async def test_npm_is_told_that_the_server_ends_and_does_not_come_back() -> None:
    script = """
        const gone = once(socket, 'disconnect');
        socket.emit('ready');
        seen.push((await gone)[0], socket.active);
    """
    sio, ready = cafe(), asyncio.Event()
    sio.on("ready", lambda sid: ready.set())
    async with serve(sio) as server:
        running = asyncio.create_task(seen_by_npm(server.address, "websocket", script))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert (await running)[2:] == ["io server disconnect", False]


@pytest.mark.needs("node", "socket.io-client")
@TRANSPORTS
async def test_ours_is_told_why_npm_is_gone(transports: str) -> None:
    reasons: list[str] = []
    sio = cafe()
    sio.on("disconnect", lambda sid, reason: reasons.append(reason))
    async with serve(sio) as server:
        await seen_by_npm(server.address, transports, "")
        await settled(lambda: bool(reasons))
    assert reasons == ["client disconnect"]


@pytest.mark.needs("node", "socket.io-client")
async def test_the_tap_shows_the_packets_of_npm() -> None:
    script = "await socket.timeout(5000).emitWithAck('order', 'tea');"
    sio = cafe()
    sio.eio.generate_id = lambda: "kTBmnZ"
    async with serve(sio) as server, tap(server.address) as tapped:
        await seen_by_npm(tapped.address, "websocket", script)
        await settled(lambda: len(tapped.transcript.sent) >= 3)
        lines = tapped.transcript.text().splitlines()
    assert [line.split(maxsplit=4)[-1] for line in lines[3:7]] == [
        'masked    "40"',
        """unmasked  '40{"sid":"kTBmnZ"}'""",
        """masked    '420["order","tea"]'""",
        """unmasked  '42["news","tea is being made"]'""",
    ]


# Our client at npm's server.


@pytest.mark.needs("node", "socket.io")
@TRANSPORTS
async def test_ours_and_npms_server_emit_to_each_other_and_acknowledge(transports: str) -> None:
    news: list[str] = []
    async with (
        node(SERVER) as theirs,
        python_client(theirs.address, transports, news=news.append) as client,
    ):
        assert client.transport() == "websocket"
        assert await client.call("order", "tea", timeout=SECONDS) == "tea is on its way"
        assert news == ["tea is being made"]


@pytest.mark.needs("node", "socket.io")
@TRANSPORTS
async def test_npms_server_asks_ours_for_an_acknowledgement(transports: str) -> None:
    async with (
        node(SERVER) as theirs,
        python_client(theirs.address, transports, ask=lambda what: f"no {what}") as client,
    ):
        assert await client.call("question", timeout=SECONDS) == "no milk?"


@pytest.mark.needs("node", "socket.io")
@TRANSPORTS
async def test_bytes_of_ours_stay_bytes_both_ways(transports: str) -> None:
    async with node(SERVER) as theirs, python_client(theirs.address, transports) as client:
        assert await client.call("reverse", b"\x00\x01\xff", timeout=SECONDS) == b"\xff\x01\x00"


@pytest.mark.needs("node", "socket.io")
async def test_ours_hears_what_is_said_in_its_room_of_npms_server() -> None:
    news: list[str] = []
    async with (
        node(SERVER) as theirs,
        python_client(theirs.address, "websocket", news=news.append) as client,
        python_client(theirs.address, "websocket") as other,
    ):
        await client.call("join", "kitchen", timeout=SECONDS)
        await other.emit("shout", ("garden", "rain"))
        await other.emit("shout", ("kitchen", "tea is ready"))
        await settled(lambda: bool(news))
    assert news == ["tea is ready"]


@pytest.mark.needs("node", "socket.io")
async def test_ours_is_told_that_npms_server_disconnected_it() -> None:
    reasons: list[str] = []
    async with (
        node(SERVER) as theirs,
        python_client(theirs.address, "websocket", disconnect=reasons.append) as client,
    ):
        await client.emit("leave")
        await settled(lambda: bool(reasons))
    assert reasons == ["server disconnect"]
    assert theirs.printed.splitlines()[1:] == ["server namespace disconnect"]


@pytest.mark.needs("node", "socket.io")
async def test_ours_answers_the_heartbeat_of_npms_server() -> None:
    async with (
        node(SERVER) as theirs,
        tap(theirs.address) as tapped,
        python_client(tapped.address, "websocket"),
    ):
        transcript = tapped.transcript
        await settled(lambda: 'masked    "3"' in transcript.text())
    lines = [line for line in transcript.text().splitlines() if line.endswith(('"2"', '"3"'))]
    assert lines[:2] == [
        'server → client   TEXT  unmasked  "2"',
        'client → server   TEXT  masked    "3"',
    ]


# A WebSocket client is no Socket.IO client, and the other way round.


@contextlib.asynccontextmanager
async def either_server(whose: str) -> AsyncIterator[str]:
    """Serve a café, ours or npm's; yield its address for WebSockets."""
    server: Any = node(SERVER) if whose == "npm" else serve(cafe())
    async with server as served:
        yield served.address.replace("http", "ws", 1)


EITHER = pytest.mark.parametrize(
    "whose", ["ours", pytest.param("npm", marks=pytest.mark.needs("node", "socket.io"))]
)


@EITHER
async def test_a_plain_client_without_the_query_is_refused(whose: str) -> None:
    async with either_server(whose) as address:
        with pytest.raises(InvalidStatus, match="HTTP 400"):
            await connect(f"{address}/socket.io/")


@EITHER
async def test_a_plain_client_that_speaks_its_own_mind_is_thrown_out(whose: str) -> None:
    async with either_server(whose) as address, connect(address + WEBSOCKET) as client:
        assert str(await client.recv()).startswith('0{"sid":')
        await client.send('{"type": "order", "dish": "tea"}')
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(client.recv(), SECONDS)
    # npm's server sends a close frame without a code, ours none.
    assert client.close_code == (1005 if whose == "npm" else 1006)


@EITHER
async def test_a_plain_client_that_writes_the_packets_itself_is_understood(whose: str) -> None:
    async with either_server(whose) as address, connect(address + WEBSOCKET) as client:
        assert str(await client.recv()).startswith('0{"sid":')
        await client.send("40")
        assert str(await client.recv()).startswith('40{"sid":')
        await client.send('427["order","tea"]')
        assert await client.recv() == '42["news","tea is being made"]'
        assert await client.recv() == '437["tea is on its way"]'


@pytest.mark.needs("node", "socket.io-client")
@pytest.mark.parametrize(
    ("transport", "error"), [("websocket", "timeout"), ("polling", "xhr poll error")]
)
async def test_npms_client_does_not_understand_a_plain_websocket_server(
    transport: str, error: str
) -> None:
    source = """
        import { io } from 'socket.io-client';
        const [address, transport] = process.argv.slice(2);
        const socket = io(address, { transports: [transport], reconnection: false, timeout: 500 });
        socket.on('connect', () => console.log('connected'));
        socket.on('connect_error', (error) => { console.log(error.message); socket.close(); });
    """
    async with serve("echo") as server:
        assert await node(source, server.address.replace("ws", "http"), transport) == error

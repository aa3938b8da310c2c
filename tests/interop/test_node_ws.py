"""Node's ``ws``, from npm, against both of our servers and both of our clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeAlias

import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from labkit.errors import HandshakeError
from labkit.protocol.connection import Connection, Side
from labkit.protocol.extensions import Deflate
from labkit.protocol.frames import Frame, Opcode
from labkit.servers import handmade
from labkit.servers.node import NodeProgram, node
from labkit.servers.serving import serve
from labkit.transport import stream
from labkit.transport.stream import WebSocketStream
from labkit.transport.tap import Tap, endpoint, tap
from labkit.wire.transcript import Transcript

pytestmark = pytest.mark.needs("node", "ws")

OurPeer: TypeAlias = ServerConnection | WebSocketStream
OurClient: TypeAlias = ClientConnection | WebSocketStream
Handler: TypeAlias = Callable[[Any], Awaitable[None]]

SECONDS = 60
SUBPROTOCOLS = ("chat.v2", "chat.v1")

#: What is sent in every direction: type, length, and whether it came back as it was.
MESSAGES: list[str | bytes] = [
    "Spam",
    b"\x00\xff",
    "",
    b"",
    "bœuf \N{PILE OF POO}",
    "s" * 70_000,
    bytes(range(256)) * 280,
]

ours = pytest.mark.parametrize("ours", ["websockets", "handmade"])


# Their client and our servers


def client(body: str, options: str = "{ perMessageDeflate: false }", offered: str = "[]") -> str:
    return f"""
    import {{ WebSocket }} from 'ws';
    const socket = new WebSocket(process.argv[2], {offered}, {options});
    socket.on('close', (code, reason) => console.log(`closed ${{code}} ${{reason}}`));
    {body}
    """


async def echo(peer: OurPeer) -> None:
    async for message in peer:
        await peer.send(message)


@asynccontextmanager
async def serving(ours: str, handler: Handler = echo) -> AsyncIterator[str]:
    if ours == "websockets":
        async with serve(handler) as server:
            yield server.address
    else:
        async with handmade.open_server("127.0.0.1", 0, handler=handler) as (host, port):
            yield f"ws://{host}:{port}"


@asynccontextmanager
async def choosing(ours: str) -> AsyncIterator[str]:
    """Serve what each of our servers can choose a subprotocol with."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        codec = Connection(Side.SERVER, subprotocols=SUBPROTOCOLS)
        async with await stream.accept(reader, writer, connection=codec) as peer:
            await echo(peer)

    server: AbstractAsyncContextManager[Any]
    if ours == "websockets":
        names = [Subprotocol(name) for name in SUBPROTOCOLS]
        # A client that offers none of them is served without one, as by the codec.
        server = await websockets.serve(
            echo,
            "127.0.0.1",
            0,
            select_subprotocol=lambda _, offered: next((n for n in names if n in offered), None),
        )
    else:
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server as listening:
        host, port = listening.sockets[0].getsockname()
        yield f"ws://{host}:{port}"


def frames(transcript: Transcript, sender: str, *opcodes: Opcode) -> list[Frame]:
    """Return the frames that ``sender`` sent, of these kinds."""
    found = (entry.frame for entry in transcript.entries if entry.sender == sender)
    return [frame for frame in found if frame is not None and frame.opcode in opcodes]


@pytest.mark.parametrize("name", ["echo", "handmade"])
@pytest.mark.parametrize("deflate", ["true", "false"])
async def test_their_client_gets_every_kind_of_message_back_as_it_was(
    name: str, deflate: str
) -> None:
    """Proves framing of all three lengths, both types and UTF-8, with compression and without."""
    body = """
    const messages = [
      'Spam', Buffer.from([0, 255]), '', Buffer.alloc(0), 'bœuf \\u{1f4a9}',
      's'.repeat(70_000), Buffer.alloc(70_000, 7),
    ];
    let received = 0;
    socket.on('open', () => messages.forEach(message => socket.send(message)));
    socket.on('message', (data, isBinary) => {
      const sent = messages[received++];
      const isSame = isBinary === (typeof sent !== 'string') && data.equals(Buffer.from(sent));
      console.log(isBinary ? 'binary' : 'text', data.length, isSame ? 'same' : data);
      if (received === messages.length) socket.close(1000);
    });
    """
    async with serve(name) as server:
        printed = await node(client(body, f"{{ perMessageDeflate: {deflate} }}"), server.address)
    assert printed.splitlines() == [
        "text 4 same",
        "binary 2 same",
        "text 0 same",
        "binary 0 same",
        "text 10 same",
        "text 70000 same",
        "binary 70000 same",
        "closed 1000 ",
    ]


@ours
async def test_their_fragments_are_put_together(ours: str) -> None:
    """Proves reassembly: three frames leave Node, with a ping between, and one message returns."""
    body = """
    socket.on('open', () => {
      socket.send('Spam, ', { fin: false });
      socket.ping('between');
      socket.send('eggs ', { fin: false });
      socket.send('and spam', { fin: true });
    });
    socket.on('message', data => { console.log(`${data}`); socket.close(1000); });
    """
    async with serving(ours) as address, tap(address) as tapped:
        printed = await node(client(body), tapped.address)
    assert printed == "Spam, eggs and spam\nclosed 1000 "
    sent = frames(tapped.transcript, "client", Opcode.TEXT, Opcode.CONT, Opcode.PING)
    assert [(frame.opcode, frame.fin) for frame in sent] == [
        (Opcode.TEXT, False),
        (Opcode.PING, True),
        (Opcode.CONT, False),
        (Opcode.CONT, True),
    ]


@ours
async def test_their_ping_is_answered_with_its_payload(ours: str) -> None:
    """Proves that our servers answer pings by themselves."""
    body = """
    socket.on('open', () => socket.ping('spam'));
    socket.on('pong', data => { console.log(`pong ${data}`); socket.close(1000); });
    """
    async with serving(ours) as address:
        assert await node(client(body), address) == "pong spam\nclosed 1000 "


@ours
async def test_our_ping_is_answered_by_their_client(ours: str) -> None:
    """Proves that our ping is one to Node, and that our side takes in the pong and goes on."""

    async def ping(peer: OurPeer) -> None:
        await peer.ping(b"spam")
        await echo(peer)

    body = """
    socket.on('ping', data => { console.log(`ping ${data}`); socket.send('after the pong'); });
    socket.on('message', data => { console.log(`${data}`); socket.close(1000); });
    """
    async with serving(ours, ping) as address, tap(address) as tapped:
        printed = await node(client(body), tapped.address)
    assert printed == "ping spam\nafter the pong\nclosed 1000 "
    [pong] = frames(tapped.transcript, "client", Opcode.PONG)
    assert pong.payload == b"spam"


@ours
@pytest.mark.parametrize(
    ("leaving", "expected"),
    [
        ("socket.close(3000, 'bye')", (3000, "bye")),
        ("socket.close(1000)", (1000, "")),
        # Without a code: 1005 is what both sides are told, and never on the wire.
        ("socket.close()", (1005, "")),
        # Without a close frame: the same for 1006.
        ("socket.terminate()", (1006, "")),
    ],
)
async def test_how_their_client_leaves_is_told_to_our_server(
    ours: str, leaving: str, expected: tuple[int, str]
) -> None:
    """Proves the closing handshake that Node begins: we read code and reason, and answer it."""
    told: list[tuple[int | None, str | None]] = []

    async def listen(peer: OurPeer) -> None:
        with suppress(ConnectionClosed):
            await echo(peer)
        told.append((peer.close_code, peer.close_reason))

    async with serving(ours, listen) as address:
        printed = await node(client(f"socket.on('open', () => {leaving});"), address)
    assert told == [expected]
    # Node tells the code that we answered with; a reason is not given back by every server.
    assert printed.startswith(f"closed {expected[0]} ")


@ours
async def test_how_our_server_leaves_is_told_to_their_client(ours: str) -> None:
    """Proves the closing handshake that we begin: Node reads code and reason, and answers it."""
    told: list[int | None] = []

    async def leave(peer: OurPeer) -> None:
        await peer.close(4001, "enough spam")
        told.append(peer.close_code)

    async with serving(ours, leave) as address, tap(address) as tapped:
        assert await node(client(""), tapped.address) == "closed 4001 enough spam"
    assert told == [4001]
    assert len(frames(tapped.transcript, "client", Opcode.CLOSE)) == 1


@pytest.mark.parametrize("name", ["echo", "handmade"])
async def test_a_server_that_goes_away_tells_their_client_1001(name: str) -> None:
    """Proves that draining is a proper closing handshake to Node."""
    body = "socket.on('open', () => socket.send('here'));"
    async with serve(name) as server, tap(server.address) as tapped:
        running = asyncio.ensure_future(node(client(body), tapped.address).run())
        async with asyncio.timeout(SECONDS):
            while not (tapped.transcripts and tapped.transcript.received):
                await asyncio.sleep(0.01)
        await server.close()
        assert (await running).startswith("closed 1001 ")


@ours
@pytest.mark.parametrize(
    ("offered", "printed"),
    [
        ("['chat.v1', 'chat.v2']", "chat.v2"),
        ("['chat.v1', 'chat.v0']", "chat.v1"),
        ("[]", ""),
        # RFC 6455 leaves it to the client; Node's goes. A browser's stays.
        ("['chat.v0']", "Server sent no subprotocol"),
    ],
)
async def test_our_server_chooses_a_subprotocol_that_their_client_offers(
    ours: str, offered: str, printed: str
) -> None:
    """Proves the choice of a subprotocol: ours, the best first, and only what was offered."""
    body = """
    socket.on('open', () => { console.log(socket.protocol); socket.close(1000); });
    socket.on('error', error => console.log(error.message));
    """
    async with choosing(ours) as address:
        text = await node(client(body, offered=offered), address)
    assert text.splitlines()[0] == printed


@ours
@pytest.mark.parametrize(
    "options",
    [
        "true",
        "{ serverNoContextTakeover: true, clientNoContextTakeover: true }",
        "{ serverMaxWindowBits: 10, clientMaxWindowBits: 9 }",
    ],
    ids=["plain", "forgetful", "small windows"],
)
async def test_compression_is_agreed_on_with_their_client_and_used_both_ways(
    ours: str, options: str
) -> None:
    """Proves permessage-deflate: Node's parameters are answered, and both sides inflate."""
    body = """
    const message = 'Spam and eggs. '.repeat(500);
    let received = 0;
    socket.on('open', () => { socket.send(message); socket.send(message); });
    socket.on('message', data => {
      console.log(socket.extensions, `${data}` === message);
      if (++received === 2) socket.close(1000);
    });
    """
    async with serving(ours) as address, tap(address) as tapped:
        printed = await node(client(body, f"{{ perMessageDeflate: {options} }}"), tapped.address)
    assert printed.splitlines()[:2] == ["permessage-deflate true"] * 2
    for sender in ("client", "server"):
        sent = frames(tapped.transcript, sender, Opcode.TEXT)
        assert [(frame.rsv1, len(frame.payload) < 500) for frame in sent] == [(True, True)] * 2


# Our clients and their server

SERVER = """
import { WebSocketServer } from 'ws';
const options = JSON.parse(process.argv[2] ?? '{}');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
server.on('connection', socket => {
  socket.on('ping', data => console.log(`ping ${data}`));
  socket.on('pong', data => { console.log(`pong ${data}`); socket.send('after the pong'); });
  socket.on('close', (code, reason) => console.log(`closed ${code} ${reason};`));
  socket.on('message', (data, isBinary) => {
    switch (`${data}`) {
      case 'ping me': return socket.ping('spam');
      case 'leave': return socket.close(4001, 'enough spam');
      case 'vanish': return socket.terminate();
      case 'in pieces':
        socket.send('Spam, ', { fin: false });
        socket.ping('between');
        socket.send('eggs ', { fin: false });
        return socket.send('and spam', { fin: true });
      default: socket.send(data, { binary: isBinary });
    }
  });
});
server.on('listening', () => console.log(`serving ws://127.0.0.1:${server.address().port}`));
"""
COMPRESSING = '{"perMessageDeflate": true}'


@asynccontextmanager
async def connected(
    ours: str, address: str, *, deflate: bool = False, subprotocols: Sequence[str] = ()
) -> AsyncIterator[OurClient]:
    connection: OurClient
    if ours == "websockets":
        connection = await websockets.connect(
            address,
            compression="deflate" if deflate else None,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            ping_interval=None,
        )
    else:
        codec = Connection(
            Side.CLIENT, deflate=Deflate() if deflate else None, subprotocols=subprotocols
        )
        connection = await stream.connect(*endpoint(address), connection=codec)
    async with asyncio.timeout(SECONDS), connection:
        yield connection


async def printed(theirs: NodeProgram, text: str) -> None:
    """Wait until their server has printed ``text``."""
    async with asyncio.timeout(SECONDS):
        while text not in theirs.printed:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def tapped_node(*arguments: str) -> AsyncIterator[tuple[NodeProgram, Tap]]:
    async with node(SERVER, *arguments) as theirs, tap(theirs.address) as tapped:
        yield theirs, tapped


@ours
@pytest.mark.parametrize("deflate", [True, False])
async def test_our_client_gets_every_kind_of_message_back_as_it_was(
    ours: str, deflate: bool
) -> None:
    """Proves framing of all three lengths, both types and UTF-8, with compression and without."""
    async with (
        node(SERVER, COMPRESSING) as theirs,
        connected(ours, theirs.address, deflate=deflate) as client,
    ):
        for message in MESSAGES:
            await client.send(message)
        assert [await client.recv() for _ in MESSAGES] == MESSAGES


@ours
async def test_fragments_of_their_server_are_put_together(ours: str) -> None:
    """Proves reassembly in our clients, with a ping between the frames."""
    async with tapped_node() as (_, tapped), connected(ours, tapped.address) as client:
        await client.send("in pieces")
        assert await client.recv() == "Spam, eggs and spam"
        sent = frames(tapped.transcript, "server", Opcode.TEXT, Opcode.CONT, Opcode.PING)
        # What it sends when it has the pong may be on its way already.
        assert [(frame.opcode, frame.fin) for frame in sent[:4]] == [
            (Opcode.TEXT, False),
            (Opcode.PING, True),
            (Opcode.CONT, False),
            (Opcode.CONT, True),
        ]


@ours
async def test_their_server_answers_our_ping_with_its_payload(ours: str) -> None:
    """Proves that our clients' ping is one to Node, and that they take in the pong and go on."""
    async with tapped_node() as (theirs, tapped), connected(ours, tapped.address) as client:
        await client.ping(b"spam")
        await client.send("eggs")
        assert await client.recv() == "eggs"
        await printed(theirs, "ping spam\n")
        [pong] = frames(tapped.transcript, "server", Opcode.PONG)
        assert pong.payload == b"spam"


@ours
async def test_our_client_answers_the_ping_of_their_server(ours: str) -> None:
    """Proves that our clients answer pings while they wait for a message."""
    async with node(SERVER) as theirs, connected(ours, theirs.address) as client:
        await client.send("ping me")
        assert await client.recv() == "after the pong"
        await printed(theirs, "pong spam\n")


@ours
async def test_how_our_client_leaves_is_told_to_their_server(ours: str) -> None:
    """Proves the closing handshake that we begin: Node reads code and reason, and answers it."""
    async with node(SERVER) as theirs, connected(ours, theirs.address) as client:
        await client.close(3000, "bye")
        await printed(theirs, "closed 3000 bye;\n")
        assert client.close_code == 3000


@ours
@pytest.mark.parametrize(
    ("told", "expected"), [("leave", (4001, "enough spam")), ("vanish", (1006, ""))]
)
async def test_how_their_server_leaves_is_told_to_our_client(
    ours: str, told: str, expected: tuple[int, str]
) -> None:
    """Proves the closing handshake that Node begins, and what we say where there is none."""
    async with node(SERVER) as theirs, connected(ours, theirs.address) as client:
        await client.send(told)
        with suppress(ConnectionClosed):
            assert await client.recv() is None
        assert (client.close_code, client.close_reason) == expected
        await printed(theirs, f"closed {expected[0]} ")


@ours
async def test_their_server_chooses_a_subprotocol_that_our_client_offers(ours: str) -> None:
    """Proves the offer of subprotocols: Node takes the first, and we accept what it took."""
    async with (
        node(SERVER) as theirs,
        connected(ours, theirs.address, subprotocols=SUBPROTOCOLS) as client,
    ):
        assert client.subprotocol == "chat.v2"


@ours
async def test_compression_is_agreed_on_with_their_server_and_used_both_ways(ours: str) -> None:
    """Proves permessage-deflate: Node answers our offer, and both sides inflate."""
    message = "Spam and eggs. " * 500
    async with (
        tapped_node(COMPRESSING) as (_, tapped),
        connected(ours, tapped.address, deflate=True) as client,
    ):
        for _ in range(2):
            await client.send(message)
            assert await client.recv() == message
        for sender in ("client", "server"):
            sent = frames(tapped.transcript, sender, Opcode.TEXT)
            assert [(frame.rsv1, len(frame.payload) < 500) for frame in sent] == [(True, True)] * 2


@ours
async def test_their_server_refuses_and_our_client_says_with_which_status(ours: str) -> None:
    """Proves that a refused handshake is one to our clients, with its HTTP status."""
    async with node(SERVER, '{"path": "/chat"}') as theirs:
        with pytest.raises((InvalidStatus, HandshakeError)) as refused:
            await connected(ours, theirs.address).__aenter__()
    assert "HTTP 400" in str(refused.value)

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from labkit.checks.listening import Listener, StreamHandler
from labkit.checks.subject import Served
from labkit.checks.world import Peer, World
from labkit.protocol.frames import Opcode

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc\r\n\r\n"


async def idle() -> str | None:
    for _ in range(10):
        await asyncio.sleep(0)
    return ""


@asynccontextmanager
async def peer_of(handler: StreamHandler, world: World) -> AsyncIterator[Peer]:
    listener = Listener()
    served = Served(await listener.start(handler), "", idle)
    async with world.connect(served) as peer:
        yield peer
    await listener.stop()


async def test_a_peer_tells_what_it_receives_in_the_words_of_the_transcript() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED + b"\x81\x04Spam" + b"\x88\x05\x03\xe8bye")

    world = World("seed")
    async with peer_of(greet, world) as peer:
        assert await peer.upgrade() == "HTTP 101, accept abc"
        assert await peer.receive() == 'TEXT unmasked "Spam"'
        assert await peer.receive() == "CLOSE unmasked 1000"
        assert await peer.receive() == "end of stream"
        assert await peer.receive() == "end of stream"
        assert (await world.transcript_text()).startswith("client → server   GET / HTTP/1.1")


async def test_a_peer_tells_that_nothing_comes_without_waiting_long() -> None:
    async def hush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer_of(hush, World("seed")) as peer:
        assert await peer.upgrade() == "nothing: it waits for more"


async def test_a_peer_masks_what_it_sends_and_can_send_it_byte_by_byte() -> None:
    got: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readexactly(8))

    async with peer_of(listen, World("seed")) as peer:
        await peer.send(Opcode.TEXT, b"hi", in_pieces=True)
        assert await peer.receive() == "end of stream"
    assert got[0][:2] == b"\x81\x82"


async def test_where_nobody_serves_the_peer_tells_why() -> None:
    async with World("seed").connect(Served(None, "it is not a coroutine", idle)) as peer:
        await peer.send(Opcode.TEXT, b"hi")
        assert await peer.upgrade() == "it is not a coroutine"


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert World("a").random.randbytes(8) == World("a").random.randbytes(8)
    assert World("a").random.randbytes(8) != World("b").random.randbytes(8)

"""The codec on real sockets: handshake, messages, pings, the ways to close."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from labkit.errors import HandshakeError, LocalProtocolError
from labkit.protocol.connection import Connection, Side
from labkit.protocol.frames import Frame, FrameParser, Opcode, serialize
from labkit.protocol.handshake import Response, accept_key, offer
from labkit.transport.stream import WebSocketStream, accept, connect

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
# More than the buffers of two sockets take.
SIZE = 30_000_000
REQUEST = offer("127.0.0.1", key=KEY).serialize()

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[int]:
    """Run ``peer`` for whoever connects; what it raises is raised here."""
    tasks: list[asyncio.Future[None]] = []

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.ensure_future(peer(reader, writer)))

    server = await asyncio.start_server(start, "127.0.0.1", 0)
    try:
        async with asyncio.timeout(30):
            yield server.sockets[0].getsockname()[1]
            await asyncio.gather(*tasks)
    finally:
        server.close()
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def joined() -> AsyncIterator[tuple[WebSocketStream, WebSocketStream]]:
    """A client and a server with an open connection; both are closed in the end."""
    accepted: asyncio.Future[WebSocketStream] = asyncio.get_running_loop().create_future()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(await accept(reader, writer))

    async with listening(peer) as port:
        client = await connect("127.0.0.1", port, path="/chat")
        server = await accepted
        yield client, server
        await asyncio.gather(client.close(), server.close())


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do a server's side of the handshake by hand."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line[19:] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key: "))
    headers = (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept_key(key)),
    )
    writer.write(Response(101, "Switching Protocols", headers).serialize())


async def open_by_hand(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Do a client's side of the handshake by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


@pytest.mark.parametrize("message", ["Spam €", b"Spam\xff", "", b"", 200_000 * "Spam"])
async def test_a_message_arrives_as_it_was_sent_both_ways(message: str | bytes) -> None:
    async with joined() as (client, server):
        for sender, receiver in ((client, server), (server, client)):
            sending = asyncio.create_task(sender.send(message))
            assert await receiver.recv() == message
            await sending


async def test_messages_are_iterated_until_the_connection_is_closed() -> None:
    async with joined() as (client, server):
        await client.send("Spam")
        await client.send("Eggs")
        closing = asyncio.create_task(client.close(1001, "bye"))
        assert [message async for message in server] == ["Spam", "Eggs"]
        await closing
        assert (server.close_code, server.close_reason) == (1001, "bye")
        assert client.close_code == 1001


async def test_after_the_close_nothing_is_sent_and_nothing_comes() -> None:
    async with joined() as (client, server):
        await asyncio.gather(client.close(), server.recv())
        assert await client.recv() is None
        with pytest.raises(LocalProtocolError, match="the connection is over"):
            await client.send("Spam")


async def test_both_sides_may_close_at_once() -> None:
    async with joined() as (client, server):
        await asyncio.gather(client.close(1000), server.close(1001))
        assert (client.close_code, server.close_code) == (1001, 1000)


async def test_a_close_goes_together_with_a_recv_that_waits() -> None:
    async with joined() as (client, server):
        waiting = asyncio.create_task(server.recv())
        answering = asyncio.create_task(client.recv())
        await asyncio.gather(server.close(1001, "going away"))
        assert await waiting is None
        assert await answering is None
        assert client.close_code == 1001


async def test_a_ping_is_answered_while_the_peer_waits_in_recv() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.write(serialize(Frame(Opcode.PING, b"hi")))
        [pong] = FrameParser().feed(await reader.readexactly(8))
        writer.write(serialize(Frame(Opcode.TEXT, pong.payload)))
        writer.close()

    async with listening(peer) as port:
        stream = await connect("127.0.0.1", port)
        assert await stream.recv() == "hi"
        await stream.close()


async def test_a_ping_can_be_sent() -> None:
    async with joined() as (client, server):
        await client.ping(b"hi")
        await client.send("Spam")
        assert await server.recv() == "Spam"


async def test_a_broken_rule_is_told_to_the_peer_before_the_connection_ends() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = await accept(reader, writer)
        assert await stream.recv() is None
        assert (stream.close_code, stream.close_reason) == (1002, "unmasked frame from a client")

    async with listening(peer) as port:
        reader, writer = await open_by_hand(port)
        writer.write(b"\x81\x04Spam")
        [frame] = FrameParser().feed(await reader.read())
        assert frame.opcode == Opcode.CLOSE
        assert frame.payload == b"\x03\xeaunmasked frame from a client"
        writer.close()


async def test_what_a_peer_still_sends_is_read_so_that_it_is_not_reset() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await (await accept(reader, writer)).recv() is None

    async with listening(peer) as port:
        reader, writer = await open_by_hand(port)
        writer.write(b"\x81\x04Spam")
        assert await reader.read()
        writer.write(bytes(SIZE))
        await writer.drain()
        writer.close()


async def test_what_comes_after_the_own_close_is_dropped() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await reader.readexactly(8)
        writer.write(serialize(Frame(Opcode.TEXT, b"Spam")))
        writer.write(serialize(Frame(Opcode.CLOSE, b"\x03\xe8")))
        writer.close()

    async with listening(peer) as port:
        stream = await connect("127.0.0.1", port)
        waiting = asyncio.create_task(stream.recv())
        await asyncio.sleep(0)  # it waits now
        await stream.close()
        assert await waiting is None
        assert stream.close_code == 1000


@pytest.mark.parametrize("how", ["reset", "end"])
async def test_a_lost_connection_is_1006(how: str) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = await accept(reader, writer)
        assert await stream.recv() is None
        assert stream.close_code == 1006

    async with listening(peer) as port:
        _, writer = await open_by_hand(port)
        if how == "reset":
            # To linger for no time at all is to reset (socket(7)).
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()


async def test_a_peer_that_does_not_answer_the_close_is_cut_off() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = await accept(reader, writer, close_timeout_s=0.05)
        await stream.close(1001)
        assert stream.close_code == 1006

    async with listening(peer) as port:
        reader, writer = await open_by_hand(port)
        [frame] = FrameParser().feed(await reader.read())
        assert frame.opcode == Opcode.CLOSE
        writer.close()


async def test_a_client_that_says_nothing_is_cut_off() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises(HandshakeError, match=r"no opening handshake within 0\.05 s"):
            await accept(reader, writer, open_timeout_s=0.05)

    async with listening(peer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()


async def test_a_request_that_is_refused_is_answered_and_told() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises(HandshakeError, match="HTTP 405"):
            await accept(reader, writer)

    async with listening(peer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST.replace(b"GET", b"PUT"))
        assert (await reader.read()).startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
        writer.close()


async def test_a_server_that_declines_is_told_with_its_status() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        writer.close()

    async with listening(peer) as port:
        with pytest.raises(HandshakeError, match="'Forbidden'") as refused:
            await connect("127.0.0.1", port)
        assert refused.value.status == 403


async def test_a_server_that_speaks_something_else_is_told() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        writer.close()

    async with listening(peer) as port:
        with pytest.raises(HandshakeError, match="not a status line"):
            await connect("127.0.0.1", port)


async def test_a_context_closes_with_1011_if_it_is_left_by_an_error() -> None:
    async with joined() as (client, server):
        answering = asyncio.create_task(server.recv())
        with pytest.raises(ZeroDivisionError):
            async with client:
                raise ZeroDivisionError
        await answering
        assert server.close_code == 1011


async def test_a_sender_waits_for_a_peer_that_does_not_read() -> None:
    read = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await read.wait()
        await reader.readexactly(SIZE)
        writer.close()

    async with listening(peer) as port:
        stream = await connect("127.0.0.1", port, connection=Connection(Side.CLIENT))
        sending = asyncio.create_task(stream.send(bytes(SIZE)))
        done, _ = await asyncio.wait([sending], timeout=0.1)
        assert not done
        read.set()
        await sending
        await stream.close()

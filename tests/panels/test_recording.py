"""A client that is watched, against real servers on loopback: all is noted, nothing is changed."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from labkit.panels.recording import recording
from labkit.wire.transcript import Transcript


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def port_of(server: asyncio.Server | object) -> int:
    return int(server.sockets[0].getsockname()[1])  # type: ignore[union-attr,attr-defined]


def lines(transcript: Transcript) -> list[str]:
    return transcript.text().splitlines()


async def test_handshake_frames_and_both_ends_are_noted() -> None:
    transcript = Transcript()
    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        address = f"ws://127.0.0.1:{port_of(server)}/chat"
        kind = recording(transcript)
        async with connect(address, compression=None, create_connection=kind) as client:
            await client.send("Spam")
            assert await client.recv() == "Spam"
    assert lines(transcript) == [
        "client → server   GET /chat HTTP/1.1  Upgrade: websocket",
        "server → client   HTTP/1.1 101 Switching Protocols",
        'client → server   TEXT  masked    "Spam"',
        'server → client   TEXT  unmasked  "Spam"',
        "client → server   CLOSE masked    1000",
        "server → client   CLOSE unmasked  1000",
        "server → client   end of stream",
        "client → server   end of stream",
    ]


async def test_the_server_sees_the_address_that_the_client_was_given() -> None:
    transcript = Transcript()
    async with serve(echo, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{port_of(server)}"
        async with connect(f"ws://{host}", create_connection=recording(transcript)):
            pass
    assert f"\r\nHost: {host}\r\n".encode() in transcript.entries[0].data


async def test_a_refusal_is_noted() -> None:
    transcript = Transcript()
    async with serve(echo, "127.0.0.1", 0, origins=["https://shop.example"]) as server:
        address = f"ws://127.0.0.1:{port_of(server)}"
        with pytest.raises(InvalidStatus):
            await connect(address, create_connection=recording(transcript))
    assert transcript.entries[1].data.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert [entry.kind for entry in transcript.entries].count("eof") == 2


async def test_a_reset_is_noted_as_one() -> None:
    async def reset(connection: ServerConnection) -> None:
        tcp_socket = connection.transport.get_extra_info("socket")
        tcp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.transport.abort()

    transcript = Transcript()
    async with serve(reset, "127.0.0.1", 0) as server:
        address = f"ws://127.0.0.1:{port_of(server)}"
        client = await connect(address, create_connection=recording(transcript))
        with pytest.raises(ConnectionClosedError):
            await client.recv()
    assert lines(transcript)[2:] == [
        "server → client   connection reset",
        "client → server   end of stream",
    ]


async def test_backpressure_still_reaches_the_client() -> None:
    ended = asyncio.Event()

    async def read_nothing(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await ended.wait()
        connection.transport.resume_reading()

    async with serve(read_nothing, "127.0.0.1", 0, compression=None) as server:
        address = f"ws://127.0.0.1:{port_of(server)}"
        kind = recording(Transcript())
        client = await connect(address, compression=None, create_connection=kind)
        sending = asyncio.create_task(client.send(b"x" * 16_000_000))
        while not client.transport.get_write_buffer_size():
            await asyncio.sleep(0)
        assert not sending.done()
        client.transport.abort()
        await asyncio.wait([sending])
        ended.set()

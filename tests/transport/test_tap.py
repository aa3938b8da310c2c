"""The tap in front of real servers on loopback: every byte passes, every ending too."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from labkit.errors import UsageError
from labkit.transport.tap import Tap, endpoint, tap
from labkit.wire.transcript import Entry, Transcript

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SECONDS = 5


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """Serve TCP with ``handler``."""
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def tapped_echo() -> AsyncIterator[Tap]:
    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with tap(f"ws://127.0.0.1:{port}") as tapped:
            yield tapped


async def entry_of(transcript: Transcript, kind: str) -> Entry:
    """Wait until there is an entry of this kind."""
    found: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

    def look(entry: Entry) -> None:
        if entry.kind == kind and not found.done():
            found.set_result(entry)

    for entry in transcript.entries:
        look(entry)
    unsubscribe = transcript.subscribe(look)
    async with asyncio.timeout(SECONDS):
        await found
    unsubscribe()
    return found.result()


def reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def test_a_conversation_passes_and_is_recorded() -> None:
    async with tapped_echo() as tapped:
        async with connect(f"{tapped.address}/chat", compression=None) as client:
            await client.send("Spam")
            assert await client.recv() == "Spam"
        await entry_of(tapped.transcript, "eof")
        assert tapped.transcript.text().splitlines()[:6] == [
            "client → server   GET /chat HTTP/1.1  Upgrade: websocket",
            "server → client   HTTP/1.1 101 Switching Protocols",
            'client → server   TEXT  masked    "Spam"',
            'server → client   TEXT  unmasked  "Spam"',
            "client → server   CLOSE masked    1000",
            "server → client   CLOSE unmasked  1000",
        ]


async def test_what_a_client_has_received_is_in_the_transcript_already() -> None:
    async with tapped_echo() as tapped, connect(tapped.address, compression=None) as client:
        for number in range(100):
            await client.send(str(number))
            await client.recv()
            assert len(tapped.transcript.received) == number + 1


async def test_every_byte_of_a_large_message_passes() -> None:
    message = bytes(range(256)) * 4_000
    async with tapped_echo() as tapped, connect(tapped.address, compression=None) as client:
        await client.send(message)
        assert await client.recv() == message


async def test_each_connection_has_a_transcript_the_newest_last() -> None:
    async with (
        tapped_echo() as tapped,
        connect(f"{tapped.address}/1"),
        connect(f"{tapped.address}/2"),
    ):
        first, second = tapped.transcripts
        assert "GET /1" in first.text()
        assert "GET /2" in second.text()
        assert tapped.transcript is second


async def test_a_half_close_is_passed_on() -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"got " + await reader.read())
        writer.close()

    async with listening(answer_at_the_end) as address, tap(address) as tapped:
        reader, writer = await asyncio.open_connection(*endpoint(tapped.address))
        writer.write(b"Spam")
        writer.write_eof()
        async with asyncio.timeout(SECONDS):
            assert await reader.read() == b"got Spam"
        writer.close()


async def test_a_reset_by_the_server_reaches_the_client() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        reset(writer)

    async with listening(break_off) as address, tap(address) as tapped:
        reader, writer = await asyncio.open_connection(*endpoint(tapped.address))
        writer.write(b"Spam\n")
        async with asyncio.timeout(SECONDS):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        assert (await entry_of(tapped.transcript, "reset")).sender == "server"


async def test_a_reset_by_the_client_reaches_the_server() -> None:
    seen: asyncio.Future[type] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"ready\n")
        try:
            await reader.read()
            seen.set_result(type(None))
        except ConnectionError as error:
            seen.set_result(type(error))
        writer.close()

    async with listening(listen) as address, tap(address) as tapped:
        reader, writer = await asyncio.open_connection(*endpoint(tapped.address))
        await reader.readline()
        reset(writer)
        async with asyncio.timeout(SECONDS):
            assert await seen is ConnectionResetError
        assert (await entry_of(tapped.transcript, "reset")).sender == "client"


async def test_a_server_that_is_not_there_breaks_the_connection_off() -> None:
    async with listening(lambda reader, writer: asyncio.sleep(0)) as address:
        pass
    async with tap(address) as tapped:
        reader, writer = await asyncio.open_connection(*endpoint(tapped.address))
        async with asyncio.timeout(SECONDS):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()
        assert tapped.transcript.text() == "server → client   connection reset"


async def test_leaving_the_tap_ends_what_passes_through_it() -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with tap(f"ws://127.0.0.1:{port}") as tapped:
            client = await connect(tapped.address)
        async with asyncio.timeout(SECONDS):
            await client.wait_closed()
        assert client.close_code == 1006


async def test_leaving_the_tap_ends_a_connection_that_has_not_reached_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_connection, begun = asyncio.open_connection, asyncio.Event()

    async def hang(host: str, port: int) -> None:
        begun.set()
        await asyncio.Future()

    monkeypatch.setattr(asyncio, "open_connection", hang)
    async with tap("ws://127.0.0.1:1") as tapped:
        reader, writer = await open_connection(*endpoint(tapped.address))
        await begun.wait()
    assert await asyncio.wait_for(reader.read(), SECONDS) == b""
    writer.close()


async def test_path_and_query_stay_in_the_address() -> None:
    async with tap("ws://127.0.0.1:1/chat?room=1") as tapped:
        assert tapped.address.endswith("/chat?room=1")


async def test_a_transcript_before_any_connection_is_refused_in_words() -> None:
    async with tap("ws://127.0.0.1:1") as tapped:
        with pytest.raises(UsageError, match=r"nobody has connected.*tap\.address"):
            _ = tapped.transcript


@pytest.mark.parametrize("address", ["", "127.0.0.1:80", "wss://example.com", "ws://a:b", "ws://"])
async def test_an_address_that_cannot_be_tapped_is_refused_in_words(address: str) -> None:
    with pytest.raises(UsageError, match="give one like ws://127"):
        async with tap(address):
            pass

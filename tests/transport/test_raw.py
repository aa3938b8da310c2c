"""A connection typed byte by byte, against real servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from labkit.errors import HandshakeError, LabkitError
from labkit.transport import raw as raw_module
from labkit.transport.raw import RawConnection, open_raw

SPAM = bytes.fromhex("81 84 37 fa 21 3d 64 8a 40 50")
SECONDS = 5


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def address_of(server: Server | asyncio.Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@pytest.fixture
async def raw() -> AsyncIterator[RawConnection]:
    """Connect to an echo server, without a handshake."""
    async with serve(echo, "127.0.0.1", 0) as server, await open_raw(address_of(server)) as raw:
        yield raw


@contextlib.asynccontextmanager
async def answered_with(data: bytes) -> AsyncIterator[RawConnection]:
    """Connect to a server that answers anything with ``data`` and closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(data)
        writer.close()

    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as server,
        await open_raw(address_of(server)) as raw,
    ):
        yield raw


async def test_typed_bytes_are_sent_as_they_are(raw: RawConnection) -> None:
    await raw.upgrade("/chat")
    await raw.send(SPAM)
    assert await raw.recv() == b"\x81\x04Spam"
    assert raw.transcript.sent == [SPAM]


async def test_the_handshake_can_be_typed(raw: RawConnection) -> None:
    await raw.send(
        b"GET /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in await raw.recv()


async def test_the_upgrade_returns_the_answer(raw: RawConnection) -> None:
    response = await raw.upgrade(key="dGhlIHNhbXBsZSBub25jZQ==")
    assert response.status == 101
    assert response.header("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_frames_right_behind_the_101_stay_for_recv() -> None:
    async def greet(connection: ServerConnection) -> None:
        await connection.send("Spam")

    async with serve(greet, "127.0.0.1", 0) as server, await open_raw(address_of(server)) as raw:
        await raw.upgrade()
        assert (await raw.recv(6)) == b"\x81\x04Spam"


async def test_an_upgrade_that_is_refused_names_the_status() -> None:
    async with answered_with(b"HTTP/1.1 403 Forbidden\r\n\r\n") as raw:
        with pytest.raises(HandshakeError, match="403 Forbidden"):
            await raw.upgrade()


async def test_a_wrong_accept_key_is_refused() -> None:
    head = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: spam\r\n\r\n"
    )
    async with answered_with(head) as raw:
        with pytest.raises(HandshakeError, match="Sec-WebSocket-Accept is 'spam'"):
            await raw.upgrade()


async def test_a_server_that_hangs_up_during_the_upgrade_is_named() -> None:
    async with answered_with(b"") as raw:
        with pytest.raises(LabkitError, match="closed the connection before it answered"):
            await raw.upgrade()


async def test_recv_returns_nothing_at_the_end_of_the_stream() -> None:
    async with answered_with(b"Spam") as raw:
        await raw.send(b"?")
        assert await raw.recv() == b"Spam"
        assert await raw.recv() == b""


async def test_recv_that_waits_in_vain_says_so(raw: RawConnection) -> None:
    with pytest.raises(LabkitError, match=r"nothing arrived within 0\.01 s"):
        await raw.recv(timeout_s=0.01)


async def test_after_settling_the_answer_is_in_the_transcript(raw: RawConnection) -> None:
    await raw.upgrade()
    await raw.send(bytes.fromhex("81 04 53 70 61 6d"))
    await raw.settle()
    assert raw.transcript.text(last=3).splitlines() == [
        'client → server   TEXT  unmasked  "Spam"',
        'server → client   CLOSE unmasked  1002 "incorrect masking"',
        "server → client   end of stream",
    ]


async def test_settling_gives_up_on_a_server_that_says_nothing(raw: RawConnection) -> None:
    await raw.upgrade()
    await raw.send(SPAM[:5])
    async with asyncio.timeout(SECONDS):
        await raw.settle(patience_s=0.01)
    assert raw.transcript.received == []


async def test_settling_at_the_end_of_the_stream_returns_at_once() -> None:
    async with answered_with(b"Spam") as raw:
        await raw.send(b"?")
        while await raw.recv():
            pass
        async with asyncio.timeout(SECONDS):
            await raw.settle(quiet_s=3_600, patience_s=3_600)


async def test_reading_pauses_while_nobody_takes_what_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(raw_module, "MAX_WAITING_BYTES", 100_000)
    data = bytes(3_000_000)
    async with answered_with(data) as raw:
        await raw.send(b"?")
        await raw.settle()
        assert not any(entry.kind == "eof" for entry in raw.transcript.entries)
        received = 0
        while part := await raw.recv():
            received += len(part)
        assert received == len(data)


async def test_a_connection_that_is_closed_says_so_when_it_is_used(raw: RawConnection) -> None:
    await raw.close()
    with pytest.raises(LabkitError, match=r"closed; open another with open_raw\(address\)"):
        await raw.send(SPAM)


async def test_closing_twice_is_closing_once(raw: RawConnection) -> None:
    await raw.close()
    await raw.close()
    assert raw.transcript.text() == "client → server   end of stream"


async def test_closing_ends_the_wait_of_who_receives(raw: RawConnection) -> None:
    waiting = asyncio.create_task(raw.recv(timeout_s=3_600))
    await asyncio.sleep(0)
    await raw.close()
    async with asyncio.timeout(SECONDS):
        assert await waiting == b""


async def test_a_server_that_is_not_there_is_named() -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        address = address_of(server)
    with pytest.raises(LabkitError, match=f"nothing answers at {address}; start the server"):
        await open_raw(address)


async def test_a_repr_is_the_same_on_every_run(raw: RawConnection) -> None:
    assert repr(raw) == "RawConnection(open)"
    await raw.close()
    assert repr(raw) == "RawConnection(closed)"


async def test_one_direction_can_be_ended_while_the_other_goes_on() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as server,
        await open_raw(address_of(server)) as raw,
    ):
        await raw.send(b"Spam")
        raw.end()
        raw.end()
        assert await raw.recv() == b"Spam"
        with pytest.raises(LabkitError, match="closed"):
            await raw.send(b"eggs")
        assert raw.transcript.text().count("client → server   end of stream") == 1


async def test_the_servers_end_is_typed_too() -> None:
    ends: list[RawConnection] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = RawConnection(reader, writer, address="", role="server")
        ends.append(raw)
        await raw.recv()
        await raw.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    async with (
        await asyncio.start_server(accept, "127.0.0.1", 0) as server,
        await open_raw(address_of(server)) as raw,
    ):
        await raw.send(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
        await raw.recv()
        assert ends[0].transcript.text() == raw.transcript.text()
        await ends[0].close()

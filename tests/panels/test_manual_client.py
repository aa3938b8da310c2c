"""A client operated by hand, against real servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from labkit.errors import UsageError
from labkit.panels import manual_client
from labkit.panels.manual_client import ManualClient
from labkit.protocol.handshake import accept_key

SECONDS = 10
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def operating(handler: Any = echo, **options: Any) -> AsyncIterator[ManualClient]:
    """Serve ``handler``; yield a client for it, which has left at the end."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        client = ManualClient(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            yield client
        finally:
            await client.leave()


@contextlib.asynccontextmanager
async def talking_to(handler: Handler) -> AsyncIterator[ManualClient]:
    """Serve TCP with ``handler``; yield a client for it, which has left at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    # So small that a message soon waits for whoever does not read.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with await asyncio.start_server(handler, sock=listener) as server:
        client = ManualClient(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            yield client
        finally:
            await client.leave()


@contextlib.asynccontextmanager
async def talking_to_a_frozen_server() -> AsyncIterator[ManualClient]:
    """Yield a client whose server accepts the handshake, and then reads and says nothing."""
    ended = asyncio.Event()

    async def freeze(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = head.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
        )
        await ended.wait()
        writer.close()

    with pytest.MonkeyPatch.context() as patch:
        # Whoever leaves such a server waits in vain.
        patch.setattr(manual_client, "CLOSE_TIMEOUT_S", 0.1)
        async with talking_to(freeze) as client:
            try:
                yield client
            finally:
                ended.set()


async def until(condition: Callable[[], bool], client: ManualClient) -> None:
    """Wait until what the client says makes ``condition`` true."""
    said = asyncio.Event()
    client._changed = said.set
    async with asyncio.timeout(SECONDS):
        while not condition():
            said.clear()
            await said.wait()


async def until_closed(client: ManualClient) -> None:
    await until(lambda: "close" in client.state, client)


async def test_before_anything_is_pressed_it_is_not_connected() -> None:
    client = ManualClient("ws://127.0.0.1:1")
    assert client.text() == "not connected"
    assert not client.is_active


async def test_it_connects() -> None:
    async with operating() as client:
        await client.connect()
        assert client.state == "open"
        assert client.is_active


async def test_it_tells_that_it_is_connecting() -> None:
    states: list[str] = []
    async with operating() as client:
        client._changed = lambda: states.append(client.state)
        await client.connect()
        assert states == ["connecting", "open"]


async def test_the_subprotocol_that_the_server_chose_is_named() -> None:
    async with operating(subprotocols=["chat.v2", "chat.v1"]) as client:
        await client.connect("chat.v1, chat.v2")
        assert client.state == "open, speaks chat.v2"


async def test_a_server_that_chooses_no_subprotocol_is_told_of() -> None:
    async with operating() as client:
        await client.connect("chat.v1")
        assert client.state == "open, the server chose no subprotocol"


async def test_a_page_from_elsewhere_is_refused_with_403() -> None:
    async with operating(origins=["https://shop.example"]) as client:
        await client.connect(origin="https://evil.example")
        assert client.state == (
            'refused: HTTP 403 Forbidden: "Failed to open a WebSocket connection: '
            'invalid Origin header: https://evil.example."'
        )
        assert b"HTTP/1.1 403 Forbidden" in client.transcript.bytes_from("server")
        assert not client.is_active


async def test_the_origin_of_the_right_page_is_accepted() -> None:
    async with operating(origins=["https://shop.example"]) as client:
        await client.connect(origin="https://shop.example")
        assert client.state == "open"


async def test_without_an_origin_none_is_sent() -> None:
    async with operating() as client:
        await client.connect()
        assert b"\r\norigin:" not in client.transcript.entries[0].data.lower()


async def test_it_compresses_only_if_it_is_told_to() -> None:
    async with operating() as client:
        await client.connect()
        await client.send("Spam")
        assert client.state == "open"
        assert client.transcript.entries[2].label == 'TEXT  masked    "Spam"'
        await client.connect(compress=True)
        await client.send("Spam")
        assert client.state == "open, compressed"
        assert "compressed" in client.transcript.entries[2].label


async def test_a_server_that_declines_compression_is_told_of() -> None:
    async with operating(compression=None) as client:
        await client.connect(compress=True)
        assert client.state == "open, the server declined compression"


async def test_a_message_goes_out_and_its_echo_comes_in() -> None:
    async with operating() as client:
        await client.connect()
        assert client.inbox() == "no message received yet"
        await client.send("Spam")
        assert client.notice == 'sent "Spam"'
        await until(lambda: client.received > 0, client)
        assert client.inbox() == '1 message received, the newest "Spam"'


async def test_a_message_beyond_max_size_closes_with_1009() -> None:
    async with operating(max_size=1000) as client:
        await client.connect()
        await client.send("Spam", "2000")
        assert client.notice.endswith('…" 2,000 characters')
        await until_closed(client)
        assert client.state == (
            'closed by the server: 1009 "frame with 2000 bytes exceeds limit of 1000 bytes"'
        )


async def test_the_longest_message_gets_its_1009_too() -> None:
    async with operating() as client:
        await client.connect()
        await client.send("Spam", "2,500,000")
        await until_closed(client)
        assert client.state.startswith("closed by the server: 1009 ")


async def test_a_ping_tells_how_long_its_pong_took() -> None:
    async with operating() as client:
        await client.connect()
        await client.ping()
        assert client.notice.startswith("pong after ")
        assert client.notice.endswith(" ms")
        ping, pong = client.transcript.sent[-1], client.transcript.received[-1]
        assert (ping[0], pong[0]) == (0x89, 0x8A)


async def test_it_sends_no_ping_that_was_not_asked_for() -> None:
    async with operating() as client:
        await client.connect()
        assert client._connection is not None
        assert client._connection.ping_interval is None


async def test_code_and_reason_of_a_close_reach_the_server() -> None:
    seen: list[tuple[int | None, str | None]] = []

    async def watch(connection: ServerConnection) -> None:
        await connection.wait_closed()
        seen.append((connection.close_code, connection.close_reason))

    async with operating(watch) as client:
        await client.connect()
        await client.close("4001", "bye")
        assert client.state == 'closed by the client: 4001 "bye"'
        assert not client.is_active
    assert seen == [(4001, "bye")]


async def test_a_close_by_the_server_tells_code_and_reason() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(1001, "lunch")

    async with operating(leave) as client:
        await client.connect()
        await until_closed(client)
        assert client.state == 'closed by the server: 1001 "lunch"'


async def test_a_reason_cannot_forge_a_line() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(3000, "bye\nopen\u202e")

    async with operating(leave) as client:
        await client.connect()
        await until_closed(client)
        assert client.state == r'closed by the server: 3000 "bye\nopen\u202e"'


async def test_a_close_without_a_code_is_told_of() -> None:
    async def leave(connection: ServerConnection) -> None:
        connection.transport.write(b"\x88\x00")
        await connection.wait_closed()

    async with operating(leave) as client:
        await client.connect()
        await until_closed(client)
        assert client.state == "closed by the server: without a code"


async def test_a_connection_that_breaks_is_told_of() -> None:
    async def break_off(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with operating(break_off) as client:
        await client.connect()
        await until_closed(client)
        assert client.state == "the connection broke without a close frame (1006)"


async def test_what_breaks_a_rule_is_closed_by_the_client() -> None:
    async def mask(connection: ServerConnection) -> None:
        connection.transport.write(bytes.fromhex("81 84 37 fa 21 3d 64 8a 40 50"))
        await connection.wait_closed()

    async with operating(mask) as client:
        await client.connect()
        await until_closed(client)
        assert client.state.startswith('closed by the client: 1002 "')


async def test_a_server_that_is_gone_is_told_of() -> None:
    async with operating() as client:
        pass
    await client.connect()
    assert client.state == f"cannot connect: nothing listens at {client.address}"


@pytest.mark.parametrize("address", ["ws://spam.invalid:8765", "ws://spam..invalid:8765"])
async def test_a_name_that_nobody_knows_is_told_of(address: str) -> None:
    client = ManualClient(address)
    await client.connect()
    assert client.state == f"cannot connect: nobody knows the name in {address}"


async def test_a_server_that_speaks_no_http_is_told_of() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        writer.close()

    async with talking_to(greet) as client:
        await client.connect()
        assert client.state.endswith(" does not answer in HTTP")
        assert "not HTTP, not a frame: 32 32 30" in client.transcript.text()


async def test_a_server_that_hangs_up_is_told_of() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with talking_to(hang_up) as client:
        await client.connect()
        assert client.state.endswith(" closed the connection without an answer")


async def test_a_server_that_does_not_answer_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr(manual_client, "OPEN_TIMEOUT_S", 0.2)
    async with talking_to(listen) as client:
        await client.connect()
        assert client.state == f"cannot connect: no answer from {client.address} within 0.2 s"


async def test_a_web_page_is_no_websocket_server() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<h1>Hi\n</h1>")
        writer.close()

    async with talking_to(answer) as client:
        await client.connect()
        assert client.state == 'refused: HTTP 200 OK: "<h1>Hi"'


@pytest.mark.parametrize("address", ["Spam", "http://127.0.0.1:1", "ws://", "ws://x:99999", 8765])
def test_an_address_that_is_none_is_refused_at_once(address: Any) -> None:
    with pytest.raises(UsageError, match=r"give one like ws://127\.0\.0\.1:8765"):
        ManualClient(address)


async def test_while_it_is_closed_nothing_is_sent() -> None:
    client = ManualClient("ws://127.0.0.1:1")
    await client.send("Spam")
    assert client.notice == "not sent: the client is not connected; press Connect"
    await client.ping()
    assert client.notice == "no ping sent: the client is not connected; press Connect"
    await client.close()
    assert client.notice == "nothing to close: the client is not connected; press Connect"


async def test_while_it_is_closing_nothing_is_sent() -> None:
    async with talking_to_a_frozen_server() as client:
        await client.connect()
        closing = asyncio.create_task(client.close())
        await until(lambda: client.state == "closing", client)
        await client.send("Spam")
        assert client.notice == "not sent: the client is closing"
        await client.close()
        assert client.notice == "nothing to close: the client is closing"
        await closing


async def test_after_the_end_nothing_is_sent() -> None:
    async with operating() as client:
        await client.connect()
        await client.close()
        await client.send("Spam")
        assert client.notice.startswith("not sent: the client is not connected")
        assert client.state == "closed by the client: 1000"


async def test_what_cannot_be_asked_for_leaves_the_connection_as_it_is() -> None:
    async with operating() as client:
        await client.connect()
        before = client.transcript
        await client.connect("chat v2")
        assert client.notice.startswith('no new connection: "chat v2" is not a subprotocol')
        await client.send("Spam", "many")
        assert client.notice.startswith('not sent: "many" is not a length')
        await client.close("1006")
        assert client.notice.startswith("not closed: close code 1006 must not be sent")
        assert client.state == "open"
        assert client.transcript is before


async def test_connecting_again_takes_the_place_of_the_connection() -> None:
    served: list[ServerConnection] = []

    async def count(connection: ServerConnection) -> None:
        served.append(connection)
        await connection.wait_closed()

    states: list[str] = []
    async with operating(count) as client:
        client._changed = lambda: states.append(client.state)
        await client.connect()
        before = client.transcript
        await client.connect()
        first, second = ["connecting", "open"], ["connecting", "open"]
        assert states == [*first, "closing", "closed by the client: 1000", *second]
        assert client.transcript is not before
        assert before.sent[-1][0] == 0x88
        assert [connection.close_code for connection in served] == [1000, None]


async def test_connecting_many_times_at_once_leaves_one_connection() -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        client = ManualClient(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(client.connect() for _ in range(5)))
            assert client.state == "open"
            await client.ping()
            assert len(server.connections) == 1
            await client.leave()


async def test_after_it_was_closed_it_connects_again() -> None:
    async with operating() as client:
        await client.connect()
        await client.send("Spam")
        await until(lambda: client.received > 0, client)
        await client.close()
        await client.connect()
        assert client.state == "open"
        assert (client.notice, client.inbox()) == ("", "no message received yet")


async def test_a_connecting_client_can_be_told_to_stop() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with talking_to(listen) as client:
        connecting = asyncio.create_task(client.connect())
        await until(lambda: client.state == "connecting", client)
        await client.close()
        await connecting
        assert (client.state, client.notice) == ("not connected", "gave up connecting")


async def test_a_server_that_does_not_pong_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual_client, "PONG_TIMEOUT_S", 0.1)
    async with talking_to_a_frozen_server() as client:
        await client.connect()
        await client.ping()
        assert client.notice == "no pong within 0.1 s: the server does not answer"


async def test_one_ping_waits_at_a_time() -> None:
    async with talking_to_a_frozen_server() as client:
        await client.connect()
        pinging = asyncio.create_task(client.ping())
        while not client._pings:
            await asyncio.sleep(0)
        await client.ping()
        assert client.notice == "no ping sent: the one before it still waits for its pong"
        await client.leave()
        await pinging
        assert client.notice == "no pong: the connection was closed meanwhile"


async def test_what_waits_to_be_sent_is_bounded() -> None:
    async with talking_to_a_frozen_server() as client:
        await client.connect()
        sends = [asyncio.create_task(client.send("Spam", "2_500_000")) for _ in range(5)]
        await until(lambda: client.notice.startswith("not sent: the server has not read"), client)
        await client.leave()
        await asyncio.gather(*sends)
        assert client.notice == "not sent as a whole: the connection was closed meanwhile"


async def test_a_server_that_reads_nothing_cannot_keep_the_client() -> None:
    async with talking_to_a_frozen_server() as client:
        await client.connect()
        sends = [asyncio.create_task(client.send("Spam", "2_500_000")) for _ in range(5)]
        await until(lambda: client.notice.startswith("not sent: the server has not read"), client)
        async with asyncio.timeout(SECONDS):
            await client.close()
        await asyncio.gather(*sends)
        assert client.state == "closed by the client: 1000; the server did not answer"


async def test_leaving_twice_still_closes_properly() -> None:
    async with talking_to_a_frozen_server() as client:
        await client.connect()
        leaving = asyncio.create_task(client.leave())
        await until(lambda: client.state == "closing", client)
        await client.leave()
        await leaving
        assert client.state == "closed by the client: 1000; the server did not answer"


async def test_leaving_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with operating() as client:
        await client.connect()
        await client.leave()
        assert client.state == "closed by the client: 1000"
    assert asyncio.all_tasks() == before


async def test_the_text_tells_state_notice_and_wire() -> None:
    async with operating() as client:
        await client.connect()
        await client.send("Spam")
        text = client.text().splitlines()
    assert text[:3] == [
        "open",
        'sent "Spam"',
        "client → server   GET / HTTP/1.1  Upgrade: websocket",
    ]

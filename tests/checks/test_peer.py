import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from websockets import InvalidStatus, connect
from websockets.typing import Subprotocol

from labkit.checks.listening import Listener, StreamHandler
from labkit.checks.messages import Outcome, Reply, Request, Settled, Started, Waiting
from labkit.checks.patience import Rest
from labkit.checks.peer import Client, Guest
from labkit.checks.subject import Served, Subject
from labkit.checks.world import World
from labkit.protocol.frames import Opcode

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc\r\n\r\n"
GOING_AWAY = struct.pack("!H", 1001)


async def idle() -> Rest:
    for _ in range(10):
        await asyncio.sleep(0)
    return Rest("nothing: it waits for more")


@asynccontextmanager
async def client_of(handler: StreamHandler) -> AsyncIterator[Client]:
    listener = Listener(lambda error: None)
    served = Served(await listener.start(handler), "", idle)
    async with World("seed").connect(served) as client:
        yield client
    await listener.stop()


async def test_a_peer_tells_what_it_receives_in_the_words_of_the_transcript() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED + b"\x81\x04Spam" + b"\x88\x05\x03\xe8bye")

    async with client_of(greet) as client:
        assert await client.upgrade() == "HTTP 101, accept abc"
        assert await client.receive() == 'TEXT unmasked "Spam"'
        assert await client.receive() == "CLOSE unmasked 1000"
        assert await client.receive() == "end of stream"
        assert await client.receive() == "end of stream"
        assert (await client.transcript_text()).startswith("client → server   GET / HTTP/1.1")


async def test_a_peer_tells_that_nothing_comes_without_waiting_long() -> None:
    async def hush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with client_of(hush) as client:
        assert await client.upgrade() == "nothing: it waits for more"


async def test_a_client_masks_what_it_sends_and_can_send_it_byte_by_byte() -> None:
    got: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readexactly(8))

    async with client_of(listen) as client:
        await client.send(Opcode.TEXT, b"hi", in_pieces=True)
        assert await client.receive() == "end of stream"
    assert got[0][:2] == b"\x81\x82"


async def test_a_client_can_send_header_fields_and_look_at_those_of_the_answer() -> None:
    got: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ACCEPTED)

    async with client_of(listen) as client:
        await client.upgrade(headers=(("Origin", "https://shop.example"),))
        assert client.response is not None
        assert client.response.header("Sec-WebSocket-Accept") == "abc"
    assert b"\r\nOrigin: https://shop.example\r\n" in got[0]


@pytest.mark.parametrize("turns", [True, False])
async def test_an_answer_that_takes_turns_acts_before_it_is_sent_anything(turns: bool) -> None:
    events: list[str] = []

    async def settle() -> Rest:
        events.append("the answer acts")
        return await idle()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        events.append("a frame arrives")

    listener = Listener(lambda error: None)
    served = Served(await listener.start(listen), "", settle, turns=turns)
    async with World("seed").connect(served) as client:
        await client.send(Opcode.TEXT, b"hi")
        assert await client.receive() == "end of stream"
    await listener.stop()
    first = "the answer acts" if turns else "a frame arrives"
    assert events[0] == first


class Idle:
    """A channel to an answer that waits."""

    async def ask(self, request: Request) -> Reply:
        if isinstance(request, Outcome):
            return Waiting()
        return Settled(None) if type(request).__name__ != "Start" else Started()


@asynccontextmanager
async def guest_from(answer: Callable[[str], Awaitable[object]]) -> AsyncIterator[Guest]:
    """Be host to the connection that ``answer`` makes to an address."""
    async with World("seed").listen() as inn, Subject("f", Idle()).run() as running:
        task = asyncio.ensure_future(answer(f"{inn.address}/kitchen"))
        yield await inn.guest(running)
        task.cancel()
        await asyncio.wait([task])


async def ask(address: str) -> object:
    async with connect(address, proxy=None) as client:
        await client.send("Spam?")
        return await client.recv()


async def test_a_guest_is_admitted_and_served() -> None:
    async with guest_from(ask) as guest:
        assert await guest.admit() == "GET /kitchen"
        assert await guest.receive() == 'TEXT masked "Spam?"'
        await guest.send(Opcode.TEXT, b"Eggs.")
        assert await guest.receive() == "CLOSE masked 1000"
        assert await guest.receive() == "end of stream"


async def test_a_guest_that_says_goodbye_is_answered_while_nobody_looks() -> None:
    ended = asyncio.Event()

    async def leave(address: str) -> None:
        async with connect(address, proxy=None, close_timeout=None):
            pass
        ended.set()

    async with guest_from(leave) as guest:
        await guest.admit()
        await ended.wait()


async def test_a_guest_that_is_sent_away_is_not_answered_again() -> None:
    async with guest_from(ask) as guest:
        await guest.admit()
        await guest.receive()
        await guest.send(Opcode.CLOSE, GOING_AWAY)
        assert await guest.receive() == "CLOSE masked 1001"
        assert await guest.receive() == "end of stream"
        assert (await guest.transcript_text()).count("CLOSE unmasked") == 1


async def test_a_guest_can_be_left_without_a_word() -> None:
    codes: list[int | None] = []

    async def wait(address: str) -> None:
        async with connect(address, proxy=None) as client:
            await client.wait_closed()
            codes.append(client.close_code)

    async with guest_from(wait) as guest:
        await guest.admit()
        await guest.leave()
        while not codes:
            await asyncio.sleep(0)
    assert codes == [1006]


async def test_a_subprotocol_is_chosen_and_what_was_asked_can_be_looked_at() -> None:
    chosen: list[str | None] = []

    async def speak(address: str) -> None:
        offered = [Subprotocol("chat.v1"), Subprotocol("chat.v2")]
        async with connect(address, proxy=None, subprotocols=offered) as client:
            chosen.append(client.subprotocol)

    async with guest_from(speak) as guest:
        assert guest.asked("Sec-WebSocket-Protocol") == []
        await guest.admit(subprotocols=["chat.v2"])
        assert guest.asked("Sec-WebSocket-Protocol") == ["chat.v1", "chat.v2"]
        assert await guest.receive() == "CLOSE masked 1000"
    assert chosen == ["chat.v2"]


async def test_a_request_for_no_upgrade_is_refused() -> None:
    async def fetch(address: str) -> None:
        host, _, port = address.removeprefix("ws://").partition("/")[0].partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    async with guest_from(fetch) as guest:
        assert (await guest.admit()).startswith("a request that is refused with HTTP 426")
        assert (await guest.receive()).startswith("a request that is refused")
        assert "426 Upgrade Required" in await guest.transcript_text()


async def test_a_client_that_is_refused_is_told() -> None:
    async def bare(address: str) -> None:
        with suppress(InvalidStatus):
            await connect(address, proxy=None, subprotocols=[Subprotocol("a"), Subprotocol("a")])

    async with guest_from(bare) as guest:
        assert "names one twice" in await guest.admit()

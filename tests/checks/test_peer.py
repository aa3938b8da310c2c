import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from websockets import InvalidStatus, connect
from websockets.typing import Subprotocol

from labkit.checks import plain
from labkit.checks.listening import Listener, StreamHandler
from labkit.checks.messages import (
    Done,
    Outcome,
    Overhear,
    Overheard,
    Raised,
    Reply,
    Request,
    Start,
    Started,
    Waiting,
)
from labkit.checks.peer import Client, Guest
from labkit.checks.subject import HORIZON_S, MOMENT_S, Served, Subject
from labkit.checks.world import World
from labkit.protocol.frames import Opcode

from .simulated import simulated

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc\r\n\r\n"
GOING_AWAY = struct.pack("!H", 1001)


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def idle() -> str:
    return "nothing: it waits for more"


@asynccontextmanager
async def client_of(handler: StreamHandler) -> AsyncIterator[Client]:
    listener = Listener(lambda error: None)
    served = Served(await listener.start(handler), "", idle)
    async with World("seed").connect(served) as client:
        yield client
    await listener.stop()


@simulated
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


@simulated
async def test_a_peer_tells_that_nothing_comes_and_why() -> None:
    async def hush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with client_of(hush) as client:
        began_s = now_s()
        assert await client.upgrade() == "nothing: it waits for more"
        assert now_s() - began_s == pytest.approx(HORIZON_S)
        assert await client.receive() == "nothing: it waits for more"
        assert now_s() - began_s == pytest.approx(HORIZON_S)


@simulated
async def test_what_comes_late_is_waited_for() -> None:
    async def muse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED)
        await asyncio.sleep(HORIZON_S - 1)
        writer.write(b"\x81\x04Spam")

    async with client_of(muse) as client:
        await client.upgrade()
        assert await client.receive() == 'TEXT unmasked "Spam"'


@simulated
async def test_what_comes_after_a_silence_is_received_all_the_same() -> None:
    async def muse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED)
        await asyncio.sleep(HORIZON_S + 1)
        writer.write(b"\x81\x04Spam")

    async with client_of(muse) as client:
        await client.upgrade()
        assert await client.receive() == "nothing: it waits for more"
        assert await client.receive() == 'TEXT unmasked "Spam"'


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"HTTP/1.1 101 Spam\r\n", r"an answer without the empty line, \r\n\r\n, at its end"),
        (b"HTTP/1.1 101 Spam\n\n", r"an answer whose lines end with \n; HTTP wants \r\n"),
        (b"HTTP/1.1", "nothing: it waits for more"),
        (b"HTTP/1.1 many Spam\r\n\r\n", "not HTTP, not a frame: 48 54 54 50"),
        (b"HTTP/1.1 101 Spam\r\nSpam\r\n\r\n", "no HTTP response: "),
    ],
)
@simulated
async def test_what_is_wrong_with_an_answers_head_is_told(head: bytes, what: str) -> None:
    async def mumble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await reader.read()
        await asyncio.Event().wait()

    async with client_of(mumble) as client:
        assert (await client.upgrade()).startswith(what)


@simulated
async def test_a_client_masks_what_it_sends_and_can_send_it_byte_by_byte() -> None:
    got: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readexactly(8))

    async with client_of(listen) as client:
        await client.send(Opcode.TEXT, b"hi", in_pieces=True)
        assert await client.receive() == "end of stream"
    assert got[0][:2] == b"\x81\x82"


@simulated
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
@simulated
async def test_an_answer_that_takes_turns_acts_before_it_is_sent_anything(turns: bool) -> None:
    pieces: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            pieces.append(data[:1])

    listener = Listener(lambda error: None)
    served = Served(await listener.start(listen), "", idle, turns=turns)
    async with World("seed").connect(served) as client:
        await client.send(Opcode.TEXT, b"hi")
        await client.send(Opcode.PING, b"hi")
        await asyncio.sleep(MOMENT_S)
    await listener.stop()
    assert pieces == ([b"\x81", b"\x89"] if turns else [b"\x81"])


@simulated
async def test_what_is_sent_to_an_answer_that_is_gone_is_nobodys_fault() -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with client_of(leave) as client:
        assert await client.receive() == "end of stream"
        for _ in range(3):
            await client.send(Opcode.TEXT, b"hi")
            await asyncio.sleep(MOMENT_S)
        assert await client.receive() == "end of stream"


@simulated
async def test_an_answer_that_reads_nothing_is_not_waited_for_any_longer_than_others() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with client_of(ignore) as client:
        await client.send_bytes(bytes(20 * 1024 * 1024))
        assert now_s() == pytest.approx(HORIZON_S)


@simulated
async def test_the_transcript_has_what_the_answer_does_about_what_it_was_sent_last() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED)
        await reader.readexactly(8)
        writer.write(b"\x81\x04Spam")

    async with client_of(greet) as client:
        await client.upgrade()
        await client.send(Opcode.TEXT, b"hi")
        assert "Spam" in await client.transcript_text()


class Idle:
    """A channel to an answer of which this is what is known."""

    def __init__(self, outcome: Reply) -> None:
        self.outcome = outcome

    async def ask(self, request: Request) -> Reply:
        match request:
            case Start():
                return Started()
            case Outcome():
                return self.outcome
            case Overhear():
                return Overheard()
        return Done()


@asynccontextmanager
async def guest_from(
    answer: Callable[[str], Awaitable[object]], *, subject: Subject | None = None
) -> AsyncIterator[Guest]:
    """Be host to the connection that ``answer`` makes to an address."""
    subject = subject or Subject("f", Idle(Waiting()))
    async with World("seed").listen() as inn, subject.run() as running:
        task = asyncio.ensure_future(answer(f"{inn.address}/kitchen"))
        yield await inn.guest(running)
        task.cancel()
        await asyncio.wait([task])


async def ask(address: str) -> object:
    async with connect(address, proxy=None) as client:
        await client.send("Spam?")
        return await client.recv()


@simulated
async def test_a_guest_is_admitted_and_served() -> None:
    async with guest_from(ask) as guest:
        assert await guest.admit() == "GET /kitchen"
        assert await guest.receive() == 'TEXT masked "Spam?"'
        await guest.send(Opcode.TEXT, b"Eggs.")
        assert await guest.receive() == "CLOSE masked 1000"
        assert await guest.receive() == "end of stream"


@simulated
async def test_a_guest_that_says_goodbye_is_answered_while_nobody_looks() -> None:
    codes: list[int | None] = []

    async def leave(address: str) -> None:
        async with connect(address, proxy=None, close_timeout=None) as client:
            pass
        codes.append(client.close_code)

    async with guest_from(leave) as guest:
        await guest.admit()
        await asyncio.sleep(MOMENT_S)
    assert codes == [1000]


@simulated
async def test_a_guest_that_is_sent_away_is_not_answered_again() -> None:
    async with guest_from(ask) as guest:
        await guest.admit()
        await guest.receive()
        await guest.send(Opcode.CLOSE, GOING_AWAY)
        assert await guest.receive() == "CLOSE masked 1001"
        assert await guest.receive() == "end of stream"
        assert (await guest.transcript_text()).count("CLOSE unmasked") == 1


@simulated
async def test_a_guest_can_be_left_without_a_word() -> None:
    codes: list[int | None] = []

    async def wait(address: str) -> None:
        async with connect(address, proxy=None) as client:
            await client.wait_closed()
            codes.append(client.close_code)

    async with guest_from(wait) as guest:
        await guest.admit()
        await guest.leave()
        await asyncio.sleep(MOMENT_S)
    assert codes == [1006]


@simulated
async def test_a_guest_that_is_left_has_its_say_before() -> None:
    async with guest_from(ask) as guest:
        await guest.admit()
        await guest.leave()
        assert 'TEXT  masked    "Spam?"' in await guest.transcript_text()


@simulated
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


@simulated
async def test_a_request_for_no_upgrade_is_refused() -> None:
    async def fetch(address: str) -> None:
        host, _, port = address.removeprefix("ws://").partition("/")[0].partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    async with guest_from(fetch) as guest:
        assert (await guest.admit()).startswith("a request that is refused with HTTP 426")
        assert (await guest.receive()).startswith("a request that is refused")
        assert "426 Upgrade Required" in await guest.transcript_text()


@simulated
async def test_a_client_that_is_refused_is_told() -> None:
    async def bare(address: str) -> None:
        with suppress(InvalidStatus):
            await connect(address, proxy=None, subprotocols=[Subprotocol("a"), Subprotocol("a")])

    async with guest_from(bare) as guest:
        assert "names one twice" in await guest.admit()


@pytest.mark.parametrize("looks", [True, False])
@simulated
async def test_what_a_guest_has_raised_is_noted_unless_the_check_has_seen_it(looks: bool) -> None:
    async def stay(address: str) -> None:
        async with connect(address, proxy=None):
            await asyncio.Event().wait()

    subject = Subject("f", Idle(Raised("KeyError", "'x'", plain.encode(["x"]))))
    async with guest_from(stay, subject=subject) as guest:
        await guest.admit()
        if looks:
            assert await guest.receive() == "nothing: it raised KeyError: 'x'"
        await guest.transcript_text()
    assert len(subject.raised) == (0 if looks else 1)

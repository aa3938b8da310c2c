import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets import connect

from labkit.checks import plain
from labkit.checks.messages import (
    Done,
    Outcome,
    Overhear,
    Overheard,
    Place,
    Raised,
    Reply,
    Request,
    Start,
    Started,
    Waiting,
)
from labkit.checks.subject import HORIZON_S, Running, Served, Subject
from labkit.checks.world import INN_PORT, MAX_WAITING, World
from labkit.protocol.frames import Opcode

from .simulated import simulated


async def idle() -> str:
    return "nothing: it waits for more"


class Idle:
    """A channel to an answer that waits at line 3."""

    async def ask(self, request: Request) -> Reply:
        match request:
            case Start():
                return Started()
            case Outcome():
                return Waiting(Place(3, "await connection.recv()"))
            case Overhear():
                return Overheard()
        return Done()


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    async with Subject("f", Idle()).run() as running:
        yield running


@simulated
async def test_where_nobody_serves_the_client_tells_why() -> None:
    async with World("seed").connect(Served(None, "it is not a coroutine", idle)) as client:
        await client.send(Opcode.TEXT, b"hi")
        assert await client.upgrade() == "it is not a coroutine"


@simulated
async def test_where_nobody_listens_the_client_tells_so() -> None:
    async with World("seed").connect(Served(9, "", idle)) as client:
        assert (await client.upgrade()).startswith("nothing answers at ws://127.0.0.1:9")


@simulated
async def test_each_guest_has_a_connection_of_its_own() -> None:
    world = World("seed")
    async with world.listen() as inn, running() as answer:
        clients = [asyncio.create_task(_ask(f"{inn.address}/{name}")) for name in "ab"]
        guests = [await inn.guest(answer) for _ in clients]
        for guest in guests:
            path = await guest.admit()
            await guest.send(Opcode.TEXT, path.encode())
        assert sorted(await asyncio.gather(*clients)) == ["GET /a", "GET /b"]


@simulated
async def test_the_transcript_is_that_of_the_latest_guest() -> None:
    world = World("seed")
    async with world.listen() as inn, running() as answer:
        client = asyncio.create_task(_ask(inn.address))
        guest = await inn.guest(answer)
        await guest.admit()
        await guest.send(Opcode.TEXT, b"Spam")
        await client
        assert await guest.receive() == "CLOSE masked 1000"
        assert await guest.receive() == "end of stream"
        assert await world.transcript_text() == (
            "…\n"
            "server → client   HTTP/1.1 101 Switching Protocols\n"
            'server → client   TEXT  unmasked  "Spam"\n'
            "client → server   CLOSE masked    1000\n"
            "server → client   CLOSE unmasked  1000\n"
            "server → client   end of stream\n"
            "client → server   end of stream"
        )


@simulated
async def test_a_guest_who_does_not_come_tells_why() -> None:
    async with World("seed").listen() as inn, running() as answer:
        guest = await inn.guest(answer)
        why = "nothing: it waits at line 3: `await connection.recv()`"
        assert asyncio.get_running_loop().time() == pytest.approx(HORIZON_S)
        assert [await guest.admit(), await guest.receive()] == [why, why]


class Failing(Idle):
    """A channel to an answer that has raised."""

    async def ask(self, request: Request) -> Reply:
        error = Raised("KeyError", "'x'", plain.encode(["x"]))
        return error if isinstance(request, Outcome) else await super().ask(request)


@pytest.mark.parametrize("looks", [True, False])
@simulated
async def test_what_an_answer_raises_is_told_once(looks: bool) -> None:
    world, subject = World("seed"), Subject("f", Failing())
    async with world.listen() as inn, subject.run() as answer:
        guest = await inn.guest(answer)
        if looks:
            assert await guest.admit() == "nothing: it raised KeyError: 'x'"
        await world.transcript_text()
    assert len(subject.raised) == (0 if looks else 1)


@simulated
async def test_a_guest_who_comes_late_is_waited_for() -> None:
    world = World("seed")
    async with world.listen() as inn, running() as answer:

        async def come_late() -> str | bytes:
            await asyncio.sleep(HORIZON_S - 1)
            return await _ask(inn.address)

        client = asyncio.create_task(come_late())
        guest = await inn.guest(answer)
        assert await guest.admit() == "GET /"
        await guest.send(Opcode.TEXT, b"Spam")
        assert await client == "Spam"


@simulated
async def test_what_a_guest_said_before_anybody_looked_is_heard() -> None:
    async with World("seed").listen() as inn, running() as answer:
        client = asyncio.create_task(_ask(inn.address))
        await asyncio.sleep(1)
        guest = await inn.guest(answer)
        assert await guest.admit() == "GET /"
        await guest.send(Opcode.TEXT, b"Spam")
        assert await client == "Spam"


@simulated
async def test_the_inn_has_the_same_address_each_time() -> None:
    for _ in range(2):
        async with World("seed").listen() as inn:
            assert inn.address == f"ws://127.0.0.1:{INN_PORT}"


@simulated
async def test_the_inn_has_no_room_for_a_crowd() -> None:
    async with World("seed").listen():
        crowd = [
            await asyncio.open_connection("127.0.0.1", INN_PORT) for _ in range(MAX_WAITING + 1)
        ]
        assert await crowd[-1][0].read() == b""
        assert not any(reader.at_eof() for reader, _ in crowd[:-1])
        for _, writer in crowd:
            writer.close()


@simulated
async def test_the_end_of_the_inn_ends_every_connection() -> None:
    async with World("seed").listen() as inn, running() as answer:
        client = asyncio.create_task(connect(inn.address, proxy=None).__aenter__())
        await (await inn.guest(answer)).admit()
        unasked = await asyncio.open_connection("127.0.0.1", INN_PORT)
    await (await client).wait_closed()
    assert await unasked[0].read() == b""
    unasked[1].close()


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert World("a").random.randbytes(8) == World("a").random.randbytes(8)
    assert World("a").random.randbytes(8) != World("b").random.randbytes(8)


async def _ask(address: str) -> str | bytes:
    async with connect(address, proxy=None) as client:
        return await client.recv()

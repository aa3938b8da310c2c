"""asyncio's contracts hold on a simulated loop: it does what asyncio's own does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.simnet.loop import SimLoop
from labkit.simnet.paths import Conditions
from labkit.simnet.process import Process
from labkit.simnet.sockets import Sockets
from labkit.simnet.world import SEND_BUFFER, World

SMALL, LARGE = 100, 16 * 1024 * 1024
MANY = 8
QUIET_ROUNDS = 3
PATIENCE_S = 10


def simulated(main: Coroutine[Any, Any, Any]) -> Any:
    """Run ``main`` on a simulated loop."""
    with asyncio.Runner(loop_factory=lambda: SimLoop(Process(World()))) as runner:
        return runner.run(main)


def real(main: Coroutine[Any, Any, Any]) -> Any:
    """Run ``main`` on asyncio's own loop, over loopback."""
    with asyncio.Runner() as runner:
        return runner.run(main)


class Recorder(asyncio.Protocol):
    """Writes down what a transport tells its protocol. Data that comes together counts together."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.seen.append("made")

    def data_received(self, data: bytes) -> None:
        self.size += len(data)

    def eof_received(self) -> bool:
        self.seen.append(f"eof after {self.amount()}")
        return True

    def pause_writing(self) -> None:
        self.seen.append("pause")

    def resume_writing(self) -> None:
        self.seen.append("resume")

    def connection_lost(self, error: Exception | None) -> None:
        self.seen.append(f"lost by {type(error).__name__}")
        if error is not None:
            self.size = -1

    def amount(self) -> object:
        """Return how much was read. Of what is broken off, a part arrives: what buffers held."""
        is_a_part = self.size < 0 or self.size % LARGE > MANY * SMALL
        return "a part" if is_a_part else self.size

    def state(self) -> tuple[object, ...]:
        return (tuple(self.seen), self.size, self.transport.get_write_buffer_size())


async def connected() -> tuple[Recorder, Recorder, asyncio.Server]:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[Recorder] = loop.create_future()

    class Server(Recorder):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            arrived.set_result(self)

    server = await loop.create_server(Server, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, client = await loop.create_connection(Recorder, "127.0.0.1", port)
    return client, await arrived, server


async def settled(*sides: Recorder) -> None:
    """Wait until nothing changes any more."""
    async with asyncio.timeout(PATIENCE_S):
        alike = 0
        while alike < QUIET_ROUNDS:
            before = [side.state() for side in sides]
            await asyncio.sleep(0.002)
            alike = alike + 1 if [side.state() for side in sides] == before else 0


async def played(script: list[tuple[int, str]]) -> list[list[object]]:
    """Do what ``script`` says with both ends of a connection; return what each end saw."""
    client, server, listener = await connected()
    sides = (client, server)
    outcomes: list[object] = []
    for side, act in script:
        transport = sides[side].transport
        outcomes.append(_act(transport, act))
        await settled(*sides)
        outcomes.append([(side.seen[:], side.amount()) for side in sides])
    for each in sides:
        if not each.seen[-1].startswith("lost"):
            each.transport.abort()
    await settled(*sides)
    listener.close()
    return [outcomes, *([*side.seen] for side in sides)]


def _act(transport: Any, act: str) -> object:
    acts: dict[str, Callable[[], object]] = {
        "write": lambda: transport.write(bytes(SMALL)),
        "write much": lambda: transport.write(bytes(LARGE)),
        "write two": lambda: transport.writelines([b"Spam", b"eggs"]),
        "pause": transport.pause_reading,
        "resume": transport.resume_reading,
        "finish": transport.write_eof,
        "close": transport.close,
        "abort": transport.abort,
    }
    if transport._loop is None:
        return "it is gone"
    try:
        acts[act]()
    except Exception as error:
        return type(error).__name__
    return (transport.is_closing(), transport.is_reading())


ACTS = ["write", "write much", "write two", "pause", "resume", "finish", "close", "abort"]
SCRIPTS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(ACTS)), max_size=MANY)


@settings(max_examples=100)
@given(SCRIPTS)
def test_transports_tell_their_protocols_the_same_as_real_ones(
    script: list[tuple[int, str]],
) -> None:
    assert simulated(played(script)) == real(played(script))


def test_a_loop_that_waits_for_room_hears_of_it_though_nothing_else_happens_there() -> None:
    world = World()
    world.path("phone", "shop").conditions = Conditions(latency_s=0.05)
    phone, shop = Sockets(Process(world)), Sockets(Process(world))
    listener, client = shop.open("shop"), phone.open("phone")
    address = (world.hosts.named("shop").address, 80)
    listener.bind(address)
    with pytest.raises(BlockingIOError):
        client.connect(address)
    phone.wait(None)
    assert client.send(bytes(2 * SEND_BUFFER)) == SEND_BUFFER
    phone.wait(None)
    assert client.send(b"more") == 4


def test_a_refusal_leaves_nothing_to_the_garbage_collector() -> None:
    def refusals() -> int:
        return sum(isinstance(one, ConnectionRefusedError) for one in gc.get_objects())

    async def main() -> None:
        with suppress(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", 80)
        # The loop's own step still knows the error.
        await asyncio.sleep(0)

    gc.collect()
    gc.disable()
    try:
        # Others may have left some that are still in use.
        before = refusals()
        simulated(main())
        assert refusals() == before
    finally:
        gc.enable()

"""A loop in another process takes part in a world as one of the same process does."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from labkit.simnet.connections import Connection, Role
from labkit.simnet.loop import SimLoop, current_host
from labkit.simnet.observer import Observer
from labkit.simnet.pipe import Gone
from labkit.simnet.remote import RemoteLoop, RemoteNetwork
from labkit.simnet.simulation import Simulation

Program = Callable[[], Awaitable[None]]


class Timetable(Observer):
    """Writes down when what arrived, and how much it was."""

    def __init__(self, simulation: Simulation) -> None:
        self.lines: list[str] = []
        self._schedule = simulation.world.schedule
        simulation.world.observer = self

    def begun(self, connection: Connection) -> None:
        self._note(connection, "begins")

    def decided(self, connection: Connection, error: int) -> None:
        self._note(connection, f"error {error}" if error else "connected")

    def arrived(self, connection: Connection, role: Role, data: bytes | None) -> None:
        self._note(connection, f"{role}: {'end' if data is None else len(data)}")

    def broken(self, connection: Connection, role: Role) -> None:
        self._note(connection, f"{role} breaks off")

    def _note(self, connection: Connection, what: str) -> None:
        self.lines.append(f"{self._schedule.now_ns} #{connection.number} {what}")


async def restaurant() -> None:
    async def answer(connection: Any) -> None:
        async for dish in connection:
            await asyncio.sleep(1.5)
            await connection.send(f"{dish} is on its way")

    async with serve(answer, "shop", 80, compression=None):
        await asyncio.Event().wait()


async def guests(seen: list[str]) -> None:
    async def order(dish: str) -> None:
        async with connect("ws://shop", compression=None) as connection:
            await connection.send(dish)
            seen.append(str(await connection.recv()))

    await asyncio.sleep(0.5)
    with contextlib.suppress(OSError):
        await connect("ws://shop:81")
    await asyncio.gather(*(order(dish) for dish in ("Spam", "eggs", "tea")))
    await asyncio.sleep(100)


def simulation() -> Simulation:
    made = Simulation("restaurant")
    made.link("phone", "shop", latency_s=0.05, jitter_s=0.02)
    return made


def far_end(pipe: Any, program: Program) -> None:
    current_host.set("shop")
    network = RemoteNetwork(pipe)
    with contextlib.suppress(Gone), asyncio.Runner(loop_factory=lambda: SimLoop(network)) as runner:
        runner.run(program())  # type: ignore[arg-type]


@contextlib.contextmanager
def elsewhere(world: Simulation, program: Program) -> Iterator[RemoteLoop]:
    """Run ``program`` on the host "shop" in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=far_end, args=(theirs, program), daemon=True)
    process.start()
    theirs.close()
    remote = RemoteLoop(world.world, ours)
    world.world.others.append(remote)
    try:
        yield remote
    finally:
        ours.close()
        process.join()


def test_a_scenario_in_two_processes_has_the_timetable_that_it_has_in_one() -> None:
    seen: tuple[list[str], list[str]] = [], []

    async def both() -> None:
        with one.on("shop"):
            shop = asyncio.create_task(restaurant())
        with one.on("phone"):
            await guests(seen[0])
        shop.cancel()

    async def only_guests() -> None:
        with two.on("phone"):
            await guests(seen[1])

    one, two = simulation(), simulation()
    tables = Timetable(one), Timetable(two)
    one.run(both())
    with elsewhere(two, restaurant):
        two.run(only_guests())
    assert seen[0] == seen[1]
    assert sorted(seen[0]) == [f"{dish} is on its way" for dish in ("Spam", "eggs", "tea")]
    # In one process the restaurant closes at the end; in two it is the world that ends.
    timetables = [[line for line in table.lines if at(line) < 90] for table in tables]
    assert sorted(timetables[0]) == sorted(timetables[1])
    assert len(timetables[0]) > 30


def at(line: str) -> float:
    return int(line.split()[0]) / 1e9


def test_a_loop_elsewhere_hears_that_its_host_has_crashed() -> None:
    made = simulation()

    async def wait() -> None:
        await asyncio.sleep(6)

    with elsewhere(made, restaurant) as remote:
        made.at(5, lambda: made.crash("shop"))
        made.run(wait())
    # Its main task ran there, too.
    assert remote.gone == "its process has ended"


def test_a_process_that_ends_leaves_no_connection_open() -> None:
    world = simulation()
    with elsewhere(world, ends_after_a_second) as remote:

        async def main() -> tuple[bytes, float]:
            await asyncio.sleep(0.1)
            with world.on("phone"):
                reader, writer = await asyncio.open_connection("shop", 80)
                end = await reader.read()
                writer.close()
            return end, asyncio.get_running_loop().time()

        end, ended_s = world.run(main())
    assert end == b""
    assert 1.05 <= ended_s <= 1.1
    assert remote.gone == "its process has ended"


async def ends_after_a_second() -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(asyncio.Protocol, "shop", 80)
    await asyncio.sleep(1)


class Scripted:
    """A far end that says what it likes."""

    def __init__(self, *messages: object) -> None:
        self.heard: list[Any] = []
        self._messages = [
            m if isinstance(m, bytes) else msgspec.msgpack.encode(m) for m in messages
        ]

    def send_bytes(self, data: bytes) -> None:
        self.heard.append(msgspec.msgpack.decode(data))

    def recv_bytes(self) -> bytes:
        if not self._messages:
            raise EOFError
        return self._messages.pop(0)

    def poll(self, timeout: float) -> bool:
        return bool(self._messages)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\xc1", "it said what a loop may not say"),
        ([["spam", []]], "it said what a loop may not say"),
        ([["send", [1, "text"]]], "it said what a loop may not say"),
        ([["listen", ["shop"]]], "it said what a loop may not say"),
        ([["resolve", ["shop", "shop"]], ["wait", [None]]], "it said what a loop may not say"),
    ],
)
def test_who_says_what_it_may_not_is_dropped_with_a_reason(message: object, reason: str) -> None:
    world = simulation().world
    remote = RemoteLoop(world, Scripted(message))
    remote.resume()
    assert remote.gone.startswith(reason)
    assert not remote.is_due()


def test_who_does_not_rest_in_time_is_dropped() -> None:
    remote = RemoteLoop(simulation().world, Scripted(), patience_s=0.01)
    remote.resume()
    assert remote.gone == "it has not rested for 0.01 s of real time"


def test_a_loop_cannot_touch_the_sockets_of_another() -> None:
    world = simulation()

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        seen: asyncio.Future[bytes] = loop.create_future()

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.set_result(await reader.read())

        with world.on("shop"):
            await asyncio.start_server(greet, "shop", 80)
            _, writer = await asyncio.open_connection("shop", 80)
            writer.write(b"mine")
        stranger = [["send", [number, b"not mine"]] for number in range(10)]
        closes = [["close", [number, True]] for number in range(10)]
        stops = [["stop_listening", [number]] for number in range(10)]
        RemoteLoop(world.world, Scripted([*stranger, *closes, *stops, ["wait", [None]]])).resume()
        writer.write(b" too")
        writer.close()
        return await seen

    assert world.run(main()) == b"mine too"


def test_what_the_world_refuses_is_raised_at_the_far_end() -> None:
    pipe = Scripted([None, [3, ["127.0.0.1", 80]]], [["OSError", 98, "taken"], None])
    network = RemoteNetwork(pipe)
    assert network.listen("shop", ("127.0.0.1", 80)) == (3, ("127.0.0.1", 80))
    with pytest.raises(OSError, match="taken"):
        network.listen("shop", ("127.0.0.1", 80))


def test_one_way_calls_go_with_the_next_that_waits() -> None:
    pipe = Scripted([0, []], [5, [["Received", 1, b"Spam"]]])
    network = RemoteNetwork(pipe)
    assert network.begin() == 0
    network.send(1, b"tea")
    network.consume(1, 4)
    assert pipe.heard == []
    now_ns, (event,) = network.wait(7)
    assert (now_ns, event.data) == (5, b"Spam")  # type: ignore[union-attr]
    assert pipe.heard == [[["send", [1, b"tea"]], ["consume", [1, 4]], ["wait", [7]]]]


def test_a_world_that_is_gone_is_an_error_at_the_far_end() -> None:
    network = RemoteNetwork(Scripted())
    with pytest.raises(Gone, match="the simulated world is gone"):
        network.begin()

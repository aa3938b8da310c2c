"""What chance gives in a simulation follows from its seed, and other threads notice nothing."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from random import uniform
from typing import Any

import pytest

from labkit.simnet.entropy import branch, seeded

DRAWS: dict[str, Callable[[], Any]] = {
    "os.urandom": lambda: os.urandom(8),
    "secrets.token_bytes": lambda: secrets.token_bytes(8),
    "uuid.uuid4": uuid.uuid4,
    "SystemRandom": lambda: random.SystemRandom().random(),
    "random.random": lambda: random.random(),
    "random.gauss": lambda: random.gauss(0, 1),
    "Random()": lambda: random.Random().random(),
    "from random import uniform": lambda: uniform(0, 1),
}

#: Clients in a set, a server that broadcasts to a set, and one that fails among others.
PROGRAM = """
import asyncio, hashlib
from websockets.asyncio.client import connect
from websockets.asyncio.server import broadcast, serve
from labkit.simnet.clocks import virtual_time
from labkit.simnet.entropy import seeded
from labkit.simnet.loop import SimLoop
from labkit.simnet.observer import Observer
from labkit.simnet.process import Process
from labkit.simnet.world import World

class Wire(Observer):
    def __init__(self, world):
        self.digest, self.size, self.world = hashlib.sha256(), 0, world
    def left(self, connection, role, data):
        line = (self.world.schedule.now_ns, connection.number, role, data)
        self.digest.update(repr(line).encode())
        self.size += len(data or b"")

async def chat(connection):
    members.add(connection)
    async for message in connection:
        broadcast(members, message)

async def client(number):
    async with connect("ws://localhost:80", ping_interval=1) as connection:
        clients.add(connection)
        for turn in range(3):
            await connection.send(f"{number} says {turn}")
            await asyncio.sleep(0.5)
        if number == 7:
            raise ValueError
        await connection.wait_closed()

async def main():
    async with serve(chat, "localhost", 80, ping_interval=1):
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(10):
                    group.create_task(client(number))
        except* ValueError:
            pass

members, clients = set(), set()
world = World()
world.observer = Wire(world)
loop = SimLoop(Process(world))
with (
    virtual_time(loop.clock),
    seeded("SEED"),
    asyncio.Runner(loop_factory=lambda: loop) as runner,
):
    runner.run(main())
print(world.observer.size, world.observer.digest.hexdigest())
"""


def draw_all() -> list[Any]:
    return [draw() for draw in DRAWS.values()]


def in_another_thread(call: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def bytes_on_the_wire(seed: str, hash_seed: str) -> str:
    """Run ``PROGRAM`` in a process of its own; return how many bytes, and their digest."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("SEED", seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_same_seed_gives_the_same(draw: Callable[[], Any]) -> None:
    with seeded(1):
        first = [draw(), draw()]
    with seeded(1):
        assert [draw(), draw()] == first


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_another_seed_gives_something_else(draw: Callable[[], Any]) -> None:
    with seeded(1):
        first = draw()
    with seeded(2):
        assert draw() != first


def test_random_seed_does_not_decide_what_the_system_gives() -> None:
    with seeded(1):
        first = os.urandom(8)
    with seeded(1):
        random.seed(99)
        assert os.urandom(8) == first


def test_a_negative_number_of_bytes_is_refused_as_by_the_system() -> None:
    with seeded(1), pytest.raises(ValueError, match="negative argument not allowed"):
        os.urandom(-1)


def test_the_global_random_goes_on_afterwards_where_it_was() -> None:
    random.seed(5)
    expected = [random.random(), random.gauss(0, 1), random.random()]
    random.seed(5)
    seen: list[float] = [random.random()]
    with seeded(1):
        random.seed(6)
        draw_all()
    seen += [random.gauss(0, 1), random.random()]
    assert seen == expected


def test_everything_is_put_back() -> None:
    names = ("random", "seed", "getstate", "choice")
    before = [os.urandom, random.Random.seed, *(getattr(random, name) for name in names)]
    with seeded(1):
        pass
    after = [os.urandom, random.Random.seed, *(getattr(random, name) for name in names)]
    assert after == before


def test_other_threads_draw_from_the_system() -> None:
    with seeded(1):
        here = [os.urandom(8), random.Random().random()]
    with seeded(1):
        assert in_another_thread(lambda: [os.urandom(8), random.Random().random()]) != here
        assert [os.urandom(8), random.Random().random()] == here


def test_two_threads_with_seeds_do_not_disturb_each_other() -> None:
    def draw_with_seed(seed: int) -> list[Any]:
        with seeded(seed):
            return [draw() for name, draw in DRAWS.items() if name != "from random import uniform"]

    alone = draw_with_seed(2)
    with seeded(1):
        os.urandom(4)
        assert in_another_thread(lambda: draw_with_seed(2)) == alone


def test_after_a_simulation_in_a_simulation_the_outer_one_goes_on() -> None:
    with seeded(1):
        expected = [os.urandom(4), os.urandom(4)]
    with seeded(1):
        seen = [os.urandom(4)]
        with seeded(2):
            os.urandom(4)
        assert [*seen, os.urandom(4)] == expected


def test_a_branch_is_another_stream_that_follows_from_the_seed() -> None:
    def drawn_in_branch() -> tuple[bytes, bytes]:
        with seeded(1):
            here, there = os.urandom(8), branch("thread 1")

            def draw() -> bytes:
                with there:
                    return os.urandom(8)

            return here, in_another_thread(draw)

    first, again = drawn_in_branch(), drawn_in_branch()
    assert first == again
    assert first[0] != first[1]


def test_a_branch_of_no_simulation_changes_nothing() -> None:
    real = os.urandom
    with branch("thread 1"):
        assert os.urandom is real


def test_websockets_puts_the_same_bytes_on_the_wire_in_every_process() -> None:
    first = bytes_on_the_wire("one", "1")
    assert bytes_on_the_wire("one", "2") == first
    assert bytes_on_the_wire("one", "random") == first


def test_with_another_seed_websockets_puts_other_bytes_on_the_wire() -> None:
    assert bytes_on_the_wire("one", "1") != bytes_on_the_wire("two", "1")

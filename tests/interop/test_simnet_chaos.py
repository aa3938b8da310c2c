"""A seed decides everything that happens in a chat where everything goes wrong."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed, WebSocketException

from labkit.simnet.plans import KINDS, Plan, plan
from labkit.simnet.simulation import Simulation

SEED, RUNS = 98, 1_000
DURATION_S = 2.5
CLIENTS = ["anna", "ben"]
OPTIONS: dict[str, Any] = {
    "compression": None,
    "open_timeout": 0.5,
    "ping_interval": 0.5,
    "ping_timeout": 0.5,
    "close_timeout": 0.5,
}


class Chat:
    """A chat on three hosts, all of which write a diary."""

    def __init__(self, seed: int) -> None:
        self.simulation = Simulation(seed)
        self.recording = self.simulation.record()
        self.diary: list[str] = []
        for name in CLIENTS:
            self.simulation.link(name, "chat", latency_s=0.02, jitter_s=0.03, bandwidth=20_000)
            self.simulation.boot(name, self._client(name))
        self.simulation.boot("chat", self._server)
        self.simulation.plan(faults(seed))

    def transcript(self) -> str:
        """Let them chat, and return all that crossed the network and all that they wrote down."""
        self.simulation.run(asyncio.sleep(DURATION_S))
        return "\n".join([self.recording.text(width=None), *self.diary])

    async def _server(self) -> None:
        members: set[ServerConnection] = set()

        async def room(connection: ServerConnection) -> None:
            members.add(connection)
            try:
                async for message in connection:
                    broadcast(members, f"{message} {await asyncio.to_thread(stored)}")
            except ConnectionClosed as closed:
                self._note("chat", closed)
            finally:
                members.discard(connection)

        async with serve(room, "chat", 80, **OPTIONS):
            await asyncio.Event().wait()

    def _client(self, name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def chat() -> None:
            while True:
                try:
                    async with connect("ws://chat", proxy=None, **OPTIONS) as connection:
                        while True:
                            await connection.send(f"{name} at {time.time()}")
                            self._note(name, await connection.recv())
                            await asyncio.sleep(random.random())
                except (OSError, WebSocketException) as failure:
                    self._note(name, repr(failure))
                await asyncio.sleep(random.random() / 2)

        return chat

    def _note(self, name: str, what: object) -> None:
        self.diary.append(f"{asyncio.get_running_loop().time()} {time.time()} {name}: {what}")


def faults(seed: int) -> Plan:
    """Return a fault of every kind for each client and the server."""
    drawn = [
        plan(f"{seed}/{name}/{kind.__name__}", ["chat", name], DURATION_S, count=1, kinds=[kind])
        for name in CLIENTS
        for kind in KINDS
    ]
    return Plan(tuple(fault for each in drawn for fault in each))


def stored() -> str:
    """Take a while, in a thread, and say when that was over."""
    time.sleep(random.random() / 5)
    return f"{time.time()}"


def transcript(seed: int) -> str:
    return Chat(seed).transcript()


@pytest.fixture(scope="module")
def once() -> str:
    """Return the transcript of SEED."""
    return transcript(SEED)


@pytest.mark.parametrize(
    "words",
    [
        "cut: nothing passes",
        "healed",
        "slower by",
        "s late",
        "s later",
        "arrives again",
        "a fault resets the connection",
        "a black hole swallows what is sent",
        "crashes",
        "starts again",
        "the wall clock jumps",
        "waits for an answer no longer",
        "connection reset",
        "keepalive ping timeout",
        "  lost  ",
    ],
)
def test_everything_goes_wrong(once: str, words: str) -> None:
    assert words in once


def test_a_thousand_runs_of_one_seed_have_one_transcript(once: str) -> None:
    for _ in range(RUNS):
        assert transcript(SEED) == once


@pytest.mark.parametrize("hashes", ["0", "1", "4294967295"])
def test_a_process_with_other_hashes_has_the_same_transcript(once: str, hashes: str) -> None:
    program = f"import runpy; print(runpy.run_path({__file__!r})['transcript']({SEED}))"
    environment = {**os.environ, "PYTHONHASHSEED": hashes, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True
    )
    assert done.stdout.decode() == f"{once}\n"


def test_another_seed_has_another_transcript(once: str) -> None:
    assert transcript(SEED + 1) != once

"""Whether an answer blocks its loop, told from another thread."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from labkit.checks import standstill
from labkit.checks.standstill import LOOK_S, LOOKS, Standstill
from labkit.simnet.loop import SimLoop
from labkit.simnet.pipe import Gone
from labkit.simnet.process import Process
from labkit.simnet.remote import RemoteNetwork
from labkit.simnet.schedule import NS
from labkit.simnet.world import World

ANSWERS = """
import asyncio, threading, time

async def sleep(gate): gate.wait()
async def nap(gate):
    while not gate.is_set(): time.sleep(0.01)
async def compute(gate):
    count = 0
    while not gate.is_set():
        count = max(count, count + 1)
async def turn(gate):
    while not gate.is_set():
        sum(range(1_000)); await asyncio.sleep(0)
async def rest(gate):
    while not gate.is_set(): await asyncio.sleep(0.001)
async def rest_and_sleep(gate):
    asyncio.get_running_loop().call_later(1, gate.wait)
    await asyncio.Event().wait()
async def bring_in(gate):
    __import__("slow_module").load(gate)
"""


class Watched:
    """A thread that runs ``loop``, and who looks at it."""

    def __init__(self, thread: threading.Thread, loop: SimLoop, code: dict[str, Any]) -> None:
        self.loop = loop
        self._standstill = Standstill(thread, code)

    def look(self) -> bool:
        return self._standstill.look(self.loop)

    def lasts_s(self) -> float:
        self.look()
        return self._standstill.lasts_s()

    def looks(self) -> Iterator[bool]:
        """Look several times as often as it takes to notice."""
        for _ in range(4 * LOOKS):
            yield self.look()
            time.sleep(LOOK_S)

    def comes_to(self, condition: Callable[[], bool]) -> bool:
        """Look until ``condition`` holds, or for so long that it will not."""
        ends = time.monotonic() + 10
        while not condition():
            if time.monotonic() > ends:
                return False
            time.sleep(LOOK_S)
        return True


@contextlib.contextmanager
def running(name: str, code: dict[str, Any]) -> Iterator[Watched]:
    """Run an answer in a thread of its own until the block's end."""
    gate = threading.Event()
    loop = SimLoop(Process(World(limit_s=10**9)))
    thread = threading.Thread(target=loop.run_until_complete, args=[code[name](gate)])
    thread.start()
    try:
        yield Watched(thread, loop, code)
    finally:
        gate.set()
        thread.join()
        loop.close()


@contextlib.contextmanager
def resting(code: dict[str, Any]) -> Iterator[tuple[Watched, Callable[[], None]]]:
    """Run an answer that rests, and is woken up by a call: then it sleeps."""

    def run() -> None:
        with contextlib.suppress(Gone):
            loop.run_until_complete(code["rest_and_sleep"](gate))

    def wake() -> None:
        near.send_bytes(msgspec.msgpack.encode((NS, [])))

    gate = threading.Event()
    near, far = multiprocessing.Pipe()
    near.send_bytes(msgspec.msgpack.encode((0, [])))
    loop = SimLoop(RemoteNetwork(far))
    thread = threading.Thread(target=run)
    thread.start()
    # It says so when it comes to rest.
    near.recv_bytes()
    try:
        watched = Watched(thread, loop, code)
        assert watched.comes_to(lambda: loop.is_resting)
        yield watched, wake
    finally:
        near.close()
        gate.set()
        thread.join()
        loop.close()
        far.close()


@pytest.fixture
def code() -> dict[str, Any]:
    made: dict[str, Any] = {}
    exec(ANSWERS, made)
    return made


@pytest.mark.parametrize("name", ["sleep", "nap", "compute"])
def test_an_answer_that_keeps_the_loop_from_turning_is_noticed(
    name: str, code: dict[str, Any]
) -> None:
    with running(name, code) as watched:
        assert watched.comes_to(watched.look)


@pytest.mark.parametrize("name", ["turn", "rest"])
def test_an_answer_that_lets_the_loop_turn_does_not_block_it(
    name: str, code: dict[str, Any]
) -> None:
    with running(name, code) as watched:
        assert not any(watched.looks())


def test_an_answer_that_rests_does_not_block_its_loop(code: dict[str, Any]) -> None:
    with resting(code) as (watched, _):
        assert not any(watched.looks())


def test_a_loop_that_is_blocked_by_no_line_of_the_learner_is_not_theirs() -> None:
    async def ours(gate: threading.Event) -> None:
        gate.wait()

    with running("ours", {"ours": ours}) as watched:
        assert not any(watched.looks())


def test_a_loop_that_does_not_turn_stands_still_whoevers_line_it_is() -> None:
    async def ours(gate: threading.Event) -> None:
        gate.wait()

    with running("ours", {"ours": ours}) as watched:
        assert watched.comes_to(lambda: watched.lasts_s() > 10 * LOOK_S)


def test_a_loop_that_turns_does_not_stand_still_for_long(code: dict[str, Any]) -> None:
    with running("turn", code) as watched:
        for _ in watched.looks():
            pass
        assert watched.comes_to(lambda: watched.lasts_s() < 4 * LOOKS * LOOK_S / 2)


def test_a_loop_that_rests_does_not_stand_still(code: dict[str, Any]) -> None:
    with resting(code) as (watched, _):
        for _ in watched.looks():
            assert watched.lasts_s() == 0


def test_how_long_a_loop_has_rested_does_not_count(
    code: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0
    monkeypatch.setattr(standstill, "time", SimpleNamespace(monotonic=lambda: now_s))
    with resting(code) as (watched, wake):
        watched.look()
        now_s = 100.0
        watched.look()
        wake()
        assert watched.comes_to(lambda: not watched.loop.is_resting)
        now_s = 101.0
        assert watched.lasts_s() == 1.0


def test_an_import_may_take_its_time(
    code: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_module.py").write_text(
        "import gates\ngates.gate.wait()\ndef load(gate): ...\n"
    )
    (tmp_path / "gates.py").write_text("import threading\ngate = threading.Event()\n")
    monkeypatch.syspath_prepend(tmp_path)
    gates = __import__("gates")
    with running("bring_in", code) as watched:
        noticed = any(watched.looks())
        gates.gate.set()
    assert not noticed


def test_a_thread_that_has_ended_is_not_blocked(code: dict[str, Any]) -> None:
    with running("rest", code) as watched:
        pass
    assert not watched.look()

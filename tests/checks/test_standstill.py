"""Whether an answer blocks its loop, told from another thread."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from labkit.checks.answer_loop import AnswerLoop
from labkit.checks.standstill import LOOK_S, LOOKS, Standstill

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
    while not gate.is_set(): await asyncio.sleep(0)
async def rest(gate):
    while not gate.is_set(): await asyncio.sleep(0.001)
async def bring_in(gate):
    __import__("slow_module").load(gate)
"""


@contextlib.contextmanager
def running(name: str, code: dict[str, Any]) -> Iterator[Standstill]:
    """Run an answer in a thread of its own until the block's end."""
    gate = threading.Event()
    loop = AnswerLoop()
    thread = threading.Thread(target=loop.run_until_complete, args=[code[name](gate)])
    thread.start()
    try:
        yield Standstill(thread, loop, code)
    finally:
        gate.set()
        thread.join()
        loop.close()


def looks(standstill: Standstill) -> Iterator[bool]:
    """Look several times as often as it takes to notice."""
    for _ in range(4 * LOOKS):
        yield standstill.look()
        time.sleep(LOOK_S)


@pytest.fixture
def code() -> dict[str, Any]:
    made: dict[str, Any] = {}
    exec(ANSWERS, made)
    return made


@pytest.mark.parametrize("name", ["sleep", "nap", "compute"])
def test_an_answer_that_keeps_the_loop_from_turning_is_noticed(
    name: str, code: dict[str, Any]
) -> None:
    with running(name, code) as standstill:
        ends = time.monotonic() + 10
        while not standstill.look():
            assert time.monotonic() < ends, "it was not noticed"
            time.sleep(LOOK_S)


@pytest.mark.parametrize("name", ["turn", "rest"])
def test_an_answer_that_lets_the_loop_turn_does_not_block_it(
    name: str, code: dict[str, Any]
) -> None:
    with running(name, code) as standstill:
        assert not any(looks(standstill))


def test_a_loop_that_is_blocked_by_no_line_of_the_learner_is_not_theirs() -> None:
    async def ours(gate: threading.Event) -> None:
        gate.wait()

    with running("ours", {"ours": ours}) as standstill:
        assert not any(looks(standstill))


def test_an_import_may_take_its_time(
    code: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_module.py").write_text(
        "import gates\ngates.gate.wait()\ndef load(gate): ...\n"
    )
    (tmp_path / "gates.py").write_text("import threading\ngate = threading.Event()\n")
    monkeypatch.syspath_prepend(tmp_path)
    gates = __import__("gates")
    with running("bring_in", code) as standstill:
        noticed = any(looks(standstill))
        gates.gate.set()
    assert not noticed


def test_a_thread_that_has_ended_is_not_blocked(code: dict[str, Any]) -> None:
    with running("rest", code) as standstill:
        pass
    assert not standstill.look()

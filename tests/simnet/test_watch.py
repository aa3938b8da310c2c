"""Code that does not come back to its loop is named, and ended."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from labkit.errors import Blocked
from labkit.simnet import watch
from labkit.simnet.loop import SimLoop
from labkit.simnet.process import Process
from labkit.simnet.watch import standing, watched
from labkit.simnet.world import World

BUSY_S = 0.2


def simulated(main: Callable[[], Any], *, busy_s: float = BUSY_S) -> Any:
    loop = SimLoop(Process(World()))
    with watched(loop, busy_s), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


def work(real_s: float) -> None:
    ends_s = time.monotonic() + real_s
    while time.monotonic() < ends_s:
        pass


async def spin() -> None:
    while True:
        pass


async def spin_whatever_happens() -> None:
    while True:
        try:
            while True:
                pass
        except Exception:
            continue


def test_a_busy_loop_is_named_by_its_task_and_its_line() -> None:
    async def main() -> None:
        await asyncio.create_task(spin(), name="shop")

    with pytest.raises(Blocked, match=r"task shop has not come back .*: test_watch.py, line \d+"):
        simulated(main)


def test_a_busy_loop_in_the_main_task_is_named_too() -> None:
    with pytest.raises(Blocked, match="task Task-1 has not come back"):
        simulated(spin)


def test_a_busy_loop_in_a_callback_is_named_too() -> None:
    def spin_in_callback() -> None:
        while True:
            pass

    async def main() -> None:
        asyncio.get_running_loop().call_soon(spin_in_callback)
        await asyncio.sleep(1)

    with pytest.raises(Blocked, match="a callback has not come back"):
        simulated(main)


def test_who_catches_every_error_is_ended_nevertheless() -> None:
    async def main() -> None:
        await asyncio.create_task(spin_whatever_happens(), name="shop")

    with pytest.raises(Blocked, match="task shop has not come back"):
        simulated(main)


def test_who_is_interrupted_while_nobody_awaits_it_is_named_by_the_error_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        task = asyncio.create_task(spin())
        await asyncio.sleep(1)
        await task

    with pytest.raises(Blocked):
        simulated(main)
    # asyncio complains of errors that nobody has heard of when their tasks go.
    gc.collect()
    assert caplog.text == ""


def test_code_that_comes_back_from_time_to_time_is_left_alone() -> None:
    async def main() -> str:
        for _ in range(20):
            work(BUSY_S / 4)
            await asyncio.sleep(0)
        return "done"

    assert simulated(main) == "done"


def test_a_loop_that_waits_for_a_thread_is_left_alone() -> None:
    async def main() -> str:
        await asyncio.to_thread(threading.Event().wait, 2 * BUSY_S)
        return "done"

    assert simulated(main) == "done"


def test_code_after_the_simulation_is_left_alone() -> None:
    async def main() -> None:
        await asyncio.sleep(1)

    loop = SimLoop(Process(World()))
    with watched(loop, BUSY_S):
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())
        work(2 * BUSY_S)


def test_the_watch_ends_with_the_simulation() -> None:
    async def main() -> None:
        assert any(thread.name == "labkit-watch" for thread in threading.enumerate())

    simulated(main)
    assert not any(thread.name == "labkit-watch" for thread in threading.enumerate())


def test_where_there_are_no_threads_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    async def main() -> float:
        await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    assert simulated(main) == 1


def test_a_place_is_the_user_s_own_line_and_not_that_of_a_library() -> None:
    seen: list[str] = []

    def look(_: object) -> int:
        inside_of_json = sys._getframe(1)
        seen.append(standing(inside_of_json))
        return 0

    json.dumps(object(), default=look)
    assert seen[0].startswith("test_watch.py, line ")
    assert seen[0].endswith(": `json.dumps(object(), default=look)`")


def test_the_limit_is_five_seconds() -> None:
    assert watch.BUSY_S == 5

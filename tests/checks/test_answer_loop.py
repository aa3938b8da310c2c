import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from labkit.checks.answer_loop import RESTLESS_TURNS, AnswerLoop, Tasks, offspring


@pytest.fixture
def loop() -> Iterator[AnswerLoop]:
    loop = AnswerLoop()
    yield loop
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_loop_without_anything_to_do_never_wakes(loop: AnswerLoop) -> None:
    assert loop.run_until_complete(loop.settle()) is None


def test_a_loop_says_when_the_next_of_its_timers_goes_off(loop: AnswerLoop) -> None:
    late = loop.call_later(60, print)
    early = loop.call_later(30, print)
    wakes_s = loop.run_until_complete(loop.settle())
    assert wakes_s is not None
    assert 0 < wakes_s <= 30
    early.cancel()
    wakes_s = loop.run_until_complete(loop.settle())
    assert wakes_s is not None
    assert wakes_s > 30
    late.cancel()
    assert loop.run_until_complete(loop.settle()) is None


def test_a_timer_that_went_off_is_none(loop: AnswerLoop) -> None:
    kept = [loop.call_later(0, print)]
    assert loop.run_until_complete(loop.settle()) is None
    assert kept


async def hop(times: int, done: Callable[[], None]) -> None:
    for _ in range(times):
        await asyncio.sleep(0)
    done()


def test_settling_lasts_until_everything_is_done_that_can_be(loop: AnswerLoop) -> None:
    done: list[bool] = []

    async def settled() -> float | None:
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(hop(100, lambda: done.append(True))))
        return await loop.settle()

    tasks: list[asyncio.Task[None]] = []
    assert loop.run_until_complete(settled()) is None
    assert done


def test_a_loop_that_never_rests_acts_to_no_avail(loop: AnswerLoop) -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    task = loop.create_task(spin())
    assert loop.run_until_complete(loop.settle()) is None
    assert not task.done()
    assert loop.turns > RESTLESS_TURNS


def test_a_loop_whose_thread_is_at_work_is_about_to_act(loop: AnswerLoop) -> None:
    release = threading.Event()

    async def work() -> float | None:
        waiting = asyncio.create_task(asyncio.to_thread(release.wait))
        wakes_s = await loop.settle()
        release.set()
        await waiting
        return wakes_s

    assert loop.run_until_complete(work()) == 0
    assert loop.run_until_complete(loop.settle()) is None
    loop.run_until_complete(loop.shutdown_default_executor())


def test_tasks_count_among_the_offspring_of_whoever_started_them(loop: AnswerLoop) -> None:
    tasks: dict[str, asyncio.Task[None]] = {}

    def start(name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        tasks[name] = asyncio.get_running_loop().create_task(coroutine)

    async def child() -> None:
        start("grandchild", hop(1, lambda: None))

    async def parent() -> None:
        start("child", child())
        await tasks["child"]

    async def main() -> None:
        start("stranger", hop(1, lambda: None))
        offspring.set(started)
        await parent()
        await asyncio.gather(*tasks.values())

    started: Tasks = weakref.WeakSet()
    loop.run_until_complete(main())
    assert {tasks["child"], tasks["grandchild"]} <= set(started)
    assert tasks["stranger"] not in started

import asyncio
import gc
import sys
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from labkit.checks import tracing
from labkit.checks.answer_loop import TURN_NS, AnswerLoop, Tasks, offspring
from labkit.checks.messages import Place
from labkit.errors import Blocked
from labkit.simnet.clocks import virtual_time
from labkit.simnet.process import Process
from labkit.simnet.schedule import seconds
from labkit.simnet.selector import TURNS
from labkit.simnet.world import World

PATIENCE_S = 2.0


class Places(list[Place | None]):
    """At which lines of this module the loop was blocked."""

    def note(self) -> None:
        steps = list(tracing.outwards(sys._getframe().f_back))
        self.append(tracing.blocking(steps, globals()))


@pytest.fixture
def places() -> Places:
    return Places()


def made(places: Places) -> AnswerLoop:
    return AnswerLoop(
        Process(World()), patience_s=PATIENCE_S, hear=lambda data: None, blocked=places.note
    )


@pytest.fixture
def loop(places: Places) -> Iterator[AnswerLoop]:
    """A loop in a thread whose clock it is."""
    loop = made(places)
    with virtual_time(loop.clock):
        yield loop
    loop.close()


async def sleep(*naps: float) -> None:
    for nap in naps:
        time.sleep(nap)  # noqa: ASYNC251


def test_code_that_sleeps_has_slept_at_once_and_the_clocks_are_ahead(loop: AnswerLoop) -> None:
    loop.run_until_complete(sleep(0.5, 1.0))
    assert loop.ahead_s == 1.5
    assert (time.monotonic(), loop.time()) == (1.5, 0.0)


def test_code_may_sleep_as_long_as_its_patience_lasts(loop: AnswerLoop, places: Places) -> None:
    loop.run_until_complete(sleep(PATIENCE_S / 2, PATIENCE_S / 2))
    assert places == []


def test_code_that_sleeps_for_longer_is_ended(loop: AnswerLoop, places: Places) -> None:
    with pytest.raises(Blocked):
        loop.run_until_complete(sleep(PATIENCE_S, 0.001))
    assert len(places) == 1


def test_code_that_is_to_let_others_run_may_not_sleep_at_all(
    loop: AnswerLoop, places: Places
) -> None:
    loop.lets_others_run = True
    with pytest.raises(Blocked):
        loop.run_until_complete(sleep(0.001))
    assert len(places) == 1
    assert loop.ahead_s == 0


def test_code_that_blocks_is_told_of_from_where_it_does(loop: AnswerLoop, places: Places) -> None:
    loop.lets_others_run = True
    with pytest.raises(Blocked):
        loop.run_until_complete(sleep(1))
    line = sleep.__code__.co_firstlineno + 2
    assert places == [Place(line, "time.sleep(nap)  # noqa: ASYNC251")]


def test_code_that_blocks_is_told_of_before_it_can_do_anything_about_it(
    loop: AnswerLoop, places: Places
) -> None:
    async def answer() -> None:
        try:
            await sleep(1000)
        except BaseException:
            told_then.extend(places)

    told_then: list[Place | None] = []
    with pytest.raises(Blocked):
        loop.run_until_complete(answer())
    assert len(told_then) == 1


async def spin() -> None:
    while True:
        await asyncio.sleep(0)


def test_who_waits_for_an_answer_that_never_rests_sees_time_go_by(loop: AnswerLoop) -> None:
    async def wait() -> None:
        async with asyncio.timeout(1):
            await spin()

    with pytest.raises(TimeoutError):
        loop.run_until_complete(wait())
    turns = loop.turns * seconds(TURN_NS)
    assert turns == pytest.approx(1, abs=2 * TURNS * seconds(TURN_NS))


def test_a_task_that_does_not_end_is_run_by_nobody_when_its_loop_is_forgotten() -> None:
    caught: list[type[BaseException]] = []

    async def cling() -> None:
        while len(caught) < 3:
            try:
                await asyncio.sleep(1)
            except BaseException as error:
                caught.append(type(error))

    loop = made(Places())
    loop.create_task(cling())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    del loop
    gc.collect()
    assert caught == []


def test_a_task_that_nobody_refers_to_goes_on_all_the_same(loop: AnswerLoop) -> None:
    async def answer() -> None:
        await asyncio.Event().wait()

    async def start() -> None:
        tasks.append(weakref.ref(asyncio.create_task(answer())))
        await asyncio.sleep(0)

    tasks: list[weakref.ref[asyncio.Task[None]]] = []
    loop.run_until_complete(start())
    gc.collect()
    assert tasks[0]() is not None


class Belonging:
    """Something whose end can be noticed."""


def test_a_task_that_has_ended_is_forgotten(loop: AnswerLoop) -> None:
    async def answer() -> Belonging:
        return Belonging()

    belonging = weakref.ref(loop.run_until_complete(answer()))
    loop.run_until_complete(asyncio.sleep(0))
    gc.collect()
    assert belonging() is None


async def hop(times: int, done: Callable[[], None]) -> None:
    for _ in range(times):
        await asyncio.sleep(0)
    done()


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

"""Out of a running loop and back: afterwards the loop and its task are what they were."""

from __future__ import annotations

import asyncio
import asyncio.tasks
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from labkit.simnet.interlude import interlude


def here() -> tuple[asyncio.AbstractEventLoop | None, asyncio.Task[Any] | None]:
    loop = asyncio._get_running_loop()
    return loop, None if loop is None else asyncio.current_task()


def test_where_no_loop_runs_there_is_nothing_to_step_out_of() -> None:
    with interlude():
        assert here() == (None, None)
    assert here() == (None, None)


async def test_inside_no_loop_runs_and_afterwards_the_same_task_does() -> None:
    before = here()
    assert before[1] is not None
    with interlude():
        assert here() == (None, None)
    assert here() == before


async def test_an_error_inside_leaves_everything_as_it_was() -> None:
    before = here()
    with pytest.raises(ValueError, match="Spam"), interlude():
        raise ValueError("Spam")
    assert here() == before


async def test_another_loop_may_run_inside_with_tasks_of_its_own() -> None:
    async def inner() -> None:
        loop, task = here()
        assert loop is not before[0]
        assert task is not before[1]
        assert await asyncio.create_task(current()) not in (None, task)
        assert here() == (loop, task)

    async def current() -> asyncio.Task[Any] | None:
        await asyncio.sleep(0)
        return here()[1]

    before = here()
    with interlude():
        asyncio.run(inner())
    assert here() == before


async def test_a_loop_inside_that_is_broken_off_leaves_no_trace() -> None:
    class Torn(BaseException):
        pass

    async def tear() -> None:
        raise Torn

    before = here()
    with pytest.raises(Torn), interlude():
        asyncio.run(tear())
    assert here() == before


async def test_the_loop_goes_on_with_its_tasks_and_its_timers() -> None:
    async def count() -> int:
        for _ in range(3):
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            return await asyncio.to_thread(int, "3")

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    with interlude():
        asyncio.run(asyncio.sleep(0))
    assert await counting == 3


async def test_one_may_step_out_of_a_callback_which_is_no_task() -> None:
    seen: asyncio.Future[list[object]] = asyncio.get_running_loop().create_future()

    def call() -> None:
        before = here()
        with interlude():
            inside = here()
        seen.set_result([before[1], inside, here() == before])

    asyncio.get_running_loop().call_soon(call)
    assert await seen == [None, (None, None), True]


async def test_one_may_step_out_of_a_loop_that_runs_inside_another() -> None:
    async def inner() -> None:
        between = here()
        with interlude():
            asyncio.run(asyncio.sleep(0))
        assert here() == between

    before = here()
    with interlude():
        asyncio.run(inner())
    assert here() == before


@pytest.mark.parametrize("make", [asyncio.Task, asyncio.tasks._PyTask])  # type: ignore[attr-defined]
def test_tasks_written_in_python_are_left_and_entered_as_those_in_c(
    make: Callable[..., asyncio.Task[Any]],
) -> None:
    async def main() -> bool:
        before = here()
        with interlude():
            run(asyncio.sleep(0))
        await asyncio.sleep(0)
        return here() == before

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner() as runner:
            runner.get_loop().set_task_factory(lambda loop, coro, **_: make(coro, loop=loop))
            return runner.run(coroutine)

    assert run(main())

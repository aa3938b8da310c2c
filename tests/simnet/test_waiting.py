from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from labkit.simnet.waiting import Waiting, suspended, table, waiting


async def where(coroutine: Coroutine[Any, Any, Any]) -> Waiting:
    """Say where a task stands that has begun to wait."""
    task = asyncio.create_task(coroutine, name="order")
    await asyncio.sleep(0)
    try:
        return waiting(task)
    finally:
        task.cancel()


async def test_a_task_waits_at_its_own_innermost_line_and_for_what_that_calls() -> None:
    async def inner() -> None:
        await asyncio.Event().wait()

    async def outer() -> None:
        await inner()

    found = await where(outer())
    assert found.task == "order"
    assert found.at.endswith(": `await asyncio.Event().wait()`")
    assert found.at.startswith("test_waiting.py, line ")
    assert found.on == "Event.wait"


async def test_a_task_that_waits_for_a_task_says_which() -> None:
    other = asyncio.create_task(asyncio.sleep(60), name="kitchen")

    async def wait() -> None:
        await other

    assert (await where(wait())).on == "task kitchen"
    other.cancel()


async def test_a_task_that_waits_for_a_future_says_so() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    assert (await where(wait())).on == "a future"


async def test_a_task_of_a_library_waits_at_its_innermost_line() -> None:
    found = await where(asyncio.sleep(60))
    assert found.at.startswith("tasks.py, line ")


async def test_the_frames_of_an_async_for_are_walked() -> None:
    async def orders() -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "Spam"

    async def serve() -> None:
        async for _ in orders():
            pass

    task = asyncio.create_task(serve())
    await asyncio.sleep(0)
    names = [frame.f_code.co_name for frame in suspended(task.get_coro())]
    task.cancel()
    assert names == ["serve", "orders", "wait"]


def test_a_table_has_aligned_columns_under_titles() -> None:
    rows = [Waiting("a", "x.py, line 1: `f()`", "sleep"), Waiting("order", "y", "Event.wait")]
    assert table(rows).splitlines() == [
        "task   waits at             for",
        "a      x.py, line 1: `f()`  sleep",
        "order  y                    Event.wait",
    ]

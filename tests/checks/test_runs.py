import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from labkit.checks import plain
from labkit.checks.messages import Raised, Returned, Unwritten, Waiting
from labkit.checks.runs import Runs

FIRST = 0


@asynccontextmanager
async def runs() -> AsyncIterator[Runs]:
    runs = Runs({})
    yield runs
    await runs.abandon(FIRST)


async def rounds() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_run_waits_and_then_returns() -> None:
    go = asyncio.Event()

    async def answer() -> str:
        await go.wait()
        return "Spam"

    async with runs() as known:
        known.start(FIRST, answer())
        await rounds()
        assert known.outcome(FIRST) == Waiting()
        go.set()
        await rounds()
        assert known.outcome(FIRST) == Returned(plain.encode("Spam"))


async def test_a_run_is_started_before_its_first_step() -> None:
    steps: list[int] = []

    async def answer() -> None:
        steps.append(1)

    async with runs() as known:
        known.start(FIRST, answer())
        await asyncio.sleep(0)
        assert steps == []
        await rounds()
        assert steps == [1]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), asyncio.CancelledError()])
async def test_what_a_run_raises_is_told(error: BaseException) -> None:
    async def answer() -> None:
        raise error

    async with runs() as known:
        known.start(FIRST, answer())
        await rounds()
        outcome = known.outcome(FIRST)
    assert isinstance(outcome, Raised)
    assert outcome.kind == type(error).__name__


async def test_a_stub_is_told_from_a_failure() -> None:
    async def answer() -> None:
        raise NotImplementedError

    async with runs() as known:
        known.start(FIRST, answer())
        await rounds()
        assert isinstance(known.outcome(FIRST), Unwritten)


async def test_a_run_that_clings_is_cancelled_again_and_then_left() -> None:
    cancelled = 0
    released = asyncio.Event()

    async def cling() -> None:
        nonlocal cancelled
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                cancelled += 1

    async with runs() as known:
        known.start(FIRST, cling())
        await rounds()
        await known.abandon(FIRST)
        assert cancelled == 3
        released.set()


async def test_abandoning_what_was_never_started_is_nothing() -> None:
    await Runs({}).abandon(FIRST)

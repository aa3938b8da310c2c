import asyncio

import pytest

from labkit.checks import plain
from labkit.checks.messages import Raised, Returned, Unwritten, Waiting
from labkit.checks.runs import ENDING_ATTEMPTS, ENDING_S, Runs

from .simulated import simulated

FIRST = 0


@pytest.fixture
def known() -> Runs:
    return Runs({})


def now_s() -> float:
    return asyncio.get_running_loop().time()


@simulated
async def test_a_run_waits_and_then_returns(known: Runs) -> None:
    go = asyncio.Event()

    async def answer() -> str:
        await go.wait()
        return "Spam"

    known.start(FIRST, answer())
    assert await known.outcome(FIRST, 1) == Waiting()
    go.set()
    assert await known.outcome(FIRST, 1) == Returned(plain.encode("Spam"))


@simulated
async def test_an_outcome_is_waited_for_as_long_as_is_said(known: Runs) -> None:
    known.start(FIRST, asyncio.sleep(90))
    assert await known.outcome(FIRST, 60) == Waiting()
    assert now_s() == 60
    assert await known.outcome(FIRST, 60) == Returned(plain.encode(None))
    assert now_s() == 90


@simulated
async def test_an_outcome_that_is_there_takes_no_time_however_often_it_is_asked_for(
    known: Runs,
) -> None:
    known.start(FIRST, asyncio.sleep(0, "Spam"))
    for _ in range(2):
        assert await known.outcome(FIRST, 60) == Returned(plain.encode("Spam"))
    assert now_s() == 0


@simulated
async def test_who_only_looks_lets_a_run_go_on(known: Runs) -> None:
    known.start(FIRST, asyncio.sleep(1, "Spam"))
    assert await known.outcome(FIRST, 0) == Waiting()
    assert await known.outcome(FIRST, 2) == Returned(plain.encode("Spam"))


@simulated
async def test_a_run_is_started_before_its_first_step(known: Runs) -> None:
    steps: list[int] = []

    async def answer() -> None:
        steps.append(1)

    known.start(FIRST, answer())
    await asyncio.sleep(0)
    assert steps == []
    await known.outcome(FIRST, 1)
    assert steps == [1]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), asyncio.CancelledError()])
@simulated
async def test_what_a_run_raises_is_told(known: Runs, error: BaseException) -> None:
    async def answer() -> None:
        raise error

    known.start(FIRST, answer())
    outcome = await known.outcome(FIRST, 1)
    assert isinstance(outcome, Raised)
    assert outcome.kind == type(error).__name__


@simulated
async def test_a_stub_is_told_from_a_failure(known: Runs) -> None:
    async def answer() -> None:
        raise NotImplementedError

    known.start(FIRST, answer())
    assert isinstance(await known.outcome(FIRST, 1), Unwritten)


@simulated
async def test_what_a_run_that_is_abandoned_comes_to_is_told(known: Runs) -> None:
    async def answer() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "Spam"
        return "eggs"

    known.start(FIRST, answer())
    await known.outcome(FIRST, 1)
    assert await known.abandon(FIRST) == Returned(plain.encode("Spam"))


@simulated
async def test_a_run_that_lets_itself_be_cancelled_raises_just_that(known: Runs) -> None:
    known.start(FIRST, asyncio.sleep(60))
    await known.outcome(FIRST, 1)
    abandoned = await known.abandon(FIRST)
    assert isinstance(abandoned, Raised)
    assert abandoned.kind == "CancelledError"


@simulated
async def test_a_run_may_say_goodbye_before_it_ends(known: Runs) -> None:
    async def answer() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(ENDING_S / 2)
            said.append("goodbye")

    said: list[str] = []
    known.start(FIRST, answer())
    await known.outcome(FIRST, 1)
    await known.abandon(FIRST)
    assert said == ["goodbye"]


@simulated
async def test_a_run_that_clings_is_cancelled_again_and_then_left(known: Runs) -> None:
    cancelled = 0
    released = asyncio.Event()

    async def cling() -> None:
        nonlocal cancelled
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                cancelled += 1

    known.start(FIRST, cling())
    await known.outcome(FIRST, 1)
    assert await known.abandon(FIRST) is None
    assert cancelled == ENDING_ATTEMPTS
    assert now_s() == pytest.approx(1 + ENDING_ATTEMPTS * ENDING_S)
    released.set()


@simulated
async def test_abandoning_what_was_never_started_is_nothing(known: Runs) -> None:
    assert await known.abandon(FIRST) is None

"""A loop that always has something to do does not hold the time still, nor turn for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from labkit.errors import Blocked
from labkit.simnet.loop import SimLoop
from labkit.simnet.process import Process
from labkit.simnet.selector import STILL_TURNS, TURNS
from labkit.simnet.world import World


def simulated(main: Callable[[], Any], *, still_turns: int = STILL_TURNS) -> Any:
    loop = SimLoop(Process(World()), still_turns=still_turns)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


async def give_way_for_ever() -> None:
    while True:
        await asyncio.sleep(0)


async def count_turns_until(delay_s: float) -> int:
    loop = asyncio.get_running_loop()
    turns = 0
    while loop.time() < delay_s:
        await asyncio.sleep(0)
        turns += 1
    return turns


def test_time_passes_for_others_while_somebody_never_waits() -> None:
    async def main() -> float:
        spinner = asyncio.create_task(give_way_for_ever())
        await asyncio.sleep(0.01)
        spinner.cancel()
        return asyncio.get_running_loop().time()

    assert simulated(main) == pytest.approx(0.01)


def test_a_thousand_turns_take_a_millisecond() -> None:
    async def main() -> int:
        return await count_turns_until(0.005)

    assert simulated(main) == pytest.approx(5 * TURNS, abs=5)


def test_who_never_waits_is_named_by_task_and_line() -> None:
    async def main() -> None:
        await asyncio.create_task(give_way_for_ever(), name="shop")

    with pytest.raises(Blocked) as caught:
        simulated(main, still_turns=5_000)
    sentence, _, row = str(caught.value).splitlines()
    assert sentence == "somebody never waits: the loop has turned 5,000 times in no time"
    assert row.split() == [
        *["shop", "test_selector.py,", "line", row.split()[3], "`await"],
        *["asyncio.sleep(0)`", "sleep"],
    ]


def test_only_those_who_never_wait_are_named() -> None:
    async def main() -> None:
        spinner = asyncio.create_task(give_way_for_ever(), name="spinner")
        await asyncio.Event().wait()
        spinner.cancel()

    with pytest.raises(Blocked) as caught:
        simulated(main, still_turns=5_000)
    assert [line.split()[0] for line in str(caught.value).splitlines()[2:]] == ["spinner"]


def test_two_who_answer_each_other_in_no_time_for_ever_are_found() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)

    async def main() -> None:
        await asyncio.start_server(answer, "localhost", 80)
        reader, writer = await asyncio.open_connection("localhost", 80)
        writer.write(b"Spam")
        await answer(reader, writer)

    with pytest.raises(Blocked, match="in no time"):
        simulated(main, still_turns=5_000)


def test_as_long_as_time_passes_a_loop_may_turn_as_often_as_it_likes() -> None:
    async def main() -> str:
        for _ in range(10):
            for _ in range(300):
                await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        return "done"

    assert simulated(main, still_turns=1_000) == "done"


def test_the_limit_is_a_million_turns() -> None:
    assert STILL_TURNS == 1_000_000

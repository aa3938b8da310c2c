import asyncio
from collections.abc import Awaitable, Callable

import pytest

from labkit.checks.patience import GRACE_S, LATER_S, SOON_S, Patience, Rest, taken


class Scripted:
    """Finds something at one of the looks, and keeps how long each look may last."""

    def __init__(self, *found: str | None) -> None:
        self.found = list(found)
        self.waits: list[float] = []

    async def within(self, seconds: float) -> str | None:
        self.waits.append(seconds)
        return self.found.pop(0) if self.found else None


def settling(*rests: Rest) -> Callable[[], Awaitable[Rest]]:
    left = list(rests)

    async def settle() -> Rest:
        return left.pop(0)

    return settle


async def test_what_is_there_is_found_without_asking_the_answer() -> None:
    assert await Patience().wait(Scripted("Spam").within, settling()) == "Spam"


async def test_where_nothing_can_come_the_reason_is_found() -> None:
    rest = Rest("nothing: it waits for more")
    looks = Scripted()
    assert await Patience().wait(looks.within, settling(rest)) is rest
    assert looks.waits == [SOON_S, GRACE_S]


async def test_what_was_on_its_way_when_the_answer_rested_is_found() -> None:
    assert await Patience().wait(Scripted(None, "Spam").within, settling(Rest(""))) == "Spam"


async def test_what_a_stalled_answer_does_later_is_too_late() -> None:
    rest = Rest("it blocks the event loop", is_stalled=True)
    looks = Scripted(None, "Spam")
    assert await Patience().wait(looks.within, settling(rest)) is rest
    assert looks.waits == [SOON_S]


async def test_what_a_stalled_answer_is_asked_for_afterwards_is_not_waited_for() -> None:
    rest, looks, patience = Rest("it blocks", is_stalled=True), Scripted(None, "Spam"), Patience()
    await patience.wait(looks.within, settling(rest))
    assert await patience.wait(looks.within, settling()) is rest
    assert looks.waits == [SOON_S]


async def test_only_the_first_time_that_nothing_comes_is_waited_for_long() -> None:
    patience, looks = Patience(), Scripted()
    await patience.wait(Scripted().within, settling(Rest("")))
    await patience.wait(looks.within, settling(Rest("")))
    assert looks.waits == [LATER_S, LATER_S]


async def test_a_timer_that_goes_off_soon_is_waited_for() -> None:
    looks = Scripted(None, None, "Spam")
    rests = settling(Rest("", wakes_s=0.5), Rest("", wakes_s=0.0))
    assert await Patience().wait(looks.within, rests) == "Spam"
    assert looks.waits == [SOON_S, 0.5, SOON_S]


@pytest.mark.parametrize("wakes_s", [20.0, float("inf"), float("nan")])
async def test_a_timer_beyond_the_horizon_is_not_waited_for(wakes_s: float) -> None:
    rest = Rest("it waits", wakes_s)
    assert await Patience().wait(Scripted().within, settling(rest)) is rest


async def test_an_answer_that_is_always_busy_is_not_waited_for_endlessly() -> None:
    async def busy() -> Rest:
        return Rest("it waits", wakes_s=0.0)

    async def within(seconds: float) -> None:
        await asyncio.sleep(seconds)

    assert await Patience().wait(within, busy) == Rest("it waits", wakes_s=0.0)


async def test_what_a_queue_gives_in_time_is_taken() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
    assert await taken(queue, 0) is None
    queue.put_nowait("Spam")
    assert await taken(queue, 5) == "Spam"

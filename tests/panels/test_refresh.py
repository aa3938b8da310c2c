"""Drawing at most so often."""

from __future__ import annotations

import asyncio

from labkit.panels.refresh import Refresh


def test_without_an_event_loop_it_draws_at_once() -> None:
    drawn: list[str] = []
    refresh = Refresh(lambda: drawn.append("picture"))
    refresh.request()
    refresh.request()
    assert drawn == ["picture", "picture"]


async def test_many_requests_are_drawn_once() -> None:
    drawn = asyncio.Event()
    count = 0

    def draw() -> None:
        nonlocal count
        count += 1
        drawn.set()

    refresh = Refresh(draw, interval_s=0)
    for _ in range(100):
        refresh.request()
    assert count == 0
    await drawn.wait()
    assert count == 1


async def test_a_request_after_a_picture_is_drawn_too() -> None:
    pictures: asyncio.Queue[str] = asyncio.Queue()
    refresh = Refresh(lambda: pictures.put_nowait("picture"), interval_s=0)
    refresh.request()
    await pictures.get()
    refresh.request()
    assert await pictures.get() == "picture"


async def test_a_request_that_is_cancelled_is_not_drawn() -> None:
    drawn: list[str] = []
    refresh = Refresh(lambda: drawn.append("picture"), interval_s=0)
    refresh.request()
    refresh.cancel()
    await asyncio.sleep(0)
    assert drawn == []

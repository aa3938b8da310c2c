"""The feed: numbered events, the newest kept, whoever waits is woken."""

from __future__ import annotations

import asyncio
import json

from labkit.servers.feed import HISTORY, Event, Feed


async def filled(count: int) -> Feed:
    feed = Feed(clock=lambda: 12.5)
    for _ in range(count):
        await feed.publish()
    return feed


def test_an_event_is_some_30_bytes_of_json() -> None:
    text = Event(12, 81234.5678912).serialize()
    assert json.loads(text) == {"seq": 12, "at": 81234.567891}
    assert len(text) == 31


async def test_events_are_numbered_from_1_and_carry_the_time_of_the_clock() -> None:
    assert (await filled(2)).after(0) == [Event(1, 12.5), Event(2, 12.5)]


async def test_only_what_is_newer_is_returned() -> None:
    feed = await filled(5)
    assert [event.seq for event in feed.after(3)] == [4, 5]
    assert feed.after(5) == []


async def test_the_oldest_event_goes_first_when_the_history_is_full() -> None:
    feed = await filled(HISTORY + 3)
    assert [feed.after(0)[0].seq, feed.newest, len(feed.after(0))] == [4, HISTORY + 3, HISTORY]


async def test_what_is_there_already_is_not_waited_for() -> None:
    assert await (await filled(2)).wait_after(1) == [Event(2, 12.5)]


async def test_whoever_waits_is_woken_by_the_next_event() -> None:
    feed = await filled(1)
    waiters = [asyncio.create_task(feed.wait_after(1)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(waiter.done() for waiter in waiters)
    await feed.publish()
    assert await asyncio.gather(*waiters) == [[Event(2, 12.5)]] * 3


async def test_whoever_waits_at_the_end_gets_nothing() -> None:
    feed = await filled(1)
    waiter = asyncio.create_task(feed.wait_after(1))
    await asyncio.sleep(0)
    await feed.end()
    assert await waiter == []
    assert await feed.wait_after(0) == []

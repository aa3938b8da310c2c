"""In a simulation, Python's clocks show its time; other threads keep the real ones."""

from __future__ import annotations

import asyncio
import datetime
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from labkit.simnet.clocks import EPOCH_NS, Clock, virtual_time
from labkit.simnet.loop import SimLoop, current_host
from labkit.simnet.process import Process
from labkit.simnet.schedule import NS
from labkit.simnet.world import World

NAMES = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep")
YEAR_NS = 365 * 24 * 3600 * NS


def clock_at(time_s: float, *, skew_s: float = 0.0) -> Clock:
    return Clock(now_ns=lambda: round(time_s * NS), skew_s=lambda: skew_s, sleep=_refuse)


def _refuse(seconds: float) -> None:
    raise RuntimeError(f"sleeps {seconds} s")


@contextmanager
def on(host: str) -> Iterator[None]:
    token = current_host.set(host)
    yield
    current_host.reset(token)


def simulated(main: Callable[[], Any], *, skews: dict[str, float] | None = None) -> Any:
    skew = (skews or {}).get
    loop = SimLoop(Process(World()), skew_s=lambda host: skew(host, 0.0))
    with virtual_time(loop.clock), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


def is_real() -> bool:
    """Whether this thread's clocks are the system's: no simulation here lasts a year."""
    return (
        time.time_ns() > EPOCH_NS + YEAR_NS
        or abs(time.time() - datetime.datetime.now().timestamp()) < 3600
    )


def test_every_clock_shows_the_virtual_time() -> None:
    with virtual_time(clock_at(1.5)):
        assert (time.monotonic(), time.monotonic_ns()) == (1.5, 1_500_000_000)
        assert (time.perf_counter(), time.perf_counter_ns()) == (1.5, 1_500_000_000)


def test_the_wall_clock_begins_with_the_year_2026() -> None:
    with virtual_time(clock_at(60)):
        begun = datetime.datetime.fromtimestamp(time.time(), datetime.UTC)
        assert begun.isoformat() == "2026-01-01T00:01:00+00:00"


def test_a_skewed_wall_clock_is_ahead_and_the_others_are_not() -> None:
    with virtual_time(clock_at(1, skew_s=-0.25)):
        assert time.time_ns() == EPOCH_NS + 750_000_000
        assert time.monotonic() == 1


def test_everything_is_put_back() -> None:
    before = [getattr(time, name) for name in NAMES]
    with virtual_time(clock_at(0)):
        assert not set(before).intersection(getattr(time, name) for name in NAMES)
    assert [getattr(time, name) for name in NAMES] == before


def test_everything_is_put_back_after_an_error() -> None:
    before = time.monotonic
    with pytest.raises(KeyError), virtual_time(clock_at(0)):
        raise KeyError
    assert time.monotonic is before


def test_a_function_taken_out_of_time_in_a_simulation_is_real_afterwards() -> None:
    with virtual_time(clock_at(0)):
        taken = time.monotonic
    assert taken() > 0


def test_other_threads_keep_the_real_clocks() -> None:
    seen: list[bool] = []
    with virtual_time(clock_at(0)):
        thread = threading.Thread(target=lambda: seen.append(is_real()))
        thread.start()
        thread.join()
        assert time.monotonic() == 0
    assert seen == [True]


def test_two_threads_have_a_simulation_each() -> None:
    both_are_in = threading.Barrier(2)
    one_is_out = threading.Event()
    seen: dict[str, list[float]] = {}

    def first() -> None:
        with virtual_time(clock_at(1)):
            both_are_in.wait()
            seen["first"] = [time.monotonic()]
        one_is_out.set()

    def second() -> None:
        with virtual_time(clock_at(2)):
            both_are_in.wait()
            one_is_out.wait()
            seen["second"] = [time.monotonic()]

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"first": [1.0], "second": [2.0]}
    assert is_real()


def test_after_a_simulation_in_a_simulation_the_outer_one_goes_on() -> None:
    with virtual_time(clock_at(1)):
        with virtual_time(clock_at(2)):
            assert time.monotonic() == 2
        assert time.monotonic() == 1


def test_to_sleep_is_what_the_clock_says_it_is() -> None:
    with virtual_time(clock_at(0)), pytest.raises(RuntimeError, match=r"sleeps 1.5 s"):
        time.sleep(1.5)


def test_no_time_is_slept_by_who_only_gives_way() -> None:
    with virtual_time(clock_at(0)):
        time.sleep(0)


def test_a_negative_time_is_refused_as_by_the_system() -> None:
    with virtual_time(clock_at(0)), pytest.raises(ValueError, match="must be non-negative"):
        time.sleep(-1)


def test_the_clocks_go_with_the_loop() -> None:
    async def main() -> list[float]:
        before = time.monotonic()
        await asyncio.sleep(300)
        loop_s = asyncio.get_running_loop().time()
        return [before, time.monotonic(), time.perf_counter(), loop_s]

    assert simulated(main) == [0, 300, 300, 300]


def test_every_host_has_a_wall_clock_of_its_own() -> None:
    async def wall_s() -> float:
        await asyncio.sleep(1)
        return time.time() - EPOCH_NS / NS

    async def main() -> list[float]:
        tasks: list[asyncio.Task[float]] = []
        for host in ("phone", "shop"):
            with on(host):
                tasks.append(asyncio.create_task(wall_s()))
        return await asyncio.gather(*tasks)

    assert simulated(main, skews={"phone": 30.0}) == [31.0, 1.0]

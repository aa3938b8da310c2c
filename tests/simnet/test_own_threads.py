"""Threads that code starts by itself take part in a simulation, and wait in virtual time."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from labkit.errors import Blocked
from labkit.simnet.simulation import Simulation

NOON_S = 43_200.0


def simulated(main: Callable[[], Any]) -> Any:
    return Simulation(limit_s=10 * NOON_S).run(main())


def now_s() -> float:
    return asyncio.get_running_loop().time()


def test_a_thread_tells_its_loop_after_a_virtual_time() -> None:
    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[str] = loop.create_future()

        def work() -> None:
            time.sleep(NOON_S)
            loop.call_soon_threadsafe(told.set_result, "Spam")

        threading.Thread(target=work).start()
        return await told, now_s()

    assert simulated(main) == ("Spam", NOON_S)


def test_threads_of_a_thread_end_in_the_order_of_their_virtual_times() -> None:
    def work() -> list[int]:
        done: list[int] = []

        def sleep(seconds: int) -> None:
            time.sleep(seconds)
            done.append(seconds)

        threads = [threading.Thread(target=sleep, args=(seconds,)) for seconds in (3, 1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return done

    async def main() -> tuple[list[int], float]:
        return await asyncio.to_thread(work), now_s()

    assert simulated(main) == ([1, 2, 3], 3.0)


def test_who_joins_with_a_timeout_goes_on_at_that_virtual_time() -> None:
    def work() -> tuple[bool, float]:
        thread = threading.Thread(target=time.sleep, args=(NOON_S,), daemon=True)
        thread.start()
        thread.join(5)
        return thread.is_alive(), time.monotonic()

    async def main() -> tuple[bool, float]:
        return await asyncio.to_thread(work)

    assert simulated(main) == (True, 5.0)


WAITS: dict[str, Callable[[threading.Event, queue.Queue[int], Future[int]], object]] = {
    "an event": lambda event, items, future: event.wait(),
    "a queue": lambda event, items, future: items.get(),
    "a future": lambda event, items, future: future.result(),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_thread_waits_in_virtual_time_for(wait: Callable[..., object]) -> None:
    async def main() -> float:
        event, items, future = threading.Event(), queue.Queue[int](), Future[int]()

        def provide() -> None:
            time.sleep(NOON_S)
            event.set()
            items.put(1)
            future.set_result(1)

        threading.Thread(target=provide).start()
        await asyncio.to_thread(wait, event, items, future)
        return now_s()

    assert simulated(main) == NOON_S


def test_an_event_that_never_comes_is_waited_for_as_long_as_was_said() -> None:
    async def main() -> tuple[bool, float]:
        return await asyncio.to_thread(threading.Event().wait, NOON_S), now_s()

    assert simulated(main) == (False, NOON_S)


@pytest.mark.parametrize(
    ("wait", "call"),
    [
        (lambda thread: thread.join(), "Thread.join()"),
        (lambda thread: threading.Event().wait(), "Condition.wait()"),
        (lambda thread: queue.Queue[int]().get(), "Condition.wait()"),
    ],
)
def test_the_loops_own_thread_may_wait_for_none(wait: Callable[..., object], call: str) -> None:
    async def main() -> None:
        thread = threading.Thread(target=time.sleep, args=(1,))
        thread.start()
        wait(thread)

    with pytest.raises(Blocked) as blocked:
        simulated(main)
    assert str(blocked.value).startswith(f"{call} keeps everybody waiting")
    assert "test_own_threads.py" in str(blocked.value)


def test_what_is_there_already_is_not_waited_for() -> None:
    async def main() -> int:
        event, items = threading.Event(), queue.Queue[int]()
        event.set()
        event.wait()
        items.put(1)
        return items.get()

    assert simulated(main) == 1


def test_nobody_waits_for_a_thread_that_nobody_joins() -> None:
    async def main() -> float:
        threading.Thread(target=time.sleep, args=(NOON_S,)).start()
        threading.Thread(target=queue.Queue[int]().get).start()
        await asyncio.sleep(1)
        return now_s()

    assert simulated(main) == 1.0


def test_a_thread_that_never_rests_is_left_alone() -> None:
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            pass

    async def main() -> float:
        threading.Thread(target=work).start()
        await asyncio.sleep(1)
        return now_s()

    try:
        assert simulated(main) == 1.0
    finally:
        is_over.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_a_thread_raises_is_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> str:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        await asyncio.sleep(1)
        return "goes on"

    assert simulated(main) == "goes on"


def test_a_thread_of_its_own_is_on_the_host_of_who_starts_it() -> None:
    simulation = Simulation()
    seen: list[str] = []

    def work() -> None:
        from labkit.simnet.loop import current_host

        seen.append(current_host.get())

    async def main() -> None:
        with simulation.on("shop"):
            threading.Thread(target=work).start()
        await asyncio.sleep(1)

    simulation.run(main())
    assert seen == ["shop"]


def test_the_workers_of_an_executor_are_left_alone() -> None:
    async def main() -> int:
        with ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda: 42)
            while not future.done():
                await asyncio.sleep(0.001)
            return future.result()

    assert simulated(main) == 42


def test_what_a_thread_outside_provides_at_once_takes_no_virtual_time() -> None:
    asked: queue.SimpleQueue[threading.Event | None] = queue.SimpleQueue()

    def provide() -> None:
        while (event := asked.get()) is not None:
            event.set()

    def ask() -> bool:
        event = threading.Event()
        asked.put(event)
        return event.wait(NOON_S)

    async def main() -> tuple[bool, bool, float]:
        return ask(), await asyncio.to_thread(ask), now_s()

    provider = threading.Thread(target=provide)
    provider.start()
    try:
        assert simulated(main) == (True, True, 0.0)
    finally:
        asked.put(None)
        provider.join()


def test_outside_of_a_simulation_threads_are_as_they_were() -> None:
    simulated(lambda: asyncio.sleep(1))
    done = threading.Event()
    thread = threading.Thread(target=done.set)
    thread.start()
    assert done.wait(10)
    thread.join()

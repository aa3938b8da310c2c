"""Functions run in real threads, where time is virtual, and their results come in a fixed order."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from labkit.errors import Blocked, TimeIsUp
from labkit.simnet import threads
from labkit.simnet.clocks import virtual_time
from labkit.simnet.entropy import seeded
from labkit.simnet.loop import SimLoop, current_host
from labkit.simnet.process import Process
from labkit.simnet.world import World

HOUR_S = 3600


def simulated(main: Callable[[], Any], *, limit_s: float = 10 * HOUR_S) -> Any:
    loop = SimLoop(Process(World(limit_s=limit_s)))
    with (
        virtual_time(loop.clock),
        seeded(1),
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        return runner.run(main())


@pytest.fixture(params=["threads", "no threads"])
def with_or_without_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test twice: the second time where the system starts no threads."""
    if request.param == "no threads":

        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
    return str(request.param)


def now_s() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.usefixtures("with_or_without_threads")
class TestWithAndWithoutThreads:
    def test_an_hour_slept_in_a_thread_takes_an_hour_of_virtual_time(self) -> None:
        async def main() -> float:
            await asyncio.to_thread(time.sleep, HOUR_S)
            return now_s()

        assert simulated(main) == HOUR_S

    def test_what_a_function_returns_arrives(self) -> None:
        async def main() -> str:
            return await asyncio.to_thread("{} and {}".format, "Spam", "eggs")

        assert simulated(main) == "Spam and eggs"

    def test_what_a_function_raises_arrives(self) -> None:
        async def main() -> None:
            await asyncio.to_thread(int, "Spam")

        with pytest.raises(ValueError, match="Spam"):
            simulated(main)

    def test_a_thread_reads_the_time_up_to_which_it_has_slept(self) -> None:
        def work() -> list[float]:
            seen = [time.monotonic()]
            for _ in range(2):
                time.sleep(1.5)
                seen.append(time.monotonic())
            return seen

        async def main() -> Any:
            return await asyncio.to_thread(work)

        assert simulated(main) == [0, 1.5, 3]

    def test_time_stands_still_for_who_does_not_sleep(self) -> None:
        async def main() -> float:
            await asyncio.to_thread(sum, range(100_000))
            return now_s()

        assert simulated(main) == 0

    def test_the_loop_goes_on_while_a_thread_sleeps(self) -> None:
        async def main() -> list[tuple[str, float]]:
            seen = []

            async def tick() -> None:
                for _ in range(3):
                    await asyncio.sleep(1)
                    seen.append(("loop", now_s()))

            async def sleep() -> None:
                await asyncio.to_thread(time.sleep, 1.5)
                seen.append(("thread", now_s()))

            await asyncio.gather(tick(), sleep())
            return seen

        assert simulated(main) == [("loop", 1), ("thread", 1.5), ("loop", 2), ("loop", 3)]

    def test_results_of_the_same_moment_come_in_the_order_in_which_they_were_asked_for(
        self,
    ) -> None:
        async def main() -> list[int]:
            arrived: list[int] = []

            async def ask(number: int) -> None:
                # The later it was asked for, the earlier it is done.
                await asyncio.to_thread(sum, range(100_000 // (number + 1)))
                arrived.append(number)

            await asyncio.gather(*map(ask, range(20)))
            return arrived

        assert simulated(main) == list(range(20))

    def test_a_thread_runs_on_the_host_that_asked_for_it(self) -> None:
        async def main() -> list[str]:
            current_host.set("shop")
            loop = asyncio.get_running_loop()
            asked = [
                asyncio.to_thread(current_host.get),
                loop.run_in_executor(None, current_host.get),
            ]
            return list(await asyncio.gather(*asked))

        assert simulated(main) == ["shop", "shop"]

    def test_chance_in_a_thread_follows_from_the_seed(self) -> None:
        async def main() -> list[bytes]:
            asked = [asyncio.to_thread(os.urandom, 4) for _ in range(5)]
            return list(await asyncio.gather(*asked))

        assert simulated(main) == simulated(main)

    def test_a_simulation_ends_when_its_threads_have_ended(self) -> None:
        ended: list[float] = []

        def work() -> None:
            time.sleep(10)
            ended.append(time.monotonic())

        async def main() -> None:
            async with asyncio.timeout(1):
                await asyncio.to_thread(work)

        with pytest.raises(TimeoutError):
            simulated(main)
        assert ended == [10]


def test_threads_of_the_same_moment_go_one_after_the_other() -> None:
    def work(seen: list[tuple[int, int]], number: int) -> None:
        for turn in range(3):
            seen.append((turn, number))
            time.sleep(1)

    async def main() -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        await asyncio.gather(*(asyncio.to_thread(work, seen, number) for number in range(10)))
        return seen

    assert simulated(main) == [(turn, number) for turn in range(3) for number in range(10)]


def test_threads_may_wait_for_each_other() -> None:
    async def main() -> object:
        box: queue.Queue[str] = queue.Queue()
        taken, _ = await asyncio.gather(
            asyncio.to_thread(box.get), asyncio.to_thread(box.put, "Spam")
        )
        return taken

    assert simulated(main) == "Spam"


def test_no_more_threads_run_at_a_time_than_an_executor_has_workers() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            await asyncio.gather(
                *(loop.run_in_executor(executor, time.sleep, 10) for _ in range(6))
            )
        return now_s()

    assert simulated(main) == 30


def test_without_an_executor_the_limit_is_the_same_on_every_machine() -> None:
    async def main() -> float:
        count = threads.WORKERS + 1
        await asyncio.gather(*(asyncio.to_thread(time.sleep, 1) for _ in range(count)))
        return now_s()

    assert simulated(main) == 2


def test_an_executor_of_another_kind_runs_by_itself_and_time_stands_still() -> None:
    class Own(concurrent.futures.Executor):
        def submit(self, fn: Any, /, *args: Any, **options: Any) -> Any:
            future: concurrent.futures.Future[Any] = concurrent.futures.Future()
            thread = threading.Thread(target=lambda: future.set_result(fn(*args, **options)))
            thread.start()
            return future

    async def main() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(Own(), sum, [1, 2]), now_s()

    assert simulated(main) == (3, 0)


def test_what_is_cancelled_before_it_has_begun_never_runs() -> None:
    seen: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        executor = concurrent.futures.ThreadPoolExecutor(1)
        first = loop.run_in_executor(executor, time.sleep, 10)
        second = loop.run_in_executor(executor, seen.append, 2)
        await asyncio.sleep(1)
        second.cancel()
        await first

    simulated(main)
    assert seen == []


def test_a_thread_may_have_the_loop_run_a_coroutine_and_wait_for_it() -> None:
    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()

        async def answer() -> str:
            await asyncio.sleep(60)
            return "Spam"

        def ask() -> tuple[str, float]:
            said = asyncio.run_coroutine_threadsafe(answer(), loop).result()
            return said, time.monotonic()

        return await asyncio.to_thread(ask)

    assert simulated(main) == ("Spam", 60)


def test_what_threads_want_the_loop_to_call_is_called_in_the_order_of_the_threads() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        seen: list[int] = []

        def work(number: int) -> None:
            time.sleep(number % 2)
            loop.call_soon_threadsafe(seen.append, number)

        await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(6)))
        return seen

    assert simulated(main) == [0, 2, 4, 1, 3, 5]


def test_what_a_thread_took_back_is_not_called() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        seen: list[int] = []
        await asyncio.to_thread(lambda: loop.call_soon_threadsafe(seen.append, 1).cancel())
        await asyncio.sleep(1)
        return seen

    assert simulated(main) == []


def test_a_loop_that_never_rests_still_gets_its_results() -> None:
    async def main() -> str:
        asked = asyncio.create_task(asyncio.to_thread(lambda: "Spam"))
        while not asked.done():
            await asyncio.sleep(0)
        return asked.result()

    assert simulated(main) == "Spam"


def test_a_thread_that_never_comes_back_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "THREAD_S", 0.1)
    until_over = threading.Lock()
    until_over.acquire()

    def brood() -> None:
        until_over.acquire()

    async def main() -> None:
        await asyncio.to_thread(brood)

    with pytest.raises(Blocked, match=r"brood, at test_threads.py, line \d+: `until_over.acq"):
        simulated(main)
    until_over.release()


def test_a_thread_that_computes_for_ever_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "THREAD_S", 0.2)
    is_over = threading.Event()

    def wait_for_time_to_pass() -> None:
        begun_s = time.monotonic()
        while time.monotonic() == begun_s and not is_over.is_set():
            pass

    async def main() -> None:
        await asyncio.to_thread(wait_for_time_to_pass)

    with pytest.raises(Blocked, match=r"wait_for_time_to_pass, at test_threads.py"):
        simulated(main)
    is_over.set()


def test_a_thread_that_sleeps_too_long_ends_with_its_simulation() -> None:
    seen: list[str] = []

    def work() -> None:
        try:
            time.sleep(HOUR_S)
            seen.append("awake")
        finally:
            seen.append("ended")

    async def main() -> None:
        await asyncio.to_thread(work)

    with pytest.raises(TimeIsUp):
        simulated(main, limit_s=60)
    assert seen == ["ended"]


def test_a_thread_that_has_to_end_cannot_sleep_on() -> None:
    def work() -> None:
        try:
            time.sleep(HOUR_S)
        finally:
            time.sleep(HOUR_S)

    async def main() -> None:
        await asyncio.to_thread(work)

    with pytest.raises(TimeIsUp):
        simulated(main, limit_s=60)
    assert not [thread for thread in threading.enumerate() if "simulation" in thread.name]


def test_threads_of_a_host_end_with_its_tasks_in_their_order() -> None:
    ended: list[tuple[str, float]] = []

    def work(name: str) -> None:
        try:
            time.sleep(HOUR_S)
        finally:
            ended.append((name, time.monotonic()))

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        tasks = []
        for name, host in (("one", "shop"), ("two", "phone"), ("three", "shop")):
            current_host.set(host)
            tasks.append(asyncio.create_task(asyncio.to_thread(work, name)))
        current_host.set("localhost")
        await asyncio.sleep(60)
        loop.end_tasks_of("shop")
        for task in (tasks[0], tasks[2]):
            with pytest.raises(asyncio.CancelledError):
                await task
        await tasks[1]
        return now_s()

    assert simulated(main) == HOUR_S
    assert ended == [("one", 60), ("three", 60), ("two", HOUR_S)]


def test_a_thread_of_a_host_that_ends_before_its_turn_never_runs() -> None:
    seen: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        current_host.set("shop")
        asked = loop.run_in_executor(None, seen.append, "Spam")
        loop.end_tasks_of("shop")
        with pytest.raises(asyncio.CancelledError):
            await asked

    simulated(main)
    assert seen == []


def test_no_thread_is_left_behind() -> None:
    async def main() -> None:
        await asyncio.gather(*(asyncio.to_thread(time.sleep, 1) for _ in range(5)))

    simulated(main)
    assert not [thread for thread in threading.enumerate() if "simulation" in thread.name]

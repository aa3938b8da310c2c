"""A loop in virtual time: who blocks it is named, and who ends it is heard."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from labkit.errors import Blocked, SimulationError
from labkit.simnet.clocks import virtual_time
from labkit.simnet.loop import SimLoop, current_host
from labkit.simnet.process import Process
from labkit.simnet.world import World


@contextmanager
def on(host: str) -> Iterator[None]:
    token = current_host.set(host)
    yield
    current_host.reset(token)


def simulated(main: Callable[[], Any]) -> Any:
    loop = SimLoop(Process(World()))
    with virtual_time(loop.clock), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


def running_loop() -> SimLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    return loop


async def block() -> None:
    time.sleep(3)  # noqa: ASYNC251


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_who_sleeps_on_the_loop_s_own_thread_is_named_with_the_line() -> None:
    async def main() -> None:
        await block()

    with pytest.raises(Blocked, match=r"time.sleep\(3\) .*: test_virtual.py, line \d+: `time.sle"):
        simulated(main)


def test_who_sleeps_is_told_what_to_write_instead() -> None:
    with pytest.raises(Blocked, match=r"Write `await asyncio.sleep\(3\)`"):
        simulated(block)


def test_nobody_can_hide_that_somebody_sleeps() -> None:
    async def main() -> None:
        try:
            await block()
        except Exception:
            await asyncio.sleep(60)

    with pytest.raises(Blocked):
        simulated(main)


def test_a_sleep_of_no_time_blocks_nobody() -> None:
    async def main() -> str:
        time.sleep(0)  # noqa: ASYNC251
        return "done"

    assert simulated(main) == "done"


def test_a_loop_that_is_ended_raises_what_it_was_ended_with() -> None:
    async def main() -> None:
        running_loop().end_with(SimulationError("the shop is closed"))
        await asyncio.sleep(60)

    with pytest.raises(SimulationError, match="the shop is closed"):
        simulated(main)


def test_after_it_was_ended_the_tasks_clean_up() -> None:
    seen: list[str] = []

    async def main() -> None:
        running_loop().end_with(SimulationError("the shop is closed"))
        try:
            await wait_for_ever()
        finally:
            await asyncio.sleep(1)
            seen.append("cleaned up")

    with pytest.raises(SimulationError):
        simulated(main)
    assert seen == ["cleaned up"]


def test_the_tasks_of_a_host_end_in_the_order_in_which_they_began() -> None:
    async def main() -> list[str]:
        ended: list[str] = []

        async def serve(name: str) -> None:
            try:
                await wait_for_ever()
            finally:
                ended.append(name)

        tasks: list[asyncio.Task[None]] = []
        for host in ("shop", "phone", "shop"):
            with on(host):
                tasks.append(asyncio.create_task(serve(f"{host} {len(tasks)}")))
        await asyncio.sleep(1)
        running_loop().end_tasks_of("shop")
        await asyncio.sleep(1)
        assert [task.done() for task in tasks] == [True, False, True]
        return list(ended)

    assert simulated(main) == ["shop 0", "shop 2"]


def test_what_a_task_of_a_host_started_ends_with_it() -> None:
    async def main() -> bool:
        started: list[asyncio.Task[None]] = []

        async def serve() -> None:
            started.append(asyncio.create_task(wait_for_ever()))

        with on("shop"):
            await asyncio.create_task(serve())
        running_loop().end_tasks_of("shop")
        await asyncio.sleep(1)
        return started[0].cancelled()

    assert simulated(main)


def test_whoever_handles_connections_runs_on_the_host_that_listens() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(current_host.get())
            writer.close()

        with on("localhost"):
            await asyncio.start_server(serve, port=80)
        _, writer = await asyncio.open_connection("localhost", 80)
        await asyncio.sleep(1)
        writer.close()
        return seen

    assert simulated(main) == ["localhost"]


@pytest.mark.parametrize("wait", [asyncio.timeout, asyncio.wait_for], ids=["timeout", "wait_for"])
def test_who_waits_for_the_rest_of_a_nanosecond_gets_there(wait: object) -> None:
    async def until_late(left_s: float) -> None:
        if wait is asyncio.wait_for:
            await asyncio.wait_for(asyncio.Event().wait(), left_s)
        else:
            async with asyncio.timeout(left_s):
                await asyncio.gather(asyncio.Event().wait())

    async def main() -> float:
        now = asyncio.get_running_loop().time
        await asyncio.sleep(0.801)
        # In floating point, this is a little more than the sum of what is slept.
        ends_s = now() + 0.5
        while (left_s := ends_s - now()) > 0:
            with contextlib.suppress(TimeoutError):
                await until_late(min(left_s, 0.01))
        return now()

    assert simulated(main) == pytest.approx(1.301, abs=1e-6)

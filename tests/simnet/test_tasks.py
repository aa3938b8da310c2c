"""Tasks of a simulation know their host, and sets of them have the same order in every process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from labkit.simnet.loop import SimLoop, current_host
from labkit.simnet.process import Process
from labkit.simnet.tasks import SimTask
from labkit.simnet.world import World


def simulated(main: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=lambda: SimLoop(Process(World()))) as runner:
        return runner.run(main())


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_tasks_are_numbered_anew_by_every_loop() -> None:
    async def main() -> list[str]:
        return [asyncio.create_task(asyncio.sleep(0)).get_name() for _ in range(2)]

    assert simulated(main) == ["Task-2", "Task-3"]
    assert simulated(main) == ["Task-2", "Task-3"]


def test_a_task_keeps_the_name_that_it_was_given() -> None:
    async def main() -> str:
        return asyncio.create_task(asyncio.sleep(0), name="order").get_name()

    assert simulated(main) == "order"


def test_a_set_of_tasks_has_the_order_in_which_they_began() -> None:
    async def main() -> list[str]:
        tasks = []
        for number in range(50):
            tasks.append(asyncio.create_task(asyncio.sleep(0), name=str(number)))
            tasks += [asyncio.create_task(asyncio.sleep(0), name="gone") for _ in range(number % 3)]
        kept = {task for task in tasks if task.get_name() != "gone"}
        return [task.get_name() for task in kept]

    assert simulated(main) == [str(number) for number in range(50)]


def test_a_group_cancels_its_tasks_in_the_order_in_which_they_began() -> None:
    cancelled: list[int] = []

    async def member(number: int) -> None:
        try:
            await wait_for_ever()
        finally:
            cancelled.append(number)

    async def fail() -> None:
        raise KeyError

    async def main() -> None:
        noise: list[Any] = []
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    noise.append([bytearray(300) for _ in range(number)])
                    group.create_task(member(number))
                await asyncio.sleep(1)
                group.create_task(fail())
        except* KeyError:
            pass

    simulated(main)
    assert cancelled == list(range(20))


def test_two_tasks_of_different_loops_are_never_the_same() -> None:
    async def main() -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.sleep(0))

    one, other = simulated(main), simulated(main)
    assert hash(one) == hash(other)
    assert one != other


def test_a_task_runs_on_the_host_on_which_it_was_started() -> None:
    async def main() -> list[str]:
        tasks = [asyncio.create_task(asyncio.sleep(0))]
        current_host.set("shop")
        tasks.append(asyncio.create_task(asyncio.sleep(0)))
        return [task.host for task in tasks if isinstance(task, SimTask)]

    assert simulated(main) == ["localhost", "shop"]

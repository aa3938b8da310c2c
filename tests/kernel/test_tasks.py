from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

import labkit
from labkit.errors import UsageError
from labkit.kernel.belongings import Belongings
from labkit.kernel.cells import Cell
from labkit.kernel.tasks import Patience

CELL = Cell("a", 4, shows_late_output=True)


class Clock:
    """A loop as `Patience` sees it: its timers fire when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Any]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay_s: float, callback: Any) -> Any:
        self.timers.append((self.now + delay_s, callback))
        return asyncio.get_running_loop().call_later(3600, callback)

    def run_until(self, now: float) -> None:
        while self.timers and self.timers[0][0] <= now:
            self.now, callback = self.timers.pop(0)
            callback()
        self.now = now


async def noted(belongings: Belongings, coroutine: Any) -> tuple[Any, Any]:
    """Start a task that belongs to a cell, and let it come to where it waits."""
    task = asyncio.create_task(coroutine)
    belongings.note_task(task, CELL, None, now=0.0)
    await asyncio.sleep(0)
    ((_, origin),) = belongings.tasks()
    return task, origin


async def test_a_task_that_never_moved_waits_since_it_was_made() -> None:
    clock, belongings = Clock(), Belongings()
    patience = Patience(clock, belongings)  # type: ignore[arg-type]
    patience.begin()
    task, origin = await noted(belongings, asyncio.Event().wait())

    clock.run_until(60.0)

    assert patience.since(task, origin) == 0.0
    task.cancel()


async def test_a_task_waits_since_it_was_first_seen_to_wait_for_the_same_thing() -> None:
    async def two(first: asyncio.Event, second: asyncio.Event) -> None:
        await first.wait()
        await second.wait()

    clock, belongings = Clock(), Belongings()
    patience = Patience(clock, belongings)  # type: ignore[arg-type]
    patience.begin()
    first, second = asyncio.Event(), asyncio.Event()
    task, origin = await noted(belongings, two(first, second))
    clock.run_until(10.2)

    first.set()
    await asyncio.sleep(0)
    clock.run_until(60.0)

    assert patience.since(task, origin) == 10.5
    task.cancel()


async def test_without_tasks_nothing_is_looked_at() -> None:
    clock, belongings = Clock(), Belongings()
    patience = Patience(clock, belongings)  # type: ignore[arg-type]
    patience.begin()
    task, _ = await noted(belongings, asyncio.sleep(0))
    await task

    clock.run_until(60.0)

    assert clock.timers == []


async def test_looking_keeps_no_task_and_no_future_alive() -> None:
    clock, belongings = Clock(), Belongings()
    patience = Patience(clock, belongings)  # type: ignore[arg-type]
    patience.begin()
    await noted(belongings, asyncio.Event().wait())
    clock.run_until(1.0)

    gc.collect()

    assert list(belongings.tasks()) == []


def test_without_the_extension_there_is_a_sentence_that_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="load it first: %load_ext labkit"):
        labkit.tasks()


async def test_the_table_says_which_task_waits_where_and_on_what(kernel: Any) -> None:
    await kernel.run(
        "import asyncio, labkit\n"
        "async def listen(queue):\n"
        "    while True:\n"
        "        item = await queue.get()\n"
        "task = asyncio.create_task(listen(asyncio.Queue())); await asyncio.sleep(0)",
        cell="listen",
    )

    ran = await kernel.run("labkit.tasks()", cell="tasks")

    title, row = ran.data[0]["text/plain"].splitlines()
    assert title.split("  ")[0] == "task"
    assert [text for text in row.split("  ") if text] == [
        "listen",
        "cell [2]",
        "cell [2], line 4: `item = await queue.get()`".replace("  ", " "),
        "Queue.get",
        "0 s",
    ]


async def test_a_task_that_a_cell_without_await_starts_belongs_to_it(kernel: Any) -> None:
    await kernel.run("import asyncio, labkit")
    await kernel.run("task = asyncio.create_task(asyncio.sleep(60), name='nap')", cell="nap")

    ran = await kernel.run("labkit.tasks()", cell="tasks")

    assert ran.data[0]["text/plain"].splitlines()[1].split()[:3] == ["nap", "cell", "[3]"]


async def test_neither_the_kernels_tasks_nor_the_running_cell_are_in_the_table(kernel: Any) -> None:
    ran = await kernel.run("import asyncio, labkit\nawait asyncio.sleep(0)\nlabkit.tasks()")

    assert ran.data[0]["text/plain"] == "no task of this notebook is running"


async def test_what_handlers_and_timers_start_belongs_to_the_cell_of_the_server(
    kernel: Any,
) -> None:
    await kernel.run(
        "import asyncio, labkit\n"
        "async def handler(reader, writer): await reader.read()\n"
        "server = await asyncio.start_server(handler, '127.0.0.1', 0)\n"
        "address = server.sockets[0].getsockname()",
        cell="server",
    )
    await kernel.run("reader, writer = await asyncio.open_connection(*address)", cell="client")
    port = await kernel.value("address[1]")

    ran = await kernel.run("await asyncio.sleep(0); labkit.tasks()", cell="tasks")

    _, row, *rest = ran.data[0]["text/plain"].splitlines()
    assert row.startswith("handler  cell [2]  cell [2], line 2: `")
    assert rest == [
        f"cell [2] holds a server on 127.0.0.1:{port}, 1 connection",
        "cell [3] holds 1 connection",
    ]


async def test_a_task_factory_of_the_reader_still_makes_the_tasks(kernel: Any) -> None:
    await kernel.run("%unload_ext labkit")
    await kernel.run(
        "import asyncio, labkit\n"
        "made = []\n"
        "def factory(loop, coroutine, **options):\n"
        "    made.append(coroutine.__qualname__)\n"
        "    return asyncio.Task(coroutine, loop=loop, **options)\n"
        "asyncio.get_running_loop().set_task_factory(factory)"
    )
    await kernel.run("%load_ext labkit")

    ran = await kernel.run(
        "task = asyncio.create_task(asyncio.sleep(60)); await asyncio.sleep(0)\n"
        "print(made.count('sleep')); labkit.tasks()",
        cell="task",
    )
    await kernel.run("%unload_ext labkit")

    assert ran.text == "1\n"
    assert "sleep" in ran.data[0]["text/plain"]
    assert await kernel.value("asyncio.get_running_loop().get_task_factory() is factory")


async def test_tasks_are_noted_after_nest_asyncio(kernel: Any) -> None:
    await kernel.run("import asyncio, labkit, nest_asyncio; nest_asyncio.apply()")
    await kernel.run("async def wait(): await asyncio.Future()", cell="define")
    await kernel.run("task = asyncio.create_task(wait()); await asyncio.sleep(0)", cell="task")

    ran = await kernel.run("labkit.tasks()", cell="tasks")

    assert "cell [3], line 1: `async def wait(): await asyncio.Future()`" in str(ran.data[0])

from __future__ import annotations

import asyncio
from typing import Any

import websockets
from IPython.core.compilerop import CachingCompiler

from labkit.kernel.belongings import Belongings
from labkit.kernel.cells import Cell
from labkit.kernel.places import Places
from labkit.kernel.table import Row, Table, open_things, rows

CELL = Cell("a", 4, shows_late_output=True)
OTHER = Cell("b", 7, shows_late_output=True)

HANDLERS = """
async def listen(queue):
    async for item in queue:
        print(item)

async def wait_for(other):
    await other
"""


class Queue(asyncio.Queue[str]):
    def __aiter__(self) -> Any:
        return self._items()

    async def _items(self) -> Any:
        while True:
            yield await self.get()


async def table(*coroutines: Any, places: Places | None = None) -> list[Row]:
    """Return the rows of tasks that run ``coroutines`` for cell 4."""
    belongings = Belongings()
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    for task in tasks:
        belongings.note_task(task, CELL, None, now=0.0)
    await asyncio.sleep(0)
    waiting = [(task, origin, 12.7) for task, origin in belongings.tasks()]
    try:
        return rows(waiting, places or Places(CachingCompiler()))
    finally:
        for task in tasks:
            task.cancel()


def readers_own() -> tuple[Places, dict[str, Any]]:
    """Return functions that cell 4 has defined."""
    compiler = CachingCompiler()
    made: dict[str, Any] = {}
    exec(compiler(HANDLERS, compiler.cache(HANDLERS, 4), "exec"), made)
    return Places(compiler), made


async def test_a_task_that_iterates_waits_where_the_loop_stands() -> None:
    places, made = readers_own()

    (row,) = await table(made["listen"](Queue()), places=places)

    assert row.where == "cell [4], line 3: `async for item in queue:`"
    assert row.on == "Queue._items"


async def test_a_task_that_awaits_a_task_says_which() -> None:
    places, made = readers_own()
    other = asyncio.create_task(asyncio.sleep(60), name="other")

    (row,) = await table(made["wait_for"](other), places=places)
    other.cancel()

    assert row.on == "task `other`"


async def test_a_task_that_awaits_a_future_says_so() -> None:
    places, made = readers_own()

    (row,) = await table(made["wait_for"](asyncio.Future()), places=places)

    assert (row.name, row.on) == ("wait_for", "a future")


async def test_what_the_readers_line_awaits_counts_and_not_what_called_it() -> None:
    places, made = readers_own()

    async def serve() -> None:
        await made["wait_for"](asyncio.Event().wait())

    (row,) = await table(serve(), places=places)

    assert (row.name, row.on) == ("wait_for", "Event.wait")


async def test_tasks_of_a_library_share_a_row() -> None:
    server = await websockets.serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with websockets.connect(f"ws://127.0.0.1:{port}") as client:
        (row,) = await table(client.keepalive(), client.wait_closed(), client.keepalive())
    server.close()

    assert row.cells() == ("websockets (x 3)", "cell [4]", "in its own code", "", "12 s")


async def test_tasks_of_asyncio_that_are_alike_share_a_row() -> None:
    (row,) = await table(*(asyncio.sleep(60) for _ in range(3)))

    assert row.cells() == ("sleep (x 3)", "cell [4]", "`sleep`", "sleep", "12 s")


async def test_columns_are_aligned() -> None:
    short, long = Row("a", "cell [4]", "`a`", "b", 1.0), Row("spam", "cell [10]", "`c`", "d", 2.0)

    assert repr(Table([short, long], ["cell [4] holds 1 connection"])).splitlines() == [
        "task  cell       waits at  on  since",
        "a     cell [4]   `a`       b   1 s",
        "spam  cell [10]  `c`       d   2 s",
        "cell [4] holds 1 connection",
    ]


def test_a_line_of_a_cell_is_code_in_html() -> None:
    html = Table([Row("a", "cell [4]", "line 3: `a < b`", "c", 0.0)], [])._repr_html_()

    assert "<td>line 3: <code>a &lt; b</code></td>" in html


def test_html_is_escaped() -> None:
    html = Table([Row("<b>", "cell [4]", "a < b", "c", 0.0)], ["<i>"])._repr_html_()

    assert "<td>&lt;b&gt;</td><td>cell [4]</td><td>a &lt; b</td>" in html
    assert "<p>&lt;i&gt;</p>" in html


def test_an_empty_table_says_so_in_both_forms() -> None:
    empty = Table([], [])

    assert repr(empty) == "no task of this notebook is running"
    assert empty._repr_html_() == "<p>no task of this notebook is running</p>"


async def test_open_servers_and_connections_are_counted_cell_by_cell() -> None:
    belongings = Belongings()
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    belongings.note_server(server, OTHER)
    writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(2)]
    for writer in writers:
        belongings.note_connection(writer.transport, CELL)

    lines = open_things(belongings)
    for writer in writers:
        writer.transport.abort()
    server.close()
    await asyncio.sleep(0)

    assert lines == ["cell [4] holds 2 connections", f"cell [7] holds a server on 127.0.0.1:{port}"]
    assert open_things(belongings) == []

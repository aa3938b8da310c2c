from __future__ import annotations

import asyncio
import gc

from labkit.kernel.belongings import Belongings, is_open
from labkit.kernel.cells import Cell

CELL = Cell("a", 4, shows_late_output=True)


async def test_what_the_code_of_a_cell_starts_is_a_root_and_what_that_starts_is_none() -> None:
    belongings = Belongings()
    kernels, root, child = (asyncio.create_task(asyncio.sleep(0)) for _ in range(3))
    by_callback = asyncio.create_task(asyncio.sleep(0))
    belongings.note_task(root, CELL, kernels, now=0.0)
    belongings.note_task(child, CELL, root, now=0.0)
    belongings.note_task(by_callback, CELL, None, now=0.0)

    roots = {task for task, origin in belongings.tasks() if origin.is_root}

    assert roots == {root}


async def test_the_task_that_runs_a_cell_is_none_that_it_has_started() -> None:
    belongings = Belongings()
    kernels, run, root = (asyncio.create_task(asyncio.sleep(0)) for _ in range(3))
    belongings.note_task(run, CELL, kernels, now=0.0)
    belongings.forget_task(run)
    belongings.note_task(root, CELL, run, now=0.0)

    assert [(task, origin.is_root) for task, origin in belongings.tasks()] == [(root, True)]


async def test_a_task_that_has_ended_is_not_told_of() -> None:
    belongings = Belongings()
    task = asyncio.create_task(asyncio.sleep(0))
    belongings.note_task(task, CELL, None, now=0.0)
    await task

    assert list(belongings.tasks()) == []


async def test_what_nobody_refers_to_is_forgotten() -> None:
    belongings = Belongings()
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    belongings.note_server(server, CELL)
    server.close()
    del server
    gc.collect()

    assert len(belongings._servers) == 0


async def test_a_connection_is_open_until_its_socket_is_closed() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())

    states = [is_open(writer.transport)]
    writer.transport.abort()
    states.append(is_open(writer.transport))
    async with asyncio.timeout(60):
        while is_open(writer.transport):
            await asyncio.sleep(0)

    assert states == [True, True]
    server.close()

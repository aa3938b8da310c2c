"""Every cell of the lessons that starts something can be run again and again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from .server_cells import SERVER_CELLS, code_cells, unlisted

TIMES = 50
SECONDS = 30
ALIKE = 5
# Sockets, not files: what else a kernel has open comes and goes.
COUNT = """
import asyncio, gc, threading
import psutil
gc.collect()
print([
    len(psutil.Process().net_connections()),
    len(asyncio.all_tasks()),
    sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate()),
])
"""


async def counted(kernel: Any) -> list[int]:
    return json.loads((await kernel.run(COUNT, cell="count")).text)


async def settled(kernel: Any) -> list[int]:
    """Return what is counted when it is the same several times: clients connect by and by."""
    counts = [await counted(kernel)]
    async with asyncio.timeout(SECONDS):
        while counts[-ALIKE:] != [counts[-1]] * ALIKE:
            counts.append(await counted(kernel))
    return counts[-1]


async def no_more_than(once: list[int], kernel: Any, id: str) -> None:
    """Wait until no more is open than ``once`` was: the kernel's own tasks come and go."""
    now = await counted(kernel)
    try:
        async with asyncio.timeout(SECONDS):
            while any(n > m for n, m in zip(now, once, strict=True)):
                now = await counted(kernel)
    except TimeoutError:
        tasks = await kernel.value("[repr(task) for task in asyncio.all_tasks()]")
        pytest.fail("\n".join((f"{id}: {once}, and after {TIMES} times {now}", *tasks)))


def test_every_server_cell_is_listed() -> None:
    assert list(unlisted()) == []


@pytest.mark.parametrize("lesson", SERVER_CELLS)
async def test_a_server_cell_run_fifty_times_leaves_nothing_behind(
    kernel: Any, lesson: str
) -> None:
    cells = code_cells(lesson)
    assert (await kernel.run(cells["setup"], cell="setup")).status == "ok"
    for id in SERVER_CELLS[lesson]:
        await kernel.run(cells[id], cell=id)
        once = await settled(kernel)
        for _ in range(TIMES):
            ran = await kernel.run(cells[id], cell=id)
            assert ran.status == "ok", ran.error
        await no_more_than(once, kernel, id)

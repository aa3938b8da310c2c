"""Every cell of the lessons that starts something can be run again and again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .server_cells import SERVER_CELLS, code_cells, unlisted

TIMES = 50
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
        once = await counted(kernel)
        for _ in range(TIMES):
            ran = await kernel.run(cells[id], cell=id)
            assert ran.status == "ok", ran.error
        # The kernel's own tasks come and go.
        now = await counted(kernel)
        assert all(n <= m for n, m in zip(now, once, strict=True)), (id, once, now)

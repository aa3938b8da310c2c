from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from labkit.kernel.blocking import COMPUTATION, find_remedy

#: A short patience, so that these tests need not wait for the real one.
HASTY = """
import asyncio, pathlib, time
from labkit.kernel import blocking
blocking.PERIOD_S = 0.05
blocking.BLOCKED_S = 0.2
"""
WAITING = "server = await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', 0)"


def block(stop: Path, how: str = "time.sleep(0.1)") -> str:
    """Return a cell that blocks the loop until the file ``stop`` is there."""
    return f"while not pathlib.Path({str(stop)!r}).exists():\n    {how}"


async def printed(kernel: Any, text: str) -> str:
    """Read until a message prints ``text``, under whatever cell; return the whole message."""
    async with asyncio.timeout(60):
        while True:
            message = await kernel.client.get_iopub_msg()
            if message["msg_type"] == "stream" and text in message["content"]["text"]:
                return str(message["content"]["text"])


async def test_a_blocking_cell_is_named_while_it_blocks(kernel: Any, tmp_path: Path) -> None:
    await kernel.run(HASTY, cell="a")
    await kernel.run(WAITING, cell="b")
    stop = tmp_path / "stop"
    id = await kernel.send(block(stop), cell="c")
    assert await printed(kernel, "blocked") == (
        "cell [4], line 2: `time.sleep(0.1)` has blocked the event loop for 0 s, and with it "
        "1 server of this notebook. Interrupt the cell, or use `await asyncio.sleep(0.1)`.\n"
    )
    stop.touch()
    ran = await kernel.ended(id)
    # Once, however long it takes.
    assert "blocked" not in ran.text


async def test_a_blocking_task_is_named_while_no_cell_runs(kernel: Any, tmp_path: Path) -> None:
    await kernel.run(HASTY, cell="a")
    await kernel.run(WAITING, cell="b")
    stop = tmp_path / "stop"
    body = block(stop).replace("\n", "\n    ")
    code = f"async def block():\n    {body}\ntask = asyncio.create_task(block())"
    await kernel.send(code, cell="c")
    text = await printed(kernel, "blocked")
    assert text.startswith("cell [4], line 3: `time.sleep(0.1)` has blocked")
    # The task that blocks does not wait for itself.
    assert "and with it 1 server of this notebook. Interrupt the kernel" in text
    stop.touch()


#: Blocks for longer than the watch's patience, in a cell that ends by itself.
LONG = "time.sleep(1)"


async def test_nothing_is_said_where_nobody_waits(kernel: Any) -> None:
    await kernel.run(HASTY, cell="a")
    assert (await kernel.run(LONG, cell="b")).text == ""


async def test_nothing_is_said_while_a_cell_awaits(kernel: Any) -> None:
    await kernel.run(HASTY, cell="a")
    await kernel.run(WAITING, cell="b")
    assert (await kernel.run("await asyncio.sleep(1)", cell="c")).text == ""


async def test_nothing_is_said_of_an_import(kernel: Any, tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text(f"import time\n{LONG}\n")
    await kernel.run(HASTY + f"import sys\nsys.path.insert(0, {str(tmp_path)!r})", cell="a")
    await kernel.run(WAITING, cell="b")
    assert (await kernel.run("import slow_to_import", cell="c")).text == ""


COMPUTE = "end = time.monotonic() + 1\nwhile time.monotonic() < end: pass"


async def test_a_computation_is_named_where_somebody_looks(kernel: Any) -> None:
    await kernel.run(HASTY, cell="a")
    await kernel.run(WAITING, cell="b")
    assert "now and then in a loop" in (await kernel.run(COMPUTE, cell="c")).text


async def test_a_stored_output_does_not_depend_on_how_fast_a_machine_computes(kernel: Any) -> None:
    await kernel.run(HASTY)
    await kernel.run(WAITING)
    assert (await kernel.run(COMPUTE)).text == ""
    assert "asyncio.sleep(1)" in (await kernel.run(LONG)).text


async def test_who_waits_is_counted(kernel: Any) -> None:
    code = """
import websockets
async def echo(connection):
    async for message in connection: await connection.send(message)
server = await websockets.serve(echo, "127.0.0.1", 0)
port = server.sockets[0].getsockname()[1]
client = await websockets.connect(f"ws://127.0.0.1:{port}")
task = asyncio.create_task(asyncio.sleep(60))
"""
    await kernel.run(HASTY, cell="a")
    await kernel.run(code, cell="b")
    text = (await kernel.run(LONG, cell="c")).text
    assert "and with it 1 server, 2 connections and " in text


@pytest.mark.parametrize(
    ("source", "modules", "remedy"),
    [
        ("sleep(delay)", [], "`await asyncio.sleep(delay)`"),
        ("total = sum(squares)", [], COMPUTATION),
        ("plot(points)", ["numpy", "matplotlib"], COMPUTATION),
        ("page = requests.get(url)", ["requests"], "`await asyncio.to_thread(requests.get, url)`"),
        ("print(input())", ["ipykernel"], "`await asyncio.to_thread(print, input())`"),
        ("for line in page:", ["socket"], "`await asyncio.to_thread(…)`"),
        (
            "task.result()",
            ["threading", "concurrent"],
            "`await asyncio.wrap_future(…)` instead of `.result()`",
        ),
        ("check('01.1', f)", ["time", "labkit"], None),
    ],
)
def test_the_remedy_fits_what_blocks(source: str, modules: list[str], remedy: str | None) -> None:
    assert find_remedy(source, modules) == remedy


async def test_unloading_ends_the_thread(kernel: Any) -> None:
    await kernel.run("%unload_ext labkit")
    names = await kernel.value("[t.name for t in __import__('threading').enumerate()]")
    assert threading.main_thread().name in names
    assert "labkit-blocking" not in names

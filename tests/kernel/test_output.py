from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from labkit.kernel.output import Held

PREPARE = """
import asyncio, sys, threading
bell = asyncio.Event()
async def speak():
    while True:
        await bell.wait()
        bell.clear()
        print("from the background")
        print("and an error", file=sys.stderr)
"""
START = "task = asyncio.create_task(speak()); await asyncio.sleep(0)"
#: The task speaks while this cell runs.
RING = "bell.set(); await asyncio.sleep(0); await asyncio.sleep(0)"
#: The task speaks when this cell has ended: a cell that does not await ends in one round.
RING_AFTER = """
async def ring():
    bell.set()
ringing = asyncio.create_task(ring())
"""
SPOKEN = "from the background\nand an error\n"

SERVER = """\
%load_ext labkit
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
async def echo(connection):
    async for message in connection:
        print("the server got", message)
        await connection.send(message)
        if message == "Eggs":
            raise ValueError("no eggs")"""
LISTEN = """\
server = await serve(echo, "127.0.0.1", 0)
uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}\""""
ASK = """\
async with connect(uri, proxy=None) as client:
    await client.send("Spam")
    print(await client.recv())
    await client.send("Eggs")
    print(await client.recv())"""


async def test_the_background_prints_under_the_cell_that_runs(kernel: Any) -> None:
    await kernel.run(PREPARE, cell="prepare")
    await kernel.run(START, cell="start")

    ran = await kernel.run(f"print('first')\n{RING}\nprint('last')", cell="ring")

    assert ran.text == f"first\n{SPOKEN}last\n"
    assert kernel.printed_late == {}


async def test_when_no_cell_runs_the_background_prints_under_the_one_that_ran_last(
    kernel: Any,
) -> None:
    await kernel.run(PREPARE, cell="prepare")
    await kernel.run(START, cell="start")

    last = await kernel.send(RING_AFTER, cell="last")
    text = (await kernel.ended(last)).text

    assert text + await printed_after(kernel, last, "and an error\n") == SPOKEN


async def test_without_a_front_end_it_is_held_for_the_next_cell(kernel: Any) -> None:
    await kernel.run(PREPARE)
    await kernel.run(START)

    rang = await kernel.run(RING_AFTER)
    ran = await kernel.run("print('next')")

    assert rang.text == ""
    assert ran.text == f"{SPOKEN}next\n"
    assert kernel.printed_late == {}


async def test_what_is_printed_at_the_very_end_of_a_cell_is_not_lost(kernel: Any) -> None:
    await kernel.run("import asyncio")
    for rounds in range(12):
        ran = await kernel.run(
            "async def speak():\n"
            f"    for _ in range({rounds}): await asyncio.sleep(0)\n"
            f"    print('after', {rounds})\n"
            "speaking = asyncio.create_task(speak())"
        )
        after = await kernel.run("await speaking")
        assert ran.text + after.text == f"after {rounds}\n"


async def test_a_thread_prints_under_the_cell_that_runs(kernel: Any) -> None:
    await kernel.run(PREPARE, cell="prepare")
    await kernel.run(
        "go, gone = threading.Event(), threading.Event()\n"
        "def speak():\n"
        "    go.wait(); print('from a thread'); gone.set()\n"
        "threading.Thread(target=speak).start()",
        cell="thread",
    )

    ran = await kernel.run("print('first'); go.set(); gone.wait(); print('last')", cell="run")

    assert ran.text == "first\nfrom a thread\nlast\n"


async def test_a_thread_that_prints_between_two_cells_is_not_lost(kernel: Any) -> None:
    await kernel.run(PREPARE)

    ran = await kernel.run(
        "def speak():\n"
        "    for number in range(200): print(number)\n"
        "thread = threading.Thread(target=speak); thread.start()"
    )
    after = await kernel.run("thread.join()")

    assert (ran.text + after.text).split() == [str(number) for number in range(200)]
    assert kernel.printed_late == {}


async def test_a_log_that_kept_the_stream_is_shown_where_the_reader_looks(kernel: Any) -> None:
    await kernel.run("import asyncio, logging; logging.basicConfig(format='%(message)s')")
    await kernel.run("bell = asyncio.Event()", cell="bell")
    await kernel.run(
        "async def log():\n    await bell.wait(); logging.warning('logged')\n"
        "task = asyncio.create_task(log()); await asyncio.sleep(0)",
        cell="log",
    )

    ran = await kernel.run("bell.set(); await task", cell="ring")

    assert ran.text == "logged\n"


async def test_more_than_a_mebibyte_is_dropped_and_counted(kernel: Any) -> None:
    await kernel.run(PREPARE)
    await kernel.run(
        "async def flood():\n"
        "    for _ in range(2000): print('x' * 1023)\n"
        "flooding = asyncio.create_task(flood())"
    )

    ran = await kernel.run("await flooding")

    assert ran.text.count("x\n") == 1024
    assert ran.text.endswith("… 976 lines dropped\n")


async def test_what_a_cell_prints_itself_is_left_alone(kernel: Any) -> None:
    ran = await kernel.run(
        "import sys\nprint('out')\nsys.stdout.writelines(['a', 'b'])\n"
        "try: sys.stdout.write(3)\nexcept TypeError as error: print(error)"
    )

    assert ran.text == "out\nabwrite() argument must be str, not <class 'int'>\n"


async def test_unloading_gives_the_streams_back(kernel: Any) -> None:
    await kernel.run("import asyncio, sys")
    await kernel.run("%unload_ext labkit")
    # While a cell that does not await runs, IPython has its own `write` in place.
    await kernel.run("await asyncio.sleep(0); write = sys.stdout.write, sys.stderr.write")

    assert await kernel.value("[one.__module__ for one in write]") == 2 * ["ipykernel.iostream"]


def notebook() -> nbformat.NotebookNode:
    """Return a notebook whose server prints, and fails, while a later cell asks it."""
    cells = [
        nbformat.v4.new_code_cell(code) for code in (SERVER, LISTEN, ASK, "pass", "print('x')")
    ]
    cells[2].metadata["tags"] = ["raises-exception"]
    return nbformat.v4.new_notebook(cells=cells)


def executed() -> nbformat.NotebookNode:
    return NotebookClient(notebook(), timeout=60, record_timing=False).execute()


def test_a_notebook_that_runs_headless_keeps_what_the_server_prints() -> None:
    outputs = [cell.outputs for cell in executed().cells]

    asked, after = outputs[2], outputs[3]
    assert asked[0].text == "the server got Spam\nSpam\nthe server got Eggs\nEggs\n"
    shown = "".join(output.get("text", "") for output in [*asked, *after])
    assert "connection handler failed: ValueError: no eggs\n  cell [1], line 9, in echo" in shown


def test_a_notebook_that_runs_headless_stores_the_same_every_time() -> None:
    first, second = executed(), executed()

    assert [cell.outputs for cell in first.cells] == [cell.outputs for cell in second.cells]


def test_nbval_finds_the_same_outputs(tmp_path: Path) -> None:
    path = tmp_path / "server.ipynb"
    nbformat.write(executed(), path)

    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", path.name]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    assert ran.returncode == 0, ran.stdout
    assert "5 passed" in ran.stdout


def test_what_is_held_keeps_its_order_and_its_streams() -> None:
    held = Held()
    for stream, text in (("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")):
        held.add(stream, text)

    assert held.parts() == [("stdout", "ab"), ("stderr", "c"), ("stdout", "d")]


def test_once_something_is_dropped_nothing_is_added_to_what_is_held() -> None:
    held = Held(most=5)
    for text in ("four", "lots\n", "\n"):
        held.add("stdout", text)

    assert held.parts() == [("stdout", "four"), ("stderr", "… 2 lines dropped\n")]


async def printed_after(kernel: Any, id: str, end: str) -> str:
    """Read until ``end`` is printed by the cell ``id``, which has ended; return what it printed."""
    text = str(kernel.printed_late.get(id, ""))
    async with asyncio.timeout(60):
        while not text.endswith(end):
            message = await kernel.client.get_iopub_msg()
            if message["msg_type"] == "stream" and message["parent_header"]["msg_id"] == id:
                text += message["content"]["text"]
    return text

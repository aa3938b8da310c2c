from __future__ import annotations

import asyncio
import re
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

#: Far more than the second that an interrupt may take, far less than any of these cells would.
BOUND_S = 10.0

PREPARE = """
import asyncio, threading, time, websockets
ready = threading.Event()
async def silent(connection):
    await connection.wait_closed()
server = await websockets.serve(silent, "127.0.0.1", 0)
port = server.sockets[0].getsockname()[1]
connection = await websockets.connect(f"ws://127.0.0.1:{port}")
async def block_soon():
    await asyncio.sleep(0)
    print("blocks", flush=True)
    time.sleep(60)
"""


async def shown(kernel: Any, id: str, text: str) -> None:
    """Read until ``text`` is printed under the cell ``id``, or until the cell is announced."""
    async with asyncio.timeout(60):
        while True:
            message = await kernel.client.get_iopub_msg()
            kind, parent = message["msg_type"], message["parent_header"].get("msg_id")
            printed = message["content"].get("text", "") if kind == "stream" else kind
            if parent == id and text in printed:
                return


async def interrupted(kernel: Any, code: str, *, cell: str = "a", at: str = "blocks") -> Any:
    """Run a cell, interrupt it when ``at`` is shown, return what became of it."""
    id = await kernel.send(code, cell)
    await shown(kernel, id, at)
    async with asyncio.timeout(BOUND_S):
        await kernel.interrupt()
        return await kernel.ended(id)


async def assert_unharmed(kernel: Any) -> None:
    """Check that the next cells, of both kinds, run as if nothing had been."""
    ran = await kernel.run("print('fine')")
    assert (ran.status, ran.text) == ("ok", "fine\n")
    ran = await kernel.run("import asyncio\nawait asyncio.sleep(0.01)\nprint('fine')")
    assert (ran.status, ran.text) == ("ok", "fine\n")


AWAITING = ["asyncio.Future()", "asyncio.sleep(60)", "connection.recv()"]
BLOCKING = ["time.sleep(60)", "while True: pass", "threading.Event().wait()"]


@pytest.mark.parametrize("awaited", AWAITING)
async def test_a_cell_that_awaits_is_interrupted_every_time(kernel: Any, awaited: str) -> None:
    await kernel.run(PREPARE)
    for _ in range(3):
        ran = await interrupted(kernel, f"print('blocks', flush=True)\nawait {awaited}")
        assert ran.status == "error"
        assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [")
        assert ran.error.endswith(f"], line 2: `await {awaited}`")
    await assert_unharmed(kernel)


@pytest.mark.parametrize("blocking", BLOCKING)
async def test_a_cell_that_blocks_is_interrupted_every_time(kernel: Any, blocking: str) -> None:
    await kernel.run(PREPARE)
    for _ in range(3):
        ran = await interrupted(kernel, f"print('blocks', flush=True)\n{blocking}")
        assert ran.status == "error"
        # It is announced by the first line, which may still be at it.
        line = rf"(1: `print\(.*\)`|2: `{re.escape(blocking)}`)"
        assert re.match(rf"KeyboardInterrupt: interrupted at cell \[\d+\], line {line}", ran.error)
    await assert_unharmed(kernel)


@pytest.mark.parametrize("blocking", BLOCKING)
async def test_a_cell_that_awaits_and_then_blocks_is_broken_off(kernel: Any, blocking: str) -> None:
    await kernel.run(PREPARE)
    for _ in range(3):
        code = f"await asyncio.sleep(0)\nprint('blocks', flush=True)\n{blocking}"
        ran = await interrupted(kernel, code)
        assert ran.status == "error"
        assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [")
        assert ran.error.endswith(f", line 3: `{blocking}`, which blocked the event loop")
    await assert_unharmed(kernel)


@pytest.mark.parametrize("first", ["pass", "await asyncio.sleep(0)"], ids=["blocks", "awaits"])
async def test_an_interrupt_that_another_thread_gets_ends_a_call_that_waits(
    kernel: Any, first: str
) -> None:
    await kernel.run(PREPARE)
    # As with one that comes a moment before the call: nothing tells the main thread of it.
    await kernel.run("""
import signal, sys
def interrupt_at(line):
    main = threading.main_thread().ident
    while sys._current_frames()[main].f_lineno != line:
        time.sleep(0.001)
    signal.raise_signal(signal.SIGINT)
""")
    async with asyncio.timeout(BOUND_S):
        ran = await kernel.run(
            f"{first}\nthreading.Thread(target=interrupt_at, args=[3]).start()\ntime.sleep(60)"
        )
    assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [4], line 3: `time.sleep(")
    await assert_unharmed(kernel)


async def test_the_traceback_of_a_cancelled_cell_is_its_lines_and_nothing_else(kernel: Any) -> None:
    await kernel.run(PREPARE)
    await kernel.run("async def wait():\n    await connection.recv()", cell="b")
    code = "print('blocks', flush=True)\nawait wait()"
    id = await kernel.send(code, "a")
    await shown(kernel, id, "blocks")
    await kernel.interrupt()
    async with asyncio.timeout(BOUND_S):
        message = await kernel.client.get_iopub_msg()
        while message["msg_type"] != "error":
            message = await kernel.client.get_iopub_msg()
    assert message["content"]["traceback"] == [
        "KeyboardInterrupt: interrupted at cell [3], line 2: `await connection.recv()`",
        "  called from cell [4], line 2: `await wait()`",
    ]
    assert message["content"]["ename"] == "KeyboardInterrupt"
    reply = await kernel.client.get_shell_msg()
    while reply["parent_header"].get("msg_id") != id:
        reply = await kernel.client.get_shell_msg()
    assert reply["content"]["status"] == "error"
    assert reply["content"]["ename"] == "KeyboardInterrupt"


async def test_a_cancellation_without_an_interrupt_keeps_its_traceback(kernel: Any) -> None:
    ran = await kernel.run(
        "import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(60))\ntask.cancel()\nawait task"
    )
    assert (ran.status, ran.error) == ("error", "CancelledError: ")


async def test_an_interrupted_cell_runs_its_own_cleaning_up(kernel: Any) -> None:
    await kernel.run(PREPARE)
    code = """
try:
    print("blocks", flush=True)
    await asyncio.Future()
finally:
    await asyncio.sleep(0.01)
    print("cleaned up")
"""
    assert "cleaned up" in (await interrupted(kernel, code)).text


async def test_a_task_that_blocks_is_broken_off_while_a_cell_awaits(kernel: Any) -> None:
    await kernel.run(PREPARE, cell="prepare")
    ran = await interrupted(
        kernel, "task = asyncio.create_task(block_soon())\nawait asyncio.Future()"
    )
    assert ran.error == (
        "KeyboardInterrupt: interrupted at cell [3], line 2: `await asyncio.Future()`"
    )
    assert "interrupted: cell [2], line 11: `time.sleep(60)` blocked the event loop\n" in ran.text
    assert await kernel.value("task.cancelled()") is True


async def test_a_task_that_blocks_is_broken_off_while_no_cell_runs(kernel: Any) -> None:
    await kernel.run(PREPARE)
    id = await kernel.send(
        "asyncio.get_running_loop().call_soon(asyncio.ensure_future, block_soon())", cell="a"
    )
    await shown(kernel, id, "blocks")
    await kernel.interrupt()
    async with asyncio.timeout(BOUND_S):
        await assert_unharmed(kernel)


async def test_a_callback_that_blocks_is_broken_off(kernel: Any) -> None:
    await kernel.run(PREPARE)
    ran = await interrupted(
        kernel,
        "loop = asyncio.get_running_loop()\n"
        "loop.call_soon(lambda: (print('blocks', flush=True), time.sleep(60)))\n"
        "await asyncio.Future()",
    )
    assert ran.error.endswith("line 3: `await asyncio.Future()`")
    assert "line 2: `loop.call_soon(" in ran.text


async def test_the_client_of_a_handler_that_is_broken_off_hears_of_it(kernel: Any) -> None:
    await kernel.run(PREPARE)
    code = """
async def handler(connection):
    await connection.recv()
    await block_soon()
async with websockets.serve(handler, "127.0.0.1", 0) as blocking:
    port = blocking.sockets[0].getsockname()[1]
    async with websockets.connect(f"ws://127.0.0.1:{port}") as client:
        await client.send("Spam")
        try:
            await client.recv()
        except asyncio.CancelledError:
            await client.wait_closed()
            print("closed with", client.close_code)
"""
    assert "closed with 1011" in (await interrupted(kernel, code)).text


STUBBORN = """
while True:
    try:
        print("blocks", flush=True)
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("goes on", flush=True)
"""


async def test_a_second_interrupt_ends_a_cell_that_swallows_the_first(kernel: Any) -> None:
    await kernel.run(PREPARE)
    id = await kernel.send(STUBBORN, "a")
    await shown(kernel, id, "blocks")
    await kernel.interrupt()
    await shown(kernel, id, "goes on")
    await kernel.interrupt()
    async with asyncio.timeout(BOUND_S):
        ran = await kernel.ended(id)
    assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [3], line ")
    assert await kernel.value("__import__('sys').gettrace()") is None
    await assert_unharmed(kernel)


async def test_a_second_interrupt_ends_a_cell_that_blocks_and_swallows_the_first(
    kernel: Any,
) -> None:
    await kernel.run(PREPARE)
    code = """
while True:
    try:
        print("blocks", flush=True)
        time.sleep(60)
    except:
        print("goes on", flush=True)
"""
    id = await kernel.send(code, "a")
    await shown(kernel, id, "blocks")
    await kernel.interrupt()
    await shown(kernel, id, "goes on")
    await shown(kernel, id, "blocks")
    await kernel.interrupt()
    async with asyncio.timeout(BOUND_S):
        ran = await kernel.ended(id)
    assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [3], line ")
    assert await kernel.value("__import__('sys').gettrace()") is None
    await assert_unharmed(kernel)


async def test_a_second_interrupt_ends_a_cell_that_cleans_up_too_long(kernel: Any) -> None:
    await kernel.run(PREPARE)
    code = """
try:
    print("blocks", flush=True)
    await asyncio.Future()
finally:
    print("cleans up", flush=True)
    await asyncio.sleep(60)
"""
    id = await kernel.send(code, "a")
    await shown(kernel, id, "blocks")
    await kernel.interrupt()
    await shown(kernel, id, "cleans up")
    await kernel.interrupt()
    async with asyncio.timeout(BOUND_S):
        ran = await kernel.ended(id)
    assert ran.error.endswith("line 6: `await asyncio.sleep(60)`")
    assert await kernel.value("__import__('sys').gettrace()") is None


async def test_interrupts_between_cells_mark_no_cell(kernel: Any) -> None:
    for _ in range(3):
        await kernel.interrupt()
        await kernel.interrupt()
        await assert_unharmed(kernel)


async def test_an_interrupt_before_the_first_line_is_meant_for_that_cell(kernel: Any) -> None:
    await kernel.run(PREPARE)
    # What it leaves takes a second to be given up, before the cell runs again.
    code = (
        "async def stay():\n"
        "    while True:\n"
        "        try: await asyncio.sleep(60)\n"
        "        except asyncio.CancelledError: pass\n"
        "task = asyncio.create_task(stay())\n"
        "if again: {waits}\n"
    )
    for waits in ("await asyncio.sleep(60)", "time.sleep(60)"):
        again = code.format(waits=waits)
        assert (await kernel.run("again = False")).status == "ok"
        assert (await kernel.run(again, cell=waits)).status == "ok"
        assert (await kernel.run("again = True")).status == "ok"
        ran = await interrupted(kernel, again, cell=waits, at="execute_input")
        assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [")
        await assert_unharmed(kernel)


async def test_nest_asyncio_changes_nothing(kernel: Any) -> None:
    await kernel.run(PREPARE + "\nimport nest_asyncio\nnest_asyncio.apply()")
    await kernel.run(
        "async def hang():\n    print('blocks', flush=True)\n    await asyncio.sleep(60)"
    )
    for code in (
        "asyncio.run(hang())",
        "await asyncio.sleep(0)\nasyncio.run(hang())",
        "await hang()",
    ):
        ran = await interrupted(kernel, code)
        assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [")
        await assert_unharmed(kernel)


async def test_an_interrupt_in_the_middle_of_a_step_strands_no_inner_loop(kernel: Any) -> None:
    await kernel.run(PREPARE + "\nimport nest_asyncio, os, signal\nnest_asyncio.apply()")
    await kernel.run("""
class Interrupting(asyncio.Future):
    def add_done_callback(self, *arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        super().add_done_callback(*arguments, **options)
async def hang():
    await Interrupting()
""")
    for code in ("asyncio.run(hang())", "await asyncio.sleep(0)\nasyncio.run(hang())"):
        async with asyncio.timeout(BOUND_S):
            ran = await kernel.run(code)
        assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [")
        await assert_unharmed(kernel)


async def test_an_interrupt_ends_a_simulation_at_once(kernel: Any) -> None:
    await kernel.run("""
import asyncio
from labkit.simnet.simulation import Simulation
async def play():
    print("blocks", flush=True)
    while True:
        await asyncio.sleep(1)
""")
    for before in ("", "await asyncio.sleep(0)\n"):
        ran = await interrupted(kernel, f"{before}Simulation(limit_s=10**9).run(play())")
        assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [")
        assert "blocked the event loop" not in ran.error
        await assert_unharmed(kernel)


async def test_an_interrupt_works_after_asyncio_has_disarmed_the_wakeup(kernel: Any) -> None:
    await kernel.run(PREPARE)
    code = (
        "import signal\n"
        "loop = asyncio.get_running_loop()\n"
        "loop.add_signal_handler(signal.SIGUSR1, print)\n"
        "loop.remove_signal_handler(signal.SIGUSR1)\n"
    )
    await kernel.run(code)
    for _ in range(3):
        ran = await interrupted(
            kernel, code + "print('blocks', flush=True)\nawait asyncio.Future()"
        )
        assert ran.error.endswith("line 6: `await asyncio.Future()`")


async def test_the_readers_own_signal_handlers_go_on_working(kernel: Any) -> None:
    await kernel.run(
        "import asyncio, os, signal\n"
        "caught = asyncio.Event()\n"
        "asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, caught.set)"
    )
    ran = await kernel.run("os.kill(os.getpid(), signal.SIGUSR1)\nawait caught.wait()")
    assert ran.status == "ok"
    ran = await interrupted(kernel, "print('blocks', flush=True)\nawait asyncio.Future()")
    assert ran.error.endswith("line 2: `await asyncio.Future()`")


async def test_a_handler_of_sigint_in_the_loop_does_not_end_the_kernel(kernel: Any) -> None:
    # What the clients of python-socketio do when they first connect.
    handle = "loop.add_signal_handler(signal.SIGINT, loop.stop)"
    await kernel.run(f"import asyncio, signal; loop = asyncio.get_running_loop(); {handle}")

    ran = await interrupted(
        kernel, "print('waits', flush=True); await asyncio.Future()", at="waits"
    )
    assert ran.error.startswith("KeyboardInterrupt: interrupted at cell [3]")
    await assert_unharmed(kernel)


async def test_the_copy_of_a_kernel_in_a_forked_process_ends(kernel: Any) -> None:
    await kernel.run(PREPARE)
    code = """
import os
await asyncio.sleep(0)
child = os.fork()
if child == 0:
    try:
        os.kill(os.getpid(), 2)
        time.sleep(60)
    except KeyboardInterrupt:
        os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    async with asyncio.timeout(BOUND_S):
        assert (await kernel.run(code)).text == "7\n"


async def test_a_timeout_of_nbclient_ends_the_cell_and_no_other() -> None:
    sources = (
        "%load_ext labkit",
        "import asyncio\nawait asyncio.Future()",
        "await asyncio.sleep(0)\nwhile True: pass",
        "print('fine')",
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    client = NotebookClient(notebook, timeout=1, interrupt_on_timeout=True, allow_errors=True)
    async with asyncio.timeout(60):
        await client.async_execute()
    _, awaiting, blocking, last = (cell["outputs"] for cell in notebook.cells)
    assert awaiting[0]["evalue"] == "interrupted at cell [2], line 2: `await asyncio.Future()`"
    assert blocking[0]["ename"] == "KeyboardInterrupt"
    assert last[0]["text"] == "fine\n"


async def test_unloading_gives_sigint_back(kernel: Any) -> None:
    await kernel.run("import asyncio, signal, threading")
    ran = await kernel.run("%unload_ext labkit\nprint(signal.getsignal(signal.SIGINT))")
    assert ran.text == "<built-in function default_int_handler>\n"
    names = await kernel.value("[thread.name for thread in threading.enumerate()]")
    assert not [name for name in names if name.startswith("labkit")]
    assert await kernel.value("signal.getsignal(signal.SIGINT) is signal.default_int_handler")
    assert await kernel.value("get_ipython().custom_exceptions") == ()
    assert await kernel.value("signal.set_wakeup_fd(-1)") == -1
    # While no cell runs, ipykernel ignores the signal.
    await kernel.interrupt()
    assert (await kernel.run("await asyncio.sleep(0)")).status == "ok"

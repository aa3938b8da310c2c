from __future__ import annotations

from typing import Any

import pytest

IMPORTS = """
import asyncio, psutil, threading, labkit
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

async def echo(connection):
    async for message in connection:
        await connection.send(message)

async def copy(reader, writer):
    while data := await reader.read(100):
        writer.write(data)

async def tick():
    while True:
        await asyncio.sleep(0.01)

def held():
    sockets = psutil.Process().net_connections(kind="inet")
    return len(sockets), len(asyncio.all_tasks()), threading.active_count()

elsewhere = await serve(echo, "127.0.0.1", 0)
port = elsewhere.sockets[0].getsockname()[1]
"""
#: Each takes a port by its number, so that it fails if the run before still holds it.
SERVER_CELLS = {
    "websockets": """
server = await serve(echo, "127.0.0.1", taken)
clients = [await connect(f"ws://127.0.0.1:{taken}", proxy=None) for _ in range(3)]
""",
    "handler": """
server = await labkit.serve(echo, port=taken)
client = await connect(server.address, proxy=None)
""",
    "echo": """
server = await labkit.serve("echo", port=taken)
client = await connect(server.address, proxy=None)
""",
    "handmade": """
server = await labkit.serve("handmade", port=taken)
client = await connect(server.address, proxy=None)
""",
    "streams": """
server = await asyncio.start_server(copy, "127.0.0.1", taken)
reader, writer = await asyncio.open_connection("127.0.0.1", taken)
""",
    "client": """
client = await connect(f"ws://127.0.0.1:{port}", proxy=None)
await client.send("Spam")
assert await client.recv() == "Spam"
""",
    "task": "task = asyncio.create_task(tick(), name='tick')",
}
FREE_PORT = """
import socket
with socket.create_server(("127.0.0.1", 0)) as probe:
    taken = probe.getsockname()[1]
"""


@pytest.mark.parametrize("by", ["name", "source"])
@pytest.mark.parametrize("source", SERVER_CELLS.values(), ids=SERVER_CELLS)
async def test_a_cell_run_fifty_times_leaves_no_socket_task_or_thread(
    kernel: Any, source: str, by: str
) -> None:
    name = "server" if by == "name" else None
    for setup in (IMPORTS, FREE_PORT):
        assert (await kernel.run(setup)).status == "ok"

    held = []
    for _ in range(50):
        ran = await kernel.run(source, cell=name)
        assert (ran.status, ran.text) == ("ok", ""), ran.error
        held.append(await kernel.value("held()"))

    assert held[1:] == [held[1]] * 49
    assert kernel.printed_late == {}


async def test_peers_are_told_with_1001_that_the_server_goes_away(kernel: Any) -> None:
    await kernel.run(IMPORTS)
    for server in ("serve(echo, '127.0.0.1', 0)", "labkit.serve(echo)", "labkit.serve('handmade')"):
        await kernel.run(f"server = await {server}", cell="server")
        ran = await kernel.run(
            "address = getattr(server, 'address', '')\n"
            "address = address or f'ws://127.0.0.1:{server.sockets[0].getsockname()[1]}'\n"
            "client = await connect(address, proxy=None)",
            cell="client",
        )
        assert ran.status == "ok", ran.error

        await kernel.run("pass", cell="server")
        await kernel.run("await client.wait_closed()", cell="wait")

        assert await kernel.value("client.close_code") == 1001


async def test_a_handler_that_waits_for_something_else_ends_too(kernel: Any) -> None:
    await kernel.run(IMPORTS)
    await kernel.run(
        "handlers = []\n"
        "async def wait(connection):\n"
        "    handlers.append(asyncio.current_task())\n"
        "    await asyncio.Future()\n"
        "server = await serve(wait, '127.0.0.1', 0)\n"
        "own = server.sockets[0].getsockname()[1]\n"
        "client = await connect(f'ws://127.0.0.1:{own}', proxy=None)",
        cell="server",
    )

    await kernel.run("pass", cell="server")

    assert await kernel.value("[task.done() for task in handlers]") == [True]


async def test_what_another_cell_has_started_goes_on(kernel: Any) -> None:
    await kernel.run(IMPORTS)
    await kernel.run("task = asyncio.create_task(tick())", cell="first")
    await kernel.run("client = await connect(f'ws://127.0.0.1:{port}', proxy=None)", cell="second")

    await kernel.run("pass", cell="third")
    await kernel.run("pass", cell="third")

    assert await kernel.value("(task.done(), client.state.name)") == (False, "OPEN")


async def test_a_task_group_is_left_to_end_its_own_tasks(kernel: Any) -> None:
    await kernel.run(
        "import asyncio\n"
        "ended = []\n"
        "async def child():\n"
        "    try: await asyncio.Future()\n"
        "    finally: ended.append('child')\n"
        "async def main():\n"
        "    try:\n"
        "        async with asyncio.TaskGroup() as group: group.create_task(child())\n"
        "    finally: ended.append('main')\n",
    )
    await kernel.run("task = asyncio.create_task(main())\nawait asyncio.sleep(0)", cell="main")

    await kernel.run("pass", cell="main")

    assert await kernel.value("ended") == ["child", "main"]


async def test_a_task_that_does_not_end_is_named(kernel: Any) -> None:
    await kernel.run(
        "import asyncio\n"
        "async def stubborn():\n"
        "    while True:\n"
        "        try: await asyncio.Future()\n"
        "        except asyncio.CancelledError: pass\n"
    )
    await kernel.run("task = asyncio.create_task(stubborn())\nawait asyncio.sleep(0)", cell="task")

    ran = await kernel.run("pass", cell="task")

    assert ran.text.startswith("task `stubborn` of cell [3] does not end when it is cancelled: let")


async def test_a_thread_that_still_runs_is_named(kernel: Any) -> None:
    await kernel.run(
        "import threading\n"
        "gate = threading.Event()\n"
        "threading.Thread(target=gate.wait, name='waiter').start()",
        cell="thread",
    )

    ran = await kernel.run("pass", cell="thread")
    await kernel.run("gate.set()", cell="gate")

    assert ran.text.startswith("thread 'waiter' of cell [2] still runs, and no thread can be ended")


async def test_an_idle_worker_of_an_executor_is_not_named(kernel: Any) -> None:
    await kernel.run("import asyncio\nawait asyncio.to_thread(len, '')", cell="worker")

    assert (await kernel.run("pass", cell="worker")).text == ""


async def test_after_unloading_nothing_is_ended(kernel: Any) -> None:
    await kernel.run(IMPORTS)
    await kernel.run("%unload_ext labkit")
    await kernel.run("task = asyncio.create_task(tick())", cell="task")

    await kernel.run("pass", cell="task")

    assert await kernel.value("task.done()") is False
    assert await kernel.value("'create_server' in vars(asyncio.get_event_loop())") is False

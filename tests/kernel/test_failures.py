from __future__ import annotations

import re
from typing import Any

GREET = """
import asyncio, gc, logging, sys, threading
async def greet(name):
    if not name:
        raise ValueError("no name given")
async def rounds(n):
    for _ in range(n):
        await asyncio.sleep(0)
"""
#: Long enough for every failure to be shown.
LATER = "await rounds(50)"
SHOWN = """ failed: ValueError: no name given
  cell [2], line 4, in greet
    raise ValueError("no name given")
"""


async def test_a_background_error_is_shown_while_the_cell_runs(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run(f"task = asyncio.create_task(greet(''))\n{LATER}\nprint('later')")

    assert ran.text == "Task `greet` of cell [3]" + SHOWN + "later\n"


async def test_a_background_error_is_shown_under_the_cell_that_ran_last(kernel: Any) -> None:
    await kernel.run(GREET)
    await kernel.run("async def soon():\n    await rounds(9)\n    await greet('')", cell="soon")
    await kernel.run("task = asyncio.create_task(soon())", cell="task")
    # Its message is a while on its way, and may come before these cells' own or after.
    ran = [await kernel.run(f"{LATER}\nsys.stderr.flush()", cell="wait")]
    ran.append(await kernel.run("pass", cell="end"))

    shown = [*kernel.printed_late.values(), *(each.text for each in ran)]
    assert "Task `soon` of cell [4] failed" in "".join(shown)


async def test_an_error_is_shown_once(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run(
        f"task = asyncio.create_task(greet(''))\n{LATER}\ndel task\ngc.collect()\n{LATER}"
    )

    assert ran.text.count("no name given") == 2  # the error and the reader's line
    assert "never retrieved" not in ran.text


async def test_an_error_that_somebody_handles_is_not_shown(kernel: Any) -> None:
    await kernel.run(GREET)

    for handled in (
        "await asyncio.gather(greet(''), return_exceptions=True)",
        "try:\n"
        "    async with asyncio.TaskGroup() as group: group.create_task(greet(''))\n"
        "except* ValueError: pass",
        "try: await asyncio.create_task(greet(''))\nexcept ValueError: pass",
        "done, _ = await asyncio.wait([asyncio.create_task(greet(''))])\n"
        "[task.exception() for task in done]",
        "task = asyncio.create_task(asyncio.sleep(60))\ntask.cancel()",
    ):
        ran = await kernel.run(f"{handled}\n{LATER}")
        assert (ran.status, ran.text) == ("ok", ""), handled


async def test_a_task_is_called_by_the_name_that_the_reader_gave(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run(f"task = asyncio.create_task(greet(''), name='Ada')\n{LATER}")

    assert ran.text.startswith("Task `Ada` of cell [3] failed: ValueError")


async def test_each_error_of_a_group_is_shown(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run(
        "async def main():\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        group.create_task(greet(''))\n"
        "        group.create_task(greet(''))\n"
        f"task = asyncio.create_task(main())\n{LATER}"
    )

    assert ran.text == 2 * ("Task `main` of cell [3]" + SHOWN)


async def test_a_failed_callback_is_shown(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run(
        f"asyncio.get_running_loop().call_soon(lambda: 1 / 0)\n{LATER}", cell="callback"
    )

    assert ran.text == (
        "A callback failed: ZeroDivisionError: division by zero\n"
        "  cell [3], line 1, in <lambda>\n"
        "    asyncio.get_running_loop().call_soon(lambda: 1 / 0)\n"
    )


async def test_a_task_that_nothing_refers_to_is_named_when_it_is_lost(kernel: Any) -> None:
    await kernel.run(GREET)
    await kernel.run("async def forgotten():\n    await asyncio.Future()", cell="forgotten")

    ran = await kernel.run(
        "_ = asyncio.create_task(forgotten()); await rounds(3); del _; gc.collect()", cell="lost"
    )

    assert ran.text.startswith("Task `forgotten` (cell [3], line 1: `async def forgotten():`) was")


async def test_a_failed_handler_of_websockets_is_shown_in_short(kernel: Any) -> None:
    await kernel.run(GREET)
    await kernel.run(
        "from websockets.asyncio.client import connect\n"
        "from websockets.asyncio.server import serve\n"
        "async def handler(connection): await greet(await connection.recv())\n"
        "server = await serve(handler, '127.0.0.1', 0)\n"
        "port = server.sockets[0].getsockname()[1]"
    )

    ran = await kernel.run(
        "async with connect(f'ws://127.0.0.1:{port}', proxy=None) as client:\n"
        "    await client.send('')\n"
        "    await client.wait_closed()\n"
        "    await asyncio.gather(*server.handler_tasks)\n"
    )

    assert ran.text == (
        "connection handler failed: ValueError: no name given\n"
        "  cell [3], line 3, in handler\n"
        "    async def handler(connection): await greet(await connection.recv())\n"
        "  cell [2], line 4, in greet\n"
        '    raise ValueError("no name given")\n'
    )


async def test_a_handler_whose_peer_has_left_has_not_failed(kernel: Any) -> None:
    await kernel.run(GREET)
    await kernel.run(
        "from websockets.asyncio.client import connect\n"
        "from websockets.asyncio.server import serve\n"
        "async def handler(connection):\n"
        "    while True: await connection.recv()\n"
        "server = await serve(handler, '127.0.0.1', 0)\n"
        "port = server.sockets[0].getsockname()[1]"
    )

    for leave in ("await client.close()", "client.transport.abort()"):
        ran = await kernel.run(
            "client = await connect(f'ws://127.0.0.1:{port}', proxy=None)\n"
            f"handlers = list(server.handler_tasks)\n{leave}\n"
            "await asyncio.gather(*handlers)\n"
        )
        assert (ran.status, ran.text) == ("ok", "")


async def test_a_failed_handler_of_streams_is_shown(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run(
        "async def handler(reader, writer): await greet('')\n"
        "server = await asyncio.start_server(handler, '127.0.0.1', 0)\n"
        "reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())\n"
        f"{LATER}"
    )

    # In the first versions of Python 3.11 a stream's handler is a task like any other.
    whose = "(A connection handler|Task `handler` of cell .*)"
    assert re.match(whose + " failed: ValueError: no name given", ran.text)
    assert ran.text.count("no name given") == 2


async def test_a_failed_thread_is_shown(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run(
        "thread = threading.Thread(target=lambda: 1 / 0, name='divider')\n"
        "thread.start(); thread.join()"
    )

    assert ran.text.startswith("Thread 'divider' failed: ZeroDivisionError: division by zero\n")


async def test_what_is_logged_without_a_configuration_is_shown_as_it_is(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run("logging.getLogger('spam').warning('%s eggs', 3)")

    assert ran.text == "3 eggs\n"


async def test_a_configured_log_is_left_alone(kernel: Any) -> None:
    await kernel.run(GREET)

    ran = await kernel.run(
        "logging.basicConfig(format='%(levelname)s %(message)s')\n"
        "try: 1 / 0\nexcept ZeroDivisionError: logging.exception('no good')"
    )

    assert ran.text.startswith("ERROR no good\nTraceback (most recent call last):\n")


async def test_after_unloading_asyncio_logs_as_ever(kernel: Any) -> None:
    await kernel.run(GREET)
    await kernel.run("%unload_ext labkit")

    ran = await kernel.run(
        f"task = asyncio.create_task(greet(''))\n{LATER}\ndel task\ngc.collect()"
    )

    assert "Task exception was never retrieved" in ran.text
    assert await kernel.value("type(logging.lastResort).__module__") == "logging"
    assert await kernel.value("threading.excepthook is threading.__excepthook__")
    assert await kernel.value("asyncio.get_event_loop().get_exception_handler()") is None
    assert await kernel.value("asyncio.get_event_loop().get_task_factory()") is None

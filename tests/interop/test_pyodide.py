"""Pyodide, Python in a browser's engine, run by Node: the simulated network works there too.

There are no sockets in it, and no threads. What is run in it is run here as well, and has to print
the same: the network is the same to the nanosecond.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import websockets

import labkit
from labkit.servers.node import node

pytestmark = pytest.mark.needs("node", "pyodide")

DEADLINE_S = 120.0
#: Where `make test` puts the packages that Pyodide needs and npm's package of it has not.
WHEELS = Path(sys.prefix) / "pyodide"

#: Runs programs in one Pyodide; prints, as JSON, the lines that each has printed.
HOST = """
import { loadPyodide } from 'pyodide';
const [folders, programs] = process.argv.slice(2).map((text) => JSON.parse(text));
const python = await loadPyodide({ env: { PYTHONDONTWRITEBYTECODE: '1' } });
for (const [name, folder] of Object.entries(folders))
    python.mountNodeFS(`/course/${name}`, folder);
python.runPython(`
import asyncio, glob, sys, zipfile
for wheel in glob.glob("/course/wheels/*.whl"):
    zipfile.ZipFile(wheel).extractall("/packages")
sys.path[:0] = ["/course", "/packages"]
# Pyodide's own loop always runs, and no other may run in its thread meanwhile.
asyncio._set_running_loop(None)
`);
const printed = {};
for (const [name, program] of Object.entries(programs)) {
    const lines = [];
    python.setStdout({ batched: (line) => lines.push(line) });
    try {
        python.runPython(program);
    } catch (error) {
        lines.push(error.message);
    }
    printed[name] = lines;
}
console.log(JSON.stringify(printed));
"""

ORDER = """
import asyncio
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from labkit.simnet.simulation import Simulation

simulation = Simulation()
simulation.link("phone", "shop", latency_s=0.05, jitter_s=0.01)

async def answer(connection):
    async for question in connection:
        await asyncio.sleep(60)
        await connection.send(f"{question} is on its way")

async def order():
    with simulation.on("shop"):
        server = await serve(answer, "shop", 80)
    with simulation.on("phone"):
        async with connect("ws://shop") as connection:
            await connection.send("Spam")
            print(await connection.recv(), asyncio.get_running_loop().time())
    server.close()
    await server.wait_closed()

simulation.run(order())
"""

DEADLOCK = """
import asyncio
from labkit.errors import Deadlock
from labkit.simnet.simulation import Simulation

async def wait():
    asyncio.current_task().set_name("waiter")
    await asyncio.Event().wait()

try:
    Simulation().run(wait())
except Deadlock as error:
    print(error)
"""

CHECK = """
import asyncio
from labkit.checks.listening import Listener
from labkit.checks.messages import Listening, Serve, Settle, Settled, StopServing
from labkit.checks.registry import find
from labkit.checks.runner import judge
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.simnet.simulation import Simulation

class Answer:
    "Carries what the check asks to an answer on the same loop: there are no threads."

    def __init__(self, handler):
        self.handler = handler
        self.listener = Listener(print)

    async def ask(self, request):
        match request:
            case Serve(over_websocket=True):
                return Listening(await self.listener.start_websocket(self.handler))
            case Settle():
                await asyncio.sleep(0.001)
            case StopServing():
                await self.listener.stop()
        return Settled(None)

async def shout(connection):
    async for message in connection:
        await connection.send(message.upper())

async def shout_once(connection):
    await connection.send((await connection.recv()).upper())

exercise = find("02.1")
for answer in (shout, shout_once):
    subject = Subject("shout", Answer(answer))
    report = Simulation().run(judge(exercise, subject, World("Spam")))
    print(report.status, report.points, report.message)
"""


PROGRAMS = {"order": ORDER, "deadlock": DEADLOCK, "check": CHECK}


@pytest.fixture(scope="module")
def printed_in_pyodide() -> dict[str, list[str]]:
    """Run the programs in Pyodide, on the course's own sources; return what each prints."""
    folders = {
        "labkit": str(Path(labkit.__file__).parent),
        "websockets": str(Path(websockets.__file__).parent),
    }
    if WHEELS.exists():
        folders["wheels"] = str(WHEELS)

    async def run() -> str:
        return await node(HOST, json.dumps(folders), json.dumps(PROGRAMS), deadline_s=DEADLINE_S)

    printed: dict[str, list[str]] = json.loads(asyncio.run(run()))
    return printed


def printed_here(program: str) -> list[str]:
    """Run ``program`` in a Python of its own; return the lines that it prints."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_a_websockets_server_and_client_talk_in_pyodide_at_the_same_virtual_times(
    printed_in_pyodide: dict[str, list[str]],
) -> None:
    assert printed_in_pyodide["order"] == printed_here(ORDER)
    assert printed_in_pyodide["order"][0].startswith("Spam is on its way 60.3")


def test_a_deadlock_is_reported_in_pyodide_with_who_waits(
    printed_in_pyodide: dict[str, list[str]],
) -> None:
    sentence, _, task = printed_in_pyodide["deadlock"]
    assert sentence == "everybody waits for somebody, and nothing is planned"
    assert task.startswith("waiter ")


def test_a_check_of_the_course_judges_a_right_and_a_wrong_server_in_pyodide(
    printed_in_pyodide: dict[str, list[str]],
) -> None:
    if not any(WHEELS.glob("msgspec-*.whl")):
        message = "needs msgspec for Pyodide: make test fetches it"
        if os.environ.get("LABKIT_REQUIRE_ALL") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    assert printed_in_pyodide["check"] == printed_here(CHECK)
    right, wrong = printed_in_pyodide["check"]
    assert right == "pass 2.0 "
    assert wrong.startswith("fail ")

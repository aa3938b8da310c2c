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

#: Runs programs in one Pyodide, as a notebook runs its cells; prints, as JSON, the lines of each.
HOST = """
import { loadPyodide } from 'pyodide';
const [folders, programs] = process.argv.slice(2).map((text) => JSON.parse(text));
const python = await loadPyodide({ env: { PYTHONDONTWRITEBYTECODE: '1' } });
for (const [name, folder] of Object.entries(folders))
    python.mountNodeFS(`/course/${name}`, folder);
python.runPython(`
import glob, sys, zipfile
for wheel in glob.glob("/course/wheels/*.whl"):
    zipfile.ZipFile(wheel).extractall("/packages")
sys.path[:0] = ["/course", "/packages"]
`);
const printed = {};
for (const [name, program] of Object.entries(programs)) {
    const lines = [];
    python.setStdout({ batched: (line) => lines.push(line) });
    try {
        await python.runPythonAsync(program);
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
from labkit.checks.listening import Listener
from labkit.checks.messages import Done, Listening, Overhear, Overheard, Serve
from labkit.checks.registry import find
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
            case Serve():
                return Listening(await self.listener.start_websocket(self.handler))
            case Overhear():
                return Overheard()
        await self.listener.stop()
        return Done()

async def shout(connection):
    async for message in connection:
        await connection.send(message.upper())

async def shout_once(connection):
    await connection.send((await connection.recv()).upper())

async def passed(answer):
    check = find("02.1").check(Subject("shout", Answer(answer)), World("Spam"))
    return [case.passed async for case in check]

for answer in (shout, shout_once):
    print(Simulation().run(passed(answer)))
"""

#: Two simulations in a cell whose loop runs, as Pyodide's always does, and what goes on beside it.
CELL = """
import asyncio
from labkit.errors import Deadlock
from labkit.simnet.simulation import Simulation

def here():
    return asyncio.get_running_loop(), asyncio.current_task()

before = here()
beside = asyncio.create_task(asyncio.sleep(0.01, "The loop goes on"))
try:
    Simulation().run(asyncio.Event().wait())
except Deadlock:
    print("Everybody waits")
print(Simulation().run(asyncio.sleep(3000, "An hour has passed")))
print(here() == before and None not in before)
print(await beside)
"""

PROGRAMS = {"order": ORDER, "deadlock": DEADLOCK, "check": CHECK, "cell": CELL}


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


def test_pyodides_own_loop_and_task_go_on_after_simulations_in_them(
    printed_in_pyodide: dict[str, list[str]],
) -> None:
    assert printed_in_pyodide["cell"] == [
        "Everybody waits",
        "An hour has passed",
        "True",
        "The loop goes on",
    ]


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
    assert "True" in right
    assert "False" not in right
    assert "False" in wrong

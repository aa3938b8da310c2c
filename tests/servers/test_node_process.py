"""The process of Node: fed, read, and gone when whoever started it is gone, however that ended."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
from asyncio.subprocess import PIPE
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from labkit.servers.node_process import PRINTED_BYTES, NodeProcess, node_process
from labkit.servers.node_setup import FOLDER

pytestmark = [
    pytest.mark.needs("node", "ws"),
    pytest.mark.usefixtures("nothing_is_left"),
    pytest.mark.filterwarnings("error::ResourceWarning"),
    pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning"),
]

#: Wide: two processes may have to start on a machine that is busy.
SECONDS = 60

SERVING = "console.log('serving ws://127.0.0.1:1');"


def running(
    source: str, *arguments: str, program: str = ""
) -> AbstractAsyncContextManager[NodeProcess]:
    return node_process(program or shutil.which("node") or "node", source, arguments, FOLDER)


async def test_what_it_prints_on_either_stream_is_kept_apart() -> None:
    async with running("console.log(process.argv[2]); console.error('eggs')", "spam") as process:
        assert await process.ended() == 0
    assert (process.stdout, process.stderr) == ("spam\n", "eggs\n")


async def test_of_a_program_that_prints_without_end_the_newest_part_is_kept() -> None:
    async with running("for (let i = 0; i < 100_000; i++) console.log(i)") as process:
        assert await process.ended() == 0
    assert len(process.stdout) == PRINTED_BYTES
    assert process.stdout.endswith("\n99998\n99999\n")


async def test_a_source_that_is_longer_than_a_pipe_holds_is_fed_whole() -> None:
    async with running(f"{'// spam' * 100_000}\nconsole.log('eggs')") as process:
        assert await process.ended() == 0
    assert process.stdout == "eggs\n"


async def test_a_program_that_reads_nothing_of_its_source_is_not_waited_for() -> None:
    async with running("// spam" * 100_000, program=shutil.which("false") or "false") as process:
        assert await process.ended() == 1


@pytest.mark.parametrize(
    "address", ["ws://127.0.0.1:1", "wss://[::1]:1/chat", "http://localhost:1"]
)
async def test_the_address_is_that_of_the_first_line_that_names_one(address: str) -> None:
    source = f"console.log('not serving ws://x:1\\nserving {address}\\nserving ws://y:1')"
    async with running(source) as process:
        assert await process.address() == address


async def test_there_is_no_address_where_the_program_ends_without_one() -> None:
    async with running("console.error('serving ws://127.0.0.1:1')") as process:
        assert await process.address() is None


@pytest.mark.parametrize(
    ("name", "value"), [("FORCE_COLOR", "1"), ("NODE_OPTIONS", "--not-an-option")]
)
async def test_what_a_notebook_or_a_reader_has_set_up_changes_nothing(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    async with running("console.log({ spam: 1 })") as process:
        assert await process.ended() == 0
    assert (process.stdout, process.stderr) == ("{ spam: 1 }\n", "")


async def test_the_tether_is_no_business_of_the_program() -> None:
    async with running("console.log(process.env.LABKIT_TETHER)") as process:
        await process.ended()
    assert process.stdout == "undefined\n"


async def test_a_process_that_will_not_end_is_killed() -> None:
    source = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); " + SERVING
    async with running(source) as process:
        assert await process.address() == "ws://127.0.0.1:1"
    assert process.status == -signal.SIGKILL


async def test_a_process_that_is_asked_to_end_can_do_so_in_its_own_way() -> None:
    source = "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); " + SERVING
    async with running(source) as process:
        await process.address()
    assert process.status == 7


SERVER = """
import { WebSocketServer } from 'ws';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket, request) => {
  if (request.url === '/busy') setTimeout(() => { for (;;); });
});
server.on('listening', () => console.log(`serving ws://127.0.0.1:${server.address().port}`));
"""
PARENT = """
import asyncio, sys
from labkit.servers.node import node

async def main():
    async with node(sys.argv[1]) as theirs:
        print(theirs.address, flush=True)
        await asyncio.Future()

asyncio.run(main())
"""


@pytest.mark.parametrize("path", ["/", "/busy"])
async def test_a_process_does_not_outlive_a_kernel_that_is_killed(
    path: str, tmp_path: Path
) -> None:
    kernel = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, SERVER), cwd=tmp_path, stdout=PIPE
    )
    assert kernel.stdout is not None
    try:
        async with asyncio.timeout(SECONDS):
            address = (await kernel.stdout.readline()).decode().strip()
            async with connect(f"{address}{path}", ping_interval=None) as client:
                kernel.send_signal(signal.SIGKILL)
                # The socket of a process that is gone is closed, whatever the process was at.
                with pytest.raises(ConnectionClosed):
                    await client.recv()
    finally:
        with contextlib.suppress(ProcessLookupError):
            kernel.kill()
        await kernel.wait()

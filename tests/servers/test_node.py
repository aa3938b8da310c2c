"""JavaScript in a real Node: what it gives, how it fails, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from labkit.errors import LabkitError, UsageError
from labkit.servers.node import NodeProgram, node, node_ready
from labkit.servers.serving import serve

pytestmark = [
    pytest.mark.usefixtures("nothing_is_left"),
    pytest.mark.filterwarnings("error::ResourceWarning"),
    pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning"),
]
real = pytest.mark.needs("node", "ws", "socket.io", "socket.io-client")

#: Wide: two processes may have to start on a machine that is busy.
SECONDS = 60

SERVER = """
import { WebSocketServer } from 'ws';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket, request) => {
  console.log('connected to', request.url);
  if (request.url === '/fall') spam();
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on('listening', () => {
  console.log(`process ${process.pid}`);
  console.log(`serving ws://127.0.0.1:${server.address().port}`);
});
"""
CLIENT = """
import { WebSocket } from 'ws';
const socket = new WebSocket(process.argv[2]);
socket.on('open', () => socket.send('Spam'));
socket.on('message', data => { console.log(`Node received ${data}`); socket.close(); });
"""
# Says who it is to the server at the port that it is given, and stays connected.
STAYS = """
import { connect } from 'node:net';
connect(process.argv[2], '127.0.0.1').write(`${process.pid}\\n`);
"""
BUSY = """
import { connect } from 'node:net';
const socket = connect(process.argv[2], '127.0.0.1');
socket.write(`${process.pid}\\n`, () => { for (;;); });
"""
SPAWNS = """
import { spawn } from 'node:child_process';
spawn(process.execPath, ['--input-type=module', '--eval', process.argv[2], '-', process.argv[3]]);
"""


Gone: TypeAlias = asyncio.Event


class Meeting:
    """A TCP server that waits for one program, and sees it go."""

    def __init__(self, server: asyncio.Server, met: asyncio.Future[tuple[int, Gone]]) -> None:
        self.port: int = server.sockets[0].getsockname()[1]
        self._met = met

    async def pid(self) -> int:
        """Return who has connected."""
        async with asyncio.timeout(SECONDS):
            return (await asyncio.shield(self._met))[0]

    async def left(self) -> None:
        """Wait until its process is gone: nothing else closes its connection."""
        async with asyncio.timeout(SECONDS):
            await self._met.result()[1].wait()


@pytest.fixture
async def meeting() -> AsyncIterator[Meeting]:
    """Give a test somebody to meet; at its end, wait until who was met is gone."""
    met: asyncio.Future[tuple[int, Gone]] = asyncio.get_running_loop().create_future()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = Gone()
        met.set_result((int(await reader.readline()), gone))
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()
        writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        meeting = Meeting(server, met)
        yield meeting
        await meeting.left()


def pid_of(theirs: NodeProgram) -> int:
    return int(theirs.printed.split()[1])


def is_gone(pid: int) -> bool:
    """Say whether a child of this process has ended and was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@real
async def test_a_client_in_node_talks_to_our_server() -> None:
    async with serve("echo") as server:
        assert await node(CLIENT, server.address) == "Node received Spam"


@real
async def test_our_client_talks_to_a_server_in_node() -> None:
    async with node(SERVER) as theirs, connect(theirs.address) as client:
        await client.send("Spam")
        assert await client.recv() == "Spam"


@real
async def test_each_package_can_be_imported() -> None:
    source = """
    import { WebSocketServer } from 'ws';
    import { Server } from 'socket.io';
    import { io } from 'socket.io-client';
    console.log(typeof WebSocketServer, typeof Server, typeof io);
    """
    assert await node(source) == "function function function"


@real
async def test_arguments_are_the_third_and_on() -> None:
    assert await node("console.log(...process.argv.slice(2))", "two words", 7) == "two words 7"


@real
async def test_the_top_level_may_await() -> None:
    assert await node("console.log(await Promise.resolve('Spam'))") == "Spam"


@real
async def test_text_beyond_ascii_comes_through_both_ways() -> None:
    assert await node("console.log(process.argv[2], 'œufs')", "jambon épicé") == "jambon épicé œufs"


@real
async def test_a_warning_is_shown_and_is_no_part_of_the_result(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await node("console.error('careful'); console.log('Spam')") == "Spam"
    assert capsys.readouterr().err == "careful\n"


@real
async def test_a_failure_is_one_sentence_with_the_line() -> None:
    with pytest.raises(LabkitError) as failed:
        await node("\nconst eggs = 1;\nspam();\n")
    assert str(failed.value) == (
        "the JavaScript failed with exit status 1: "
        "ReferenceError: spam is not defined (line 3: `spam();`)"
    )


@real
async def test_javascript_that_cannot_be_read_is_one_sentence_with_the_line() -> None:
    with pytest.raises(LabkitError, match=r"SyntaxError: .* \(line 2: `const = 1`\)$"):
        await node("\nconst = 1\n")


@real
async def test_an_await_that_can_never_end_is_named() -> None:
    with pytest.raises(LabkitError, match="awaits something that can never happen"):
        await node("await new Promise(() => {})")


@real
@pytest.mark.parametrize("endless", [STAYS, BUSY], ids=["idle", "busy"])
async def test_an_endless_program_is_ended_at_its_deadline(endless: str, meeting: Meeting) -> None:
    with pytest.raises(LabkitError) as late:
        await node(endless, meeting.port, deadline_s=3)
    assert str(late.value).startswith("the JavaScript did not end within 3 s: close its sockets")
    assert is_gone(await meeting.pid())


@real
async def test_a_cancelled_program_is_ended(meeting: Meeting) -> None:
    running = asyncio.ensure_future(node(STAYS, meeting.port).run())
    pid = await meeting.pid()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert is_gone(pid)


@real
async def test_what_a_program_started_ends_with_it(meeting: Meeting) -> None:
    running = asyncio.ensure_future(node(SPAWNS, STAYS, meeting.port).run())
    await meeting.pid()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@real
async def test_a_server_is_ended_with_its_block_and_what_it_printed_is_still_there() -> None:
    async with node(SERVER) as theirs, connect(f"{theirs.address}/eggs"):
        pid = pid_of(theirs)
        assert repr(theirs) == "NodeProgram(open)"
    assert is_gone(pid)
    assert repr(theirs) == "NodeProgram(closed)"
    assert theirs.printed == f"process {pid}\nserving {theirs.address}\nconnected to /eggs\n"


@real
async def test_a_server_is_ended_when_its_block_fails() -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        async with node(SERVER) as theirs:
            raise ZeroDivisionError
    assert is_gone(pid_of(theirs))
    assert not hasattr(failed.value, "__notes__")


@real
async def test_a_server_is_ended_when_its_cell_is_interrupted() -> None:
    pids: asyncio.Queue[int] = asyncio.Queue(maxsize=1)

    async def cell() -> None:
        async with node(SERVER) as theirs:
            pids.put_nowait(pid_of(theirs))
            await asyncio.Future()

    running = asyncio.create_task(cell())
    async with asyncio.timeout(SECONDS):
        pid = await pids.get()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert is_gone(pid)


@real
async def test_a_server_that_is_interrupted_before_it_serves_is_ended(meeting: Meeting) -> None:
    running = asyncio.ensure_future(node(STAYS, meeting.port).__aenter__())
    pid = await meeting.pid()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert is_gone(pid)


@real
async def test_a_server_that_never_serves_is_ended_and_told_what_to_print(meeting: Meeting) -> None:
    with pytest.raises(LabkitError) as silent:
        async with node(STAYS, meeting.port, deadline_s=3):
            raise AssertionError
    assert str(silent.value) == (
        "the JavaScript named no address within 3 s: let it print the line "
        "`serving ws://127.0.0.1:PORT` as soon as it listens, and keep it running"
    )
    assert is_gone(await meeting.pid())


@real
async def test_a_server_that_ends_before_it_serves_is_not_waited_for() -> None:
    with pytest.raises(LabkitError, match="named no address before it ended: let it print"):
        async with node("console.log('serving nobody')"):
            raise AssertionError


@real
async def test_a_server_that_fails_before_it_serves_says_why() -> None:
    with pytest.raises(LabkitError, match="ReferenceError: spam is not defined"):
        async with node("spam()"):
            raise AssertionError


@real
async def test_a_server_that_falls_over_is_why_its_client_failed() -> None:
    with pytest.raises(ConnectionClosed) as closed:
        async with node(SERVER) as theirs, connect(f"{theirs.address}/fall") as client:
            await client.recv()
    (note,) = closed.value.__notes__
    assert "ReferenceError: spam is not defined (line 6: `if (request.url" in note


@real
async def test_a_server_that_fell_over_unnoticed_is_reported_at_the_end_of_its_block() -> None:
    async def cell() -> None:
        async with node(SERVER) as theirs, connect(f"{theirs.address}/fall") as client:
            with contextlib.suppress(ConnectionClosed):
                await client.recv()

    with pytest.raises(LabkitError, match="ReferenceError: spam is not defined"):
        await cell()


@real
async def test_a_server_is_entered_once() -> None:
    async with node(SERVER) as theirs:
        with pytest.raises(UsageError, match="was started before; call node"):
            await theirs.__aenter__()


async def test_without_node_the_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabkitError, match="Node is missing, no program node is on the PATH"):
        await node(CLIENT)
    with pytest.raises(LabkitError, match="Node is missing, no program node is on the PATH"):
        async with node(SERVER):
            raise AssertionError


def test_without_node_a_notebook_is_told_that_it_can_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node_ready() is False
    text = capsys.readouterr().out
    assert text.startswith("Node is missing, no program node is on the PATH: install Node")
    assert text.endswith(" (this cell only compares: you can go on without it).\n")
    assert text.count("\n") == 1


@real
def test_where_everything_is_there_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert node_ready() is True
    assert capsys.readouterr().out == ""


def test_a_program_that_nobody_has_started_says_so() -> None:
    assert repr(node(CLIENT)) == "NodeProgram(not started)"
    assert node(CLIENT).printed == ""

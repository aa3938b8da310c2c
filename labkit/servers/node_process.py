"""A process of Node that never outlives who started it. Knows nothing of what the program does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

#: How long a program may take to end when it is asked to.
STOP_S = 2.0
#: How much is kept of what a program prints on a stream: the newest part.
PRINTED_BYTES = 64 * 1024

READ_BYTES = 16 * 1024
TETHER = "tether.cjs"

# What a server prints once it can be connected to.
_ADDRESS = re.compile(rb"^serving ((?:ws|http)s?://\S+)\r?\n", re.MULTILINE)
# A notebook's kernel asks every program for colours, and what a reader set up for their own Node
# may print or stop.
_NOT_PASSED_ON = {"FORCE_COLOR", "CLICOLOR_FORCE", "NODE_OPTIONS"}


class NodeProcess:
    """A running program, fed and read; `node_process` makes one."""

    def __init__(self, process: Process, source: str) -> None:
        self._process = process
        self._stdout, self._stderr = bytearray(), bytearray()
        self._address = asyncio.get_running_loop().create_future()
        self._tasks = {
            asyncio.create_task(self._feed(source)),
            asyncio.create_task(self._read(process.stdout, self._stdout)),
            asyncio.create_task(self._read(process.stderr, self._stderr)),
        }

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs, negative if a signal ended it."""
        return self._process.returncode

    @property
    def stdout(self) -> str:
        """The newest of what it printed."""
        return self._stdout.decode(errors="replace")

    @property
    def stderr(self) -> str:
        """The newest of what it printed on standard error."""
        return self._stderr.decode(errors="replace")

    async def address(self) -> str | None:
        """Return where it serves, as soon as it says so; None if it ends and has not."""
        ended = asyncio.ensure_future(self.ended())
        try:
            await asyncio.wait({self._address, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        return self._address.result() if self._address.done() else None

    async def ended(self) -> int:
        """Wait until it has ended and everything that it printed is read; return its status."""
        await asyncio.wait(self._tasks)
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end; end it and whatever it started if it does not, or if nobody waits."""
        try:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
        finally:
            self._signal(signal.SIGKILL)
            await self._process.wait()
            await asyncio.wait(self._tasks, timeout=STOP_S)
            for task in self._tasks:
                task.cancel()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and to what it has started."""
        # Not by the process's own method: that may take its exit status, which asyncio waits for.
        # macOS answers PermissionError where all of a group have ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _feed(self, source: str) -> None:
        stdin = self._process.stdin
        assert stdin is not None, "it is a pipe"
        # Node reads all of a program before it runs it; one that cannot start reads nothing.
        with contextlib.suppress(ConnectionError):
            stdin.write(source.encode(errors="replace"))
            await stdin.drain()
        stdin.close()

    async def _read(self, stream: asyncio.StreamReader | None, printed: bytearray) -> None:
        assert stream is not None, "it is a pipe"
        while data := await stream.read(READ_BYTES):
            printed += data
            del printed[:-PRINTED_BYTES]
            if not self._address.done() and (line := _ADDRESS.search(self._stdout)):
                self._address.set_result(line[1].decode(errors="replace"))


@contextlib.asynccontextmanager
async def node_process(
    program: str, source: str, arguments: Sequence[str], folder: Path
) -> AsyncIterator[NodeProcess]:
    """Run ``source``, an ES module, in ``folder``, whose packages it imports; end it on exit."""
    tether, held = os.pipe()
    with contextlib.ExitStack() as pipe:
        # Held open as long as the process may run: its other end tells the process that we live.
        pipe.callback(os.close, held)
        try:
            process = await asyncio.create_subprocess_exec(
                *(program, "--require", str(folder / TETHER), "--input-type=module", "-"),
                *arguments,
                cwd=folder,
                env=_environment(tether),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                pass_fds=[tether],
                start_new_session=True,
            )
        finally:
            os.close(tether)
        running = NodeProcess(process, source)
        try:
            yield running
        finally:
            await running.stop()


def _environment(tether: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    return kept | {"NO_COLOR": "1", "LABKIT_TETHER": str(tether)}

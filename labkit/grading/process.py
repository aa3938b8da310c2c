"""A box, seen from the judge: started, asked, and ended with all it started. Judges nothing.

It holds accidents in, not an attacker: code that leaves the process group outlives it, and the
files and the network of whoever grades are open to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from labkit.checks import host
from labkit.checks.messages import Gone, Reply, Request, Stalled, pack
from labkit.grading import cells as cell_runner
from labkit.grading.pipe import (
    Cell,
    ForeignData,
    Prepare,
    Prepared,
    frame,
    read_frame,
    read_progress,
    read_reply,
)

#: What a box may take over its own deadlines before it counts as hung.
GRACE_S = 1.0
START_S = 10.0
_NOT_AGAIN = Gone("it was not asked again, because an earlier call never returned")
_FOREIGN = "it wrote to the grader's own connection"


class Box:
    """A process that holds one notebook's answers: a channel for ``labkit.checks.subject``.

    ``is_usable`` turns false for good when the box ended, hung, or sent what was not asked for:
    nothing it says after that is relied on.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        folder: Path,
    ) -> None:
        self.is_usable = False
        self._process = process
        self._reader, self._writer = streams
        self._folder = folder
        self._number = 0
        self._gone = _NOT_AGAIN
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls) -> Box:
        """Start a box. It must be closed."""
        folder = Path(tempfile.mkdtemp(prefix="labkit-box-"))
        ours, theirs = socket.socketpair()
        with theirs:
            streams = await asyncio.open_connection(sock=ours)
            return cls(_started(theirs.fileno(), folder), streams, folder)

    async def prepare(
        self, cells: Sequence[Cell], symbols: Sequence[str], skipped: Mapping[int, str]
    ) -> tuple[int, str] | None:
        """Run the notebook's cells. Return the cell that the box did not survive, and why."""
        todo = Prepare(list(cells), list(symbols), dict(skipped))
        current, patience_s = -1, START_S
        try:
            await self._send(0, msgspec.msgpack.encode(todo))
            while True:
                async with asyncio.timeout(patience_s):
                    progress = await read_progress(self._reader)
                if isinstance(progress, Prepared):
                    self.is_usable = True
                    return None
                current, patience_s = progress.cell, cell_runner.DEADLINE_S + GRACE_S
        except TimeoutError:
            why = f"its cell did not end within {cell_runner.DEADLINE_S:g} s"
        except (EOFError, OSError):
            why = f"its cell ended the process ({await self._end()})"
        except ForeignData:
            why = f"its cell is not to be run: {_FOREIGN}"
        self._gone = Gone(why)
        return current, why

    async def ask(self, request: Request) -> Reply:
        """Return the box's reply to ``request``, or what became of the box."""
        # A check may stop waiting for a reply; the reply comes nevertheless, before any other.
        return await asyncio.shield(self._exchange(request))

    async def _exchange(self, request: Request) -> Reply:
        async with self._turn:
            if not self.is_usable:
                return self._gone
            self.is_usable = False
            self._number += 1
            reply = await self._reply(request)
            # What was interrupted may hold a lock or have left half a change behind.
            self.is_usable = not isinstance(reply, Stalled | Gone)
            return reply

    async def _reply(self, request: Request) -> Reply:
        try:
            async with asyncio.timeout(host.DEADLINE_S + GRACE_S):
                await self._send(self._number, pack(request))
                return read_reply(await read_frame(self._reader, self._number))
        except TimeoutError:
            return Stalled(host.DEADLINE_S)
        except (EOFError, OSError):
            self._gone = Gone(f"the process of the answer ended ({await self._end()})")
            return self._gone
        except ForeignData:
            self._gone = Gone(_FOREIGN)
            return self._gone

    async def close(self) -> None:
        """End the box and everything in its process group, and remove its folder."""
        await self._end()
        async with self._turn:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _send(self, number: int, body: bytes) -> None:
        self._writer.write(frame(number, body))
        await self._writer.drain()

    async def _end(self) -> str:
        """End the box; say how it ended, if it did so by itself."""
        if self._process.returncode is None:
            # Nobody has waited for the box, so its number is still that of its own group. If it
            # is ending already, this does not change its exit status.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        status = await asyncio.to_thread(self._process.wait)
        return f"exit {status}" if status >= 0 else signal.Signals(-status).name


def _started(descriptor: int, folder: Path) -> subprocess.Popen[bytes]:
    # -P: nothing is imported from the folder it runs in; -s: nor from the user's own packages.
    command = [sys.executable, "-P", "-s", "-m", "labkit.grading.box", str(descriptor)]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        cwd=folder,
        env=_environment(folder),
        start_new_session=True,
    )


def _environment(folder: Path) -> dict[str, str]:
    """Return all that a box sees of the environment: nothing of the teacher's."""
    return {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        # The box runs the same labkit as the judge, installed or not.
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "TMPDIR": str(folder),
    }

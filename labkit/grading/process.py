"""A box, seen from the judge: started, asked, and ended with all it started. Judges nothing.

It holds accidents in, not an attacker: code that leaves the process group outlives it, and the
files and the network of whoever grades are open to it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from labkit.checks.channel import FOREIGN
from labkit.grading import cells as cell_runner
from labkit.grading.pipe import (
    Cell,
    ForeignData,
    JudgeEnd,
    JudgeRound,
    Prepare,
    Prepared,
    read_progress,
)
from labkit.simnet.pipe import PolledPipe

#: What a box may take over its own deadlines before it counts as hung.
GRACE_S = 1.0
START_S = 10.0


class Box:
    """A process that holds one notebook's answers.

    ``is_usable`` turns false for good when the box ended, hung, or sent a frame that was not asked
    for: nothing it says after that is relied on. During a round, it is false.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], connection: socket.socket, folder: Path
    ) -> None:
        self.is_usable = False
        self._process = process
        self._end = JudgeEnd(connection)
        self._folder = folder
        self._number = 0
        self._why = ""

    @classmethod
    def start(cls) -> Box:
        """Start a box. It must be closed."""
        folder = Path(tempfile.mkdtemp(prefix="labkit-box-"))
        ours, theirs = socket.socketpair()
        with theirs:
            return cls(_started(theirs.fileno(), folder), ours, folder)

    def prepare(
        self, cells: Sequence[Cell], symbols: Sequence[str], skipped: Mapping[int, str]
    ) -> tuple[int, str] | None:
        """Run the notebook's cells. Return the cell that the box did not survive, and why."""
        todo = Prepare(list(cells), list(symbols), dict(skipped))
        current, patience_s = -1, START_S
        try:
            self._end.send(0, msgspec.msgpack.encode(todo))
            while self._end.poll(patience_s):
                progress = read_progress(self._end.receive(0))
                if isinstance(progress, Prepared):
                    self.is_usable = True
                    return None
                current, patience_s = progress.cell, cell_runner.DEADLINE_S + GRACE_S
            why = f"its cell did not end within {cell_runner.DEADLINE_S:g} s"
        except ForeignData:
            why = f"its cell is not to be run: {FOREIGN}"
        except (EOFError, OSError):
            why = f"its cell ended the process ({self._ended()})"
        self.kill()
        self._why = why
        return current, why

    @contextlib.contextmanager
    def round(self) -> Iterator[PolledPipe]:
        """Begin a round; yield the pipe to the answers' host. The box is usable if both end it."""
        self._number += 1
        self.is_usable = False
        pipe = JudgeRound(self._end, self._number, self._explain)
        with contextlib.suppress(EOFError):
            pipe.send_bytes(b"")
        yield pipe
        self.is_usable = pipe.is_sound and self._is_over()

    def close(self) -> None:
        """End the box and everything in its process group, and remove its folder."""
        self.kill()
        self._process.wait()
        self._end.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End the box and everything in its process group. May be called from any thread."""
        if self._process.returncode is None:
            # Nobody has waited for the box, so its number is still that of its own group. If it
            # is ending already, this does not change its exit status.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        # What has left the group may still hold the connection, and talk for ever.
        self._end.hang_up()

    def _is_over(self) -> bool:
        """Tell the box that the round is over; return whether it says so, too."""
        ends_s = time.monotonic() + GRACE_S
        try:
            self._end.send(self._number, b"")
            # What the answer has said meanwhile comes first.
            while (left_s := ends_s - time.monotonic()) > 0 and self._end.poll(left_s):
                if not self._end.receive(self._number):
                    return True
        except (EOFError, OSError):
            pass
        return False

    def _explain(self, error: EOFError | OSError) -> str:
        if isinstance(error, ForeignData):
            return FOREIGN
        return self._why or f"the process of the answer ended ({self._ended()})"

    def _ended(self) -> str:
        """End the box; say how it ended, if it did so by itself."""
        self.kill()
        status = self._process.wait()
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

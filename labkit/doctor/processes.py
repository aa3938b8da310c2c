"""The processes of this machine: who listens where, and what a process does now. Ends none."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any

import psutil  # type: ignore[import-untyped]

#: How long a process is watched to see whether it computes, and from what share of that time on.
WATCH_S = 0.2
BUSY_SHARE = 0.5
MAX_SHOWN = 60

_KERNEL_FILE = re.compile(r"kernel-(?:v\d)?([0-9a-f-]{36})\.json$")


@dataclass(frozen=True)
class Process:
    """A process: the words of its command, the folder it runs in, and who started it."""

    pid: int
    command: tuple[str, ...]
    folder: str = ""
    parent: int = 0

    @property
    def is_jupyter(self) -> bool:
        """Whether this is a Jupyter server.

        >>> Process(1, ("/usr/bin/python3", "-m", "jupyterlab", "--port=1")).is_jupyter
        True
        """
        words = {PurePath(word).name for word in self.command[:3]}
        return bool(words & {"jupyter", "jupyter-lab", "jupyterlab", "jupyter-notebook"})

    @property
    def kernel_id(self) -> str:
        """The id that Jupyter knows this process by, "" if it is not a notebook's kernel."""
        matches = filter(None, (_KERNEL_FILE.search(word) for word in self.command))
        return next((match[1] for match in matches), "")

    @property
    def words(self) -> tuple[str, ...]:
        """What a reader knows the command by. Options are left out: they may hold a password.

        >>> Process(1, ("/usr/bin/python3", "server.py", "--token", "secret")).words
        ('python3', 'server.py')
        >>> Process(1, ("/usr/bin/python3", "/srv/bin/labkit", "serve", "echo")).words
        ('labkit', 'serve', 'echo')
        """
        words = list(takewhile(lambda word: not word.startswith("--"), self.command))
        names = [PurePath(word).name for word in words]
        if "labkit" in names[:3]:
            start = names.index("labkit")
            return ("labkit", *words[start + 1 :])
        return (*names[:1], *words[1:])

    def __str__(self) -> str:
        text = " ".join(self.words) or "a process"
        return f"`{text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + '…'}`"


@dataclass(frozen=True)
class Listener:
    """A TCP port that is listened on. Whose it is may be hidden: then ``process`` is None."""

    port: int
    process: Process | None


def listeners() -> list[Listener]:
    """Return every TCP port that is listened on, with each process once."""
    seen = {
        (socket.laddr.port, socket.pid)
        for socket in _sockets()
        if socket.status == psutil.CONN_LISTEN
    }
    # One server may listen on both 127.0.0.1 and ::1; of that, the reader wants one line.
    return [
        Listener(port, _process(pid) if pid else None)
        for port, pid in sorted(seen, key=lambda pair: (pair[0], pair[1] or 0))
    ]


def _sockets() -> Iterable[Any]:
    try:
        yield from psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        # macOS shows the whole table to root only, and everybody the sockets of their own.
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                for socket in process.net_connections(kind="tcp"):
                    yield _Owned(socket.laddr, socket.status, process.pid)


@dataclass(frozen=True)
class _Owned:
    laddr: Any
    status: str
    pid: int


def _process(pid: int) -> Process:
    process = psutil.Process(pid)
    command: Sequence[str] = ()
    folder, parent = "", 0
    with contextlib.suppress(psutil.Error):
        command = process.cmdline()
        parent = process.ppid()
        folder = process.cwd()
    return Process(pid, tuple(command), folder, parent)


def kernels() -> dict[str, int]:
    """Return the process of each notebook kernel, by the id that Jupyter knows it by."""
    found = {}
    for process in psutil.process_iter(["cmdline"]):
        command = tuple(process.info["cmdline"] or ())
        if kernel := Process(process.pid, command).kernel_id:
            found[kernel] = process.pid
    return found


def ancestors() -> set[int]:
    """Return the processes that this one was started by, and those that started them."""
    return {parent.pid for parent in psutil.Process().parents()}


def is_alive(pid: int) -> bool:
    """Return whether there is such a process."""
    return bool(psutil.pid_exists(pid))


def is_suspended(pid: int) -> bool:
    """Return whether the process is stopped, as Ctrl-Z does it in a terminal."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


async def describe_busy(pid: int) -> str:
    """Watch a busy process for a moment; say what it does, and no more than can be told."""
    try:
        process = psutil.Process(pid)
        looks = [(_used_s(process), process.status())]
        await asyncio.sleep(WATCH_S)
        looks.append((_used_s(process), process.status()))
    except psutil.Error:
        return "its process is gone"
    (before_s, _), (after_s, status) = looks
    if status == psutil.STATUS_STOPPED:
        return "its process is suspended"
    # Where others compute as well, it may get little. Linux tells whether it wants the processor.
    wants_it = sys.platform == "linux" and {psutil.STATUS_RUNNING} == {each for _, each in looks}
    if wants_it or after_s - before_s >= BUSY_SHARE * WATCH_S:
        return "it computes without a pause: a long computation, or a loop that does not end"
    match _wait(pid):
        case wait if "nanosleep" in wait:
            return "it is in a blocking sleep, such as `time.sleep`"
        case wait if "epoll" in wait or wait == "ep_poll":
            return "its event loop is free: an `await` waits for something that does not come"
        case _:
            return "it uses no processor: a call blocks, or an `await` waits for what does not come"


def _used_s(process: Any) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _wait(pid: int) -> str:
    """Return what the main thread waits for, by the kernel's own name; "" where it is hidden."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/wchan").read_text()
    return ""


def end_command(pid: int) -> str:
    """Return what to type to end a process."""
    return f"taskkill /PID {pid}" if sys.platform == "win32" else f"kill {pid}"

"""What can be told of a process from outside, on real ones."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import psutil  # type: ignore[import-untyped]
import pytest

from labkit.doctor import processes
from labkit.doctor.processes import Listener, Process, describe_busy, kernels, listeners

KERNEL = "01234567-89ab-cdef-0123-456789abcdef"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a wait has no name")


@contextlib.asynccontextmanager
async def python(program: str, *arguments: str) -> AsyncIterator[int]:
    """Run a program that prints one line when it is ready; kill it in the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-uc", program, *arguments), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def describe(pid: int, expected: str) -> None:
    """Look until the process does what is expected: after its line, it takes a moment to start."""
    async with asyncio.timeout(30):
        while expected not in await describe_busy(pid):
            pass


async def test_a_loop_without_end_computes() -> None:
    async with python("print()\nwhile True: pass") as pid:
        await describe(pid, "it computes without a pause")


@on_linux
async def test_a_sleep_is_told_from_an_await() -> None:
    async with python("import time; print(); time.sleep(300)") as pid:
        await describe(pid, "it is in a blocking sleep")
    async with python("import asyncio; print(); asyncio.run(asyncio.sleep(300))") as pid:
        await describe(pid, "its event loop is free")


async def test_of_another_wait_no_more_is_said_than_can_be_told() -> None:
    async with python("import threading; print(); threading.Event().wait()") as pid:
        await describe(pid, "a call blocks, or an `await` waits")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-Z")
async def test_a_suspended_process_is_named() -> None:
    async with python("print()\nwhile True: pass") as pid:
        os.kill(pid, signal.SIGSTOP)
        await describe(pid, "its process is suspended")


async def test_a_process_that_has_ended_is_no_error() -> None:
    async with python("print()") as pid:
        pass
    assert await describe_busy(pid) == "its process is gone"


async def test_a_kernel_is_found_by_its_id_among_all_processes() -> None:
    program = "import time; print(); time.sleep(300)"
    async with python(program, "-f", f"runtime/kernel-{KERNEL}.json") as pid:
        assert kernels()[KERNEL] == pid


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def own(server: socket.socket) -> list[Listener]:
    return [each for each in listeners() if each.port == server.getsockname()[1]]


def test_who_listens_is_found_with_the_command_and_the_folder(listening: socket.socket) -> None:
    [listener] = own(listening)
    assert listener.process is not None
    assert listener.process.pid == os.getpid()
    assert listener.process.command == tuple(psutil.Process().cmdline())
    assert listener.process.folder == os.getcwd()
    assert listener.process.parent == os.getppid()


def test_where_the_table_is_hidden_ones_own_processes_are_still_seen(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(kind: str) -> None:
        raise psutil.AccessDenied()

    monkeypatch.setattr(processes.psutil, "net_connections", refuse)
    [listener] = own(listening)
    assert listener.process is not None
    assert listener.process.pid == os.getpid()


def test_a_hidden_owner_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = SimpleNamespace(laddr=SimpleNamespace(port=80), status=psutil.CONN_LISTEN, pid=None)
    monkeypatch.setattr(processes.psutil, "net_connections", lambda kind: [hidden])
    assert listeners() == [Listener(80, None)]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("/usr/bin/python3 server.py 8765", "`python3 server.py 8765`"),
        ("python3 -m labkit serve echo --port 8765", "`labkit serve echo`"),
        ("/srv/bin/python /srv/bin/labkit serve echo", "`labkit serve echo`"),
        ("node server.js --secret spam", "`node server.js`"),
        ("", "`a process`"),
        (f"node {'x' * 80}", f"`node {'x' * 54}…`"),
    ],
)
def test_a_process_goes_by_the_words_of_its_command(command: str, shown: str) -> None:
    assert str(Process(1, tuple(command.split()))) == shown


@pytest.mark.parametrize(
    ("command", "is_jupyter", "kernel"),
    [
        ("/usr/bin/python3 /usr/bin/jupyter-lab", True, ""),
        ("python3 -m jupyterlab --ServerApp.port=1", True, ""),
        ("jupyter lab", True, ""),
        (f"python3 -m ipykernel_launcher -f runtime/kernel-{KERNEL}.json", False, KERNEL),
        (f"python3 -m ipykernel_launcher --f=runtime/kernel-v3{KERNEL}.json", False, KERNEL),
        ("python3 jupyter.py", False, ""),
    ],
)
def test_jupyter_and_its_kernels_are_told_by_their_commands(
    command: str, is_jupyter: bool, kernel: str
) -> None:
    process = Process(1, tuple(command.split()))
    assert (process.is_jupyter, process.kernel_id) == (is_jupyter, kernel)

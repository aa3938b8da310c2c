"""Ports that are taken and servers that run twice, with real ones where a machine shows them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labkit.doctor import ports
from labkit.doctor.findings import Finding
from labkit.doctor.ports import examine_ports, running_servers
from labkit.doctor.processes import Listener, Process, end_command

SERVER = """
import http.server
with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
"""
KERNEL = ("python3", "-f", "kernel-01234567-89ab-cdef-0123-456789abcdef.json")


@contextlib.asynccontextmanager
async def run(*command: str, folder: Path) -> AsyncIterator[tuple[int, str]]:
    """Run a server until the block ends; yield its process and the line that it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode().strip()
    try:
        yield process.pid, line
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port, which takes the place of both of the course's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    monkeypatch.setattr(ports, "SCRIPTS", number)
    monkeypatch.setattr(ports, "JUPYTERLAB", number)
    return number


def named(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


async def test_free_ports_are_well(port: int) -> None:
    assert [finding.state for finding in await examine_ports()][:2] == ["ok", "ok"]


async def test_a_taken_port_is_named_with_the_process_and_how_to_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    async with run("server.py", folder=tmp_path) as (pid, port):
        monkeypatch.setattr(ports, "SCRIPTS", int(port))
        monkeypatch.setattr(ports, "JUPYTERLAB", int(port))
        scripts, lab, *_ = await examine_ports()
    python = Path(sys.executable).name
    assert scripts == Finding(
        f"port {port}",
        "warning",
        f"taken by `{python} server.py`, process {pid}",
        f"end it with {end_command(pid)}, or choose another port",
    )
    assert lab.found == (
        f"taken by `{python} server.py`, process {pid}, so JupyterLab takes the next one"
    )


async def test_a_port_that_somebody_else_has_taken_is_named(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "listeners", list)
    with socket.create_server(("127.0.0.1", port)):
        scripts, lab = await examine_ports()
    assert scripts.found == "taken by a process that is not yours"
    assert "port=0 takes any free one" in scripts.remedy
    assert lab.found == "taken by a process that is not yours, so JupyterLab takes the next one"


async def test_a_cell_that_serves_there_is_closed_and_not_killed(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_notebook(kernel_id: str) -> str:
        return "02_setup.ipynb" if kernel_id in KERNEL[-1] else ""

    monkeypatch.setattr(ports, "find_notebook", find_notebook)
    monkeypatch.setattr(ports, "listeners", lambda: [Listener(port, Process(7, KERNEL))])
    scripts, _ = await examine_ports()
    assert scripts.found == "taken by 02_setup.ipynb: a cell serves there (kernel process 7)"
    assert "await server.close()" in scripts.remedy
    assert "kill" not in scripts.remedy


async def test_jupyterlab_on_its_own_port_is_well(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Process(7, ("python3", "-m", "jupyterlab"))
    monkeypatch.setattr(ports, "listeners", lambda: [Listener(port, lab)])
    assert (await examine_ports())[1] == Finding(f"port {port}", "ok", "JupyterLab, process 7")


async def test_a_server_that_was_started_twice_is_named_with_how_to_end_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    async with (
        run("server.py", folder=tmp_path) as (first, _),
        run("server.py", folder=tmp_path) as (second, _),
    ):
        finding = named(await examine_ports(), f"`{Path(sys.executable).name} server.py`")
    assert finding.state == "warning"
    assert finding.found.startswith("started twice: process ")
    assert all(f"process {pid} on port " in finding.found for pid in (first, second))
    assert finding.remedy == f"keep one and end the rest: {end_command(min(first, second))}"


async def test_a_labkit_server_that_runs_is_named_with_how_to_end_it(tmp_path: Path) -> None:
    async with run("-m", "labkit", "serve", "echo", folder=tmp_path) as (pid, _):
        finding = named(await examine_ports(), "`labkit serve echo`")
    assert finding.state == "ok"
    assert finding.found.startswith("runs on port ")
    assert finding.found.endswith(f"process {pid}; {end_command(pid)} ends it")


def server(pid: int, *command: str, folder: str = "a", parent: int = 5) -> Listener:
    return Listener(8000 + pid, Process(pid, command, folder, parent))


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([server(11, "node", "a.js"), server(12, "node", "b.js")], "another program"),
        ([server(11, "node", "a.js"), server(12, "node", "a.js", folder="b")], "another folder"),
        (
            [server(11, "node", "a.js"), server(12, "node", "a.js", parent=11)],
            "a worker of the first",
        ),
        ([server(11, *KERNEL), server(12, *KERNEL)], "notebooks have kernels"),
        ([server(11, "python3", "-m", "jupyterlab")] * 2, "Jupyter is looked at elsewhere"),
        ([server(11, "postgres"), server(12, "postgres")], "not a server of the learner's"),
        ([server(11, "python3", "-c", "a"), server(12, "python3", "-c", "a")], "tests' workers"),
        ([server(11, "node", "-"), server(12, "node", "-")], "they read their code from a pipe"),
        ([Listener(1, None), Listener(2, None)], "nobody knows whose they are"),
    ],
)
def test_what_belongs_together_is_not_called_twice(found: list[Listener], why: str) -> None:
    assert running_servers(found) == [], why


def test_one_server_on_two_ports_is_started_once() -> None:
    process = Process(1, ("labkit", "serve", "echo"))
    [finding] = running_servers([Listener(1, process), Listener(2, process)])
    assert finding.found.startswith("runs on port 1 and 2, process 1")


def test_three_of_a_kind_are_counted() -> None:
    [finding] = running_servers([server(pid, "node", "a.js") for pid in (11, 12, 13)])
    assert finding.found.startswith("started 3 times: ")
    assert finding.remedy.endswith(f"{end_command(11)}; {end_command(12)}")

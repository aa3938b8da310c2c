"""Notebooks that are stuck, on a real Jupyter server with real kernels."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpclient import AsyncHTTPClient
from websockets.asyncio.client import ClientConnection, connect

from labkit.client.kernel_messages import execute, execute_request
from labkit.doctor import jupyter, kernels
from labkit.doctor.findings import Finding
from labkit.doctor.jupyter import JupyterServer, Kernel, find_notebook, list_kernels
from labkit.doctor.kernels import examine_kernel, examine_kernels, opened_twice
from labkit.doctor.processes import end_command
from labkit.errors import LabkitError
from labkit.servers.notebook_server import NotebookServer, notebook_server

PATIENCE_S = 60.0
NOTEBOOK = "02_setup.ipynb"


@dataclass
class Jupyter:
    """A running server, and the folder with its notice."""

    server: NotebookServer
    runtime: Path

    @contextlib.asynccontextmanager
    async def notebook(self, path: str = NOTEBOOK) -> AsyncIterator[ClientConnection]:
        """Open a notebook with a kernel of its own; end the kernel after it."""
        session = await self.post("/api/sessions", {"path": path, "name": path})
        kernel = f"/api/kernels/{session['kernel']['id']}"
        address = self.server.address.replace("http", "ws", 1)
        try:
            async with connect(
                f"{address}{kernel}/channels?token={self.server.token}", proxy=None, max_size=None
            ) as connection:
                await execute(connection, "ready = True", patience_s=PATIENCE_S)
                yield connection
        finally:
            await self.delete(kernel)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        body |= {"type": "notebook", "kernel": {"name": "python3"}}
        return json.loads(await self._fetch(path, method="POST", body=json.dumps(body)))

    async def delete(self, path: str) -> None:
        await self._fetch(path, method="DELETE")

    async def _fetch(self, path: str, **options: Any) -> bytes:
        headers = {"Authorization": f"token {self.server.token}"}
        response = await AsyncHTTPClient().fetch(
            self.server.address + path, headers=headers, request_timeout=PATIENCE_S, **options
        )
        return bytes(response.body)

    async def find(self, name: str = NOTEBOOK) -> Finding:
        """Return what the doctor finds of the one notebook."""
        [found] = [f for f in await examine_kernels(runtime=self.runtime) if f.name == name]
        return found

    async def find_stuck(self, expected: str) -> Finding:
        """Look until the doctor finds what is expected: a cell takes a moment to start."""
        async with asyncio.timeout(PATIENCE_S):
            while expected not in (found := await self.find()).found:
                pass
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Jupyter]:
    folder = tmp_path_factory.mktemp("lab")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        async with notebook_server() as server:
            [runtime] = folder.glob("*/runtime")
            yield Jupyter(server, runtime)
    finally:
        tempfile.tempdir = before


in_lab = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a wait has no name")
@pytest.mark.parametrize(
    ("cell", "doing"),
    [
        ("import time; time.sleep(300)", "it is in a blocking sleep, such as `time.sleep`"),
        ("while True: pass", "it computes without a pause"),
        ("import asyncio; await asyncio.Future()", "its event loop is free: an `await` waits"),
    ],
)
@in_lab
async def test_a_cell_that_does_not_end_is_named_with_what_it_does(
    lab: Jupyter, monkeypatch: pytest.MonkeyPatch, cell: str, doing: str
) -> None:
    monkeypatch.setattr(kernels, "STUCK_S", 0.0)
    async with lab.notebook() as notebook:
        await notebook.send(json.dumps(execute_request(cell)))
        found = await lab.find_stuck(doing)
    assert found.state == "warning"
    assert found.found.startswith("its kernel has been busy for ")
    assert "the square button" in found.remedy


@in_lab
async def test_a_cell_that_has_begun_a_moment_ago_is_left_alone(
    lab: Jupyter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "STUCK_S", PATIENCE_S)
    async with lab.notebook() as notebook:
        await notebook.send(json.dumps(execute_request("input()")))
        found = await lab.find_stuck("busy")
    assert found == Finding(NOTEBOOK, "ok", "busy")


@in_lab
async def test_the_cell_that_runs_the_doctor_is_not_stuck(lab: Jupyter) -> None:
    cell = (
        "import json, subprocess, sys\n"
        "command = [sys.executable, '-m', 'labkit', 'doctor', '--json']\n"
        "text = subprocess.run(command, capture_output=True, text=True).stdout\n"
        "[one for one in json.loads(text)['examinations'] if one['name'].endswith('.ipynb')]"
    )
    async with lab.notebook() as notebook:
        answers = await execute(notebook, cell, patience_s=PATIENCE_S)
    [result] = [each.content["data"] for each in answers if each.msg_type == "execute_result"]
    assert "busy: a cell of it runs labkit doctor" in result["text/plain"]


@in_lab
async def test_a_kernel_without_a_notebook_goes_by_its_id(lab: Jupyter) -> None:
    address = await lab.server.start_kernel()
    kernel = address.partition("/api/kernels/")[2].partition("/")[0]
    try:
        assert (await lab.find(f"kernel {kernel[:8]}")).state == "ok"
    finally:
        await lab.delete(f"/api/kernels/{kernel}")


@in_lab
async def test_the_notebook_of_a_kernel_is_found(
    lab: Jupyter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(lab.runtime))
    async with lab.notebook("03_server.ipynb"):
        [server] = jupyter.running_servers()
        [kernel] = await list_kernels(server)
        assert await find_notebook(kernel.id) == "03_server.ipynb"
    assert await find_notebook(kernel.id) == ""


@in_lab
async def test_a_server_that_wants_a_password_is_named(
    lab: Jupyter, monkeypatch: pytest.MonkeyPatch
) -> None:
    [server] = jupyter.running_servers(lab.runtime)
    stranger = replace(server, token="wrong")
    with pytest.raises(LabkitError, match="it answers 403 to /api/"):
        await list_kernels(stranger)
    monkeypatch.setattr(kernels, "running_servers", lambda _: [stranger])
    [found] = await examine_kernels()
    assert found.state == "warning"
    assert found.found.startswith("its kernels cannot be seen: it answers 403 to /api/")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-Z")
@in_lab
async def test_a_suspended_server_is_named_with_how_to_resume_it(
    lab: Jupyter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jupyter, "ANSWER_S", 0.2)
    [server] = jupyter.running_servers(lab.runtime)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        [found] = await examine_kernels(runtime=lab.runtime)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert found.found == "suspended, as Ctrl-Z in its terminal does"
    assert found.remedy == f"let it go on: kill -CONT {server.pid}"


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


@pytest.mark.parametrize(("answer", "patience_s"), [(swallow, 0.2), (hang_up, PATIENCE_S)])
async def test_a_server_that_does_not_answer_is_named_with_how_to_end_it(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[..., Any], patience_s: float
) -> None:
    monkeypatch.setattr(jupyter, "ANSWER_S", patience_s)
    swallowed = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = swallowed.sockets[0].getsockname()[1]
    server = JupyterServer(f"http://127.0.0.1:{port}", "", os.getpid(), port, "course")
    monkeypatch.setattr(kernels, "running_servers", lambda _: [server])
    async with swallowed:
        [found] = await examine_kernels()
    assert (found.name, found.state) == (f"JupyterLab on port {port}", "warning")
    assert found.found.startswith("no answer within ")
    assert end_command(os.getpid()) in found.remedy


NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "silent_s", "found", "remedy"),
    [
        ("dead", 1, "its kernel is dead", "restart it"),
        ("restarting", 1, "its kernel ended unasked and is being started again", "its variables"),
        ("autorestarting", 1, "its kernel ended unasked and is being started again", "its v"),
        ("starting", 31, "its kernel has not started within 31 s", "restart it"),
        ("busy", 95, "its kernel has been busy for 95 s and shows nothing", "interrupt it"),
    ],
)
async def test_what_a_server_says_of_a_kernel_is_enough_to_warn(
    state: str, silent_s: float, found: str, remedy: str
) -> None:
    kernel = Kernel("0" * 36, NOTEBOOK, state, NOW - timedelta(seconds=silent_s))
    finding = await examine_kernel(kernel, None, now=NOW)
    assert (finding.name, finding.state, finding.found) == (NOTEBOOK, "warning", found)
    assert finding.remedy.startswith(remedy)


@pytest.mark.parametrize(("state", "silent_s"), [("idle", 9999), ("starting", 3), ("busy", 3)])
async def test_a_kernel_at_rest_or_at_its_beginning_is_well(state: str, silent_s: float) -> None:
    kernel = Kernel("0" * 36, NOTEBOOK, state, NOW - timedelta(seconds=silent_s))
    assert await examine_kernel(kernel, None, now=NOW) == Finding(NOTEBOOK, "ok", state)


async def test_without_a_server_there_is_nothing_to_say(tmp_path: Path) -> None:
    [found] = await examine_kernels(runtime=tmp_path)
    assert found == Finding("JupyterLab", "ok", "not running")


def test_one_folder_open_in_two_servers_is_named() -> None:
    servers = [
        JupyterServer(f"http://127.0.0.1:{port}", "", pid, port, folder)
        for pid, port, folder in ((11, 8888, "course"), (12, 8889, "course"), (13, 8890, "other"))
    ]
    [found] = opened_twice(servers)
    assert "runs 2 times in course, on ports 8888, 8889" in found.found
    assert found.remedy == f"keep one and end the rest: {end_command(12)}"

"""A real Jupyter server: it starts, its kernel answers over a WebSocket, nothing is left of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from glob import glob
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from labkit.client.kernel_messages import BINARY_SUBPROTOCOL, execute, read_message
from labkit.errors import LabkitError
from labkit.servers import notebook_server as module
from labkit.servers.notebook_server import NotebookServer, notebook_server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def jupyter() -> AsyncIterator[NotebookServer]:
    async with notebook_server() as server:
        yield server


@pytest.mark.asyncio(loop_scope="module")
async def test_a_kernel_answers_over_its_websocket_in_text_and_in_binary(
    jupyter: NotebookServer,
) -> None:
    address = await jupyter.start_kernel()
    async with connect(address) as connection:
        answers = await execute(connection, "6 * 7")
    published = [message for message in answers if message.channel == "iopub"]
    assert [message.msg_type for message in published] == [
        "status",
        "execute_input",
        "execute_result",
        "status",
    ]
    assert published[2].content["data"] == {"text/plain": "42"}

    subprotocols = [Subprotocol(BINARY_SUBPROTOCOL)]
    async with connect(address, subprotocols=subprotocols) as connection:
        assert connection.subprotocol == BINARY_SUBPROTOCOL
        first = await connection.recv()
        assert isinstance(first, bytes)
        assert read_message(first).channel == "iopub"


@pytest.mark.asyncio(loop_scope="module")
async def test_nobody_gets_in_without_the_token(jupyter: NotebookServer) -> None:
    with pytest.raises(HTTPClientError) as refusal:
        await AsyncHTTPClient().fetch(f"{jupyter.address}/api/kernels")
    assert refusal.value.code == 403
    address = (await jupyter.start_kernel()).partition("?")[0]
    with pytest.raises(InvalidStatus):
        await connect(address)


async def test_on_exit_the_server_the_kernel_and_the_folder_are_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with notebook_server() as server:
        async with connect(await server.start_kernel()) as connection:
            kernel = await pid_of(connection_to=connection)
        assert os.listdir(tmp_path)
    await gone(kernel)
    assert os.listdir(tmp_path) == []


async def test_a_cancelled_cell_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def cell() -> None:
        async with notebook_server() as server, connect(await server.start_kernel()) as connection:
            started.set_result(await pid_of(connection_to=connection))
            await asyncio.Event().wait()

    running = asyncio.create_task(cell())
    either: set[asyncio.Future[Any]] = {started, running}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await gone(started.result())
    assert os.listdir(tmp_path) == []


async def test_a_server_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module, "STOP_S", 0.1)
    async with notebook_server():
        [notice] = glob(f"{tmp_path}/*/runtime/jpserver-*.json")
        pid = int(notice.rpartition("-")[2].removesuffix(".json"))
        os.kill(pid, signal.SIGSTOP)
    await gone(pid)


async def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OPTIONS", ("--no-browser", "--ServerApp.ip=203.0.113.1"))
    with pytest.raises(LabkitError, match=r"^the Jupyter server did not start: .") as refusal:
        async with notebook_server():
            pass
    assert "\n" not in str(refusal.value)


async def test_a_python_that_says_nothing_is_still_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexit 1\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    with pytest.raises(LabkitError, match=r"did not start: no reason given$"):
        async with notebook_server():
            pass


@pytest.mark.asyncio(loop_scope="module")
async def test_a_kernel_that_cannot_be_started_is_one_sentence(jupyter: NotebookServer) -> None:
    stranger = NotebookServer(jupyter.address, token="spam")
    with pytest.raises(LabkitError, match="did not start a kernel: HTTP 403"):
        await stranger.start_kernel()


async def pid_of(*, connection_to: ClientConnection) -> int:
    answers = await execute(connection_to, "import os; os.getpid()")
    [result] = [message for message in answers if message.msg_type == "execute_result"]
    return int(result.content["data"]["text/plain"])


async def gone(pid: int) -> None:
    """Wait until there is no such process."""
    async with asyncio.timeout(20):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.01)

"""A private Jupyter server, to look at the WebSocket between a notebook and its kernel.

Decodes no messages: ``labkit.client.kernel_messages`` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPError

from labkit.errors import LabkitError

START_S = 30.0
STOP_S = 10.0
LOG = "log"
RUNTIME = "runtime"

_OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    "--ServerApp.log_level=ERROR",
)


class NotebookServer:
    """A running Jupyter server; `notebook_server` makes one. ``address`` is its HTTP address."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.token = token

    async def start_kernel(self) -> str:
        """Start a kernel; return the address of its WebSocket, with the token in it.

        Whoever connects without a subprotocol speaks JSON text; the subprotocol
        ``v1.kernel.websocket.jupyter.org`` is the binary form that JupyterLab uses.

        Raises LabkitError if the server does not start one.
        """
        try:
            response = await AsyncHTTPClient().fetch(
                f"{self.address}/api/kernels",
                method="POST",
                headers=_auth(self.token),
                body="{}",
                request_timeout=START_S,
            )
        except (HTTPError, OSError) as error:
            raise LabkitError(f"the Jupyter server did not start a kernel: {error}") from error
        websocket = self.address.replace("http://", "ws://", 1)
        kernel = json.loads(response.body)["id"]
        return f"{websocket}/api/kernels/{kernel}/channels?token={self.token}"

    def __repr__(self) -> str:
        return "NotebookServer()"


@contextlib.asynccontextmanager
async def notebook_server() -> AsyncIterator[NotebookServer]:
    """Start a Jupyter server with folders of its own; end it and its kernels on exit.

    Raises LabkitError if it does not start.
    """
    token = secrets.token_hex(24)
    with tempfile.TemporaryDirectory(prefix="labkit-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with (folder / LOG).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "labkit.servers.tethered_jupyter", *_OPTIONS),
                cwd=folder,
                env=_environment(folder, token),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield NotebookServer(await _address(process, folder, token), token)
        finally:
            await _stop(process)


def _auth(token: str) -> dict[str, str]:
    return {"Authorization": f"token {token}"}


def _environment(folder: Path, token: str) -> dict[str, str]:
    """Return this process's environment, with nothing of the reader's own Jupyter in it."""
    return os.environ | {
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / RUNTIME),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_TOKEN": token,
    }


async def _address(process: asyncio.subprocess.Process, folder: Path, token: str) -> str:
    """Wait until the server answers; return where.

    Raises LabkitError if the server ends before, or takes too long.
    """
    notice = folder / RUNTIME / f"jpserver-{process.pid}.json"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S):
            while process.returncode is None:
                # The server writes the notice first and listens later.
                with contextlib.suppress(OSError, json.JSONDecodeError, HTTPError):
                    address = f"http://127.0.0.1:{json.loads(notice.read_text())['port']}"
                    await AsyncHTTPClient().fetch(f"{address}/api/status", headers=_auth(token))
                    return address
                await asyncio.sleep(0.02)
    lines = (folder / LOG).read_text(errors="replace").strip().splitlines() or ["no reason given"]
    raise LabkitError(f"the Jupyter server did not start: {lines[-1]}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the server, which ends its kernels; kill it if it takes too long or nobody waits."""
    try:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await process.wait()
    finally:
        # Kernels are in sessions of their own; they end themselves when their server is gone.
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

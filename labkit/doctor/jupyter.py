"""The Jupyter servers of this user, and what each knows of its kernels. Judges nothing.

Reads the notices that the servers leave in Jupyter's runtime folder. ``jupyter_server`` has a
function for it, which takes seconds to import and deletes what it takes for stale.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from labkit.errors import LabkitError

from .processes import is_alive

ANSWER_S = 2.0
ANY_ADDRESS = frozenset({"", "*", "0.0.0.0", "::"})


@dataclass(frozen=True)
class JupyterServer:
    """A running Jupyter server, by its own notice."""

    address: str
    token: str
    pid: int
    port: int
    folder: str


@dataclass(frozen=True)
class Kernel:
    """A kernel as its server sees it. ``notebook`` is "" if none is open on it."""

    id: str
    notebook: str
    state: str
    last_activity: datetime

    @property
    def name(self) -> str:
        """What the reader knows it by: the notebook's path."""
        return self.notebook or f"kernel {self.id[:8]}"


def running_servers(folder: Path | None = None) -> list[JupyterServer]:
    """Return the servers that have left a notice in ``folder`` and still run."""
    servers = []
    for path in sorted((folder or Path(jupyter_runtime_dir())).glob("jpserver-*.json")):
        # A server that ends at this moment takes its notice with it; half a notice is none yet.
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            notice = json.loads(path.read_text("utf-8"))
            # Where a server listens on a Unix socket, nobody learns the course in a browser.
            if is_alive(int(notice["pid"])) and not notice.get("sock"):
                servers.append(_read(notice))
    return servers


def _read(notice: Mapping[str, Any]) -> JupyterServer:
    host = notice["hostname"]
    host = "127.0.0.1" if host in ANY_ADDRESS else host
    scheme = "https" if notice["secure"] else "http"
    port = int(notice["port"])
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return JupyterServer(
        f"{scheme}://{netloc}{notice['base_url'].rstrip('/')}",
        notice["token"],
        int(notice["pid"]),
        port,
        notice["root_dir"],
    )


async def list_kernels(server: JupyterServer) -> list[Kernel]:
    """Ask ``server`` for its kernels and the notebooks that are open on them.

    Raises LabkitError if it wants a password, TimeoutError or OSError if it does not answer.
    """
    async with asyncio.timeout(ANSWER_S):
        kernels, sessions = await asyncio.gather(
            _fetch(server, "/api/kernels"), _fetch(server, "/api/sessions")
        )
    paths = {session["kernel"]["id"]: session["path"] for session in sessions}
    return [
        Kernel(
            kernel["id"],
            paths.get(kernel["id"], ""),
            kernel["execution_state"],
            datetime.fromisoformat(kernel["last_activity"]),
        )
        for kernel in kernels
    ]


async def find_notebook(kernel_id: str) -> str:
    """Return the notebook that is open on a kernel, "" if no server says so."""
    for server in running_servers():
        with contextlib.suppress(LabkitError, OSError):
            for kernel in await list_kernels(server):
                if kernel.id == kernel_id:
                    return kernel.notebook
    return ""


async def _fetch(server: JupyterServer, path: str) -> Any:
    # This client uses no proxy. A self-signed certificate is no danger on one's own machine.
    try:
        response = await AsyncHTTPClient().fetch(
            server.address + path,
            headers={"Authorization": f"token {server.token}"},
            request_timeout=ANSWER_S,
            validate_cert=False,
        )
    except HTTPClientError as error:
        # Tornado's own code for a connection that ends without an answer.
        if error.code == 599:
            raise TimeoutError from error
        raise LabkitError(f"it answers {error.code} to {path}") from error
    return json.loads(response.body)

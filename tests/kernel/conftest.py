"""A real kernel, as a front end or a headless runner drives it."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
from jupyter_client.manager import AsyncKernelManager

PATIENCE_S = 60.0


@dataclass
class Ran:
    """What became of a cell: what was printed under it, by any cell's message, and its error."""

    status: str = ""
    text: str = ""
    error: str = ""
    data: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    """A kernel with the extension loaded. ``run`` sends a cell and reads until its prompt is back.

    A cell with a name is sent as JupyterLab sends it; without, as nbclient does.
    """

    def __init__(self, manager: AsyncKernelManager, client: Any) -> None:
        self.manager = manager
        self.client = client
        self.printed_late: dict[str, str] = {}

    async def send(self, code: str, cell: str | None = None) -> str:
        """Send a cell, do not wait for it; return its message's id."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": False}
        message = self.client.session.msg("execute_request", content)
        if cell is not None:
            message["metadata"] = {"cellId": cell}
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    async def ended(self, id: str) -> Ran:
        """Read until the cell ``id`` is idle again."""
        ran = Ran()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.client.get_iopub_msg()
                content, parent = message["content"], message["parent_header"].get("msg_id", "")
                match message["msg_type"]:
                    case "stream" if parent == id:
                        ran.text += content["text"]
                    case "stream":
                        self.printed_late[parent] = (
                            self.printed_late.get(parent, "") + content["text"]
                        )
                    case "error" if parent == id:
                        ran.error = f"{content['ename']}: {content['evalue']}"
                    case "execute_result" | "display_data" if parent == id:
                        ran.data.append(content["data"])
                    case "status" if parent == id and content["execution_state"] == "idle":
                        break
            reply = await self.client.get_shell_msg()
            while reply["parent_header"].get("msg_id") != id:
                reply = await self.client.get_shell_msg()
        ran.status = reply["content"]["status"]
        return ran

    async def run(self, code: str, cell: str | None = None) -> Ran:
        """Run a cell to its end."""
        return await self.ended(await self.send(code, cell))

    async def value(self, expression: str) -> Any:
        """Return what ``expression`` is in the kernel; it must have a literal as its repr."""
        ran = await self.run(f"print(repr({expression}))")
        assert ran.status == "ok", ran.error
        return ast.literal_eval(ran.text.strip().splitlines()[-1])

    async def interrupt(self) -> None:
        """Interrupt the kernel as the square button does."""
        await self.manager.interrupt_kernel()


@contextlib.asynccontextmanager
async def bare_kernel() -> AsyncIterator[Kernel]:
    """Start a kernel without the extension."""
    # Kernels that share a folder would also share their sockets.
    with tempfile.TemporaryDirectory() as folder:
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/kernel")
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=PATIENCE_S)
            yield Kernel(manager, client)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)


@pytest_asyncio.fixture
async def kernel() -> AsyncIterator[Kernel]:
    """A kernel in which the set-up cell has loaded the extension."""
    async with bare_kernel() as started:
        ran = await started.run("%load_ext labkit", cell="setup")
        assert ran.status == "ok", ran.error
        yield started

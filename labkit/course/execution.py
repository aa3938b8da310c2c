"""Runs a notebook in a fresh kernel. Writes no file, and decides nothing about the cells."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from labkit.course.markdown import IGNORE_OUTPUT, SKIP
from labkit.course.outputs import stable_outputs
from labkit.errors import CourseError

START_TIMEOUT_S = 60
CELL_TIMEOUT_S = 60
# What would let one machine's outputs differ from another's.
_SET = {"PYTHONHASHSEED": "0", "NO_COLOR": "1", "COLUMNS": "80", "TZ": "UTC"}
_UNSET = {"FORCE_COLOR", "MPLBACKEND", "NBGRADER_EXECUTION", "PYTHONSTARTUP"}


async def run_notebook(
    notebook: Any, source: str, *, cell_timeout_s: float = CELL_TIMEOUT_S
) -> None:
    """Run the cells of ``notebook`` and store in it what is stable of their outputs.

    They run in an empty folder, so that none records progress in the course. Raises
    ``CourseError``, naming ``source`` and the cell, where one fails, hangs or ends its kernel.
    """
    async with _kernel() as manager:
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=cell_timeout_s,
            record_timing=False,
            store_widget_state=False,
            skip_cells_with_tag=SKIP,
        )
        async with _channels(manager) as client.kc:
            for index, cell in enumerate(notebook.cells):
                await _run_cell(client, cell, index, source, cell_timeout_s)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            is_stored = IGNORE_OUTPUT not in cell.metadata.get("tags", [])
            outputs = stable_outputs(cell.outputs) if is_stored else []
            cell.outputs = nbformat.from_dict(outputs)  # type: ignore[no-untyped-call]


class _ThisPython(AsyncKernelManager):
    """Starts the Python that builds, whatever kernels this machine has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


@contextlib.asynccontextmanager
async def _kernel() -> AsyncIterator[AsyncKernelManager]:
    manager = _ThisPython()
    with (
        tempfile.TemporaryDirectory(prefix="labkit-build-") as folder,
        # A profile of one's own may run code in every kernel; an empty one does not.
        tempfile.TemporaryDirectory(prefix="labkit-ipython-") as profile,
    ):
        environment = _environment(os.environ) | {"IPYTHONDIR": profile}
        # The kernel's own warnings are no part of any cell's output.
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        await manager.start_kernel(cwd=folder, env=environment, **quiet)
        try:
            yield manager
        finally:
            await manager.shutdown_kernel(now=True)


@contextlib.asynccontextmanager
async def _channels(manager: AsyncKernelManager) -> AsyncIterator[Any]:
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=START_TIMEOUT_S)
        client.allow_stdin = False
        yield client
    finally:
        client.stop_channels()


async def _run_cell(client: Any, cell: Any, index: int, source: str, timeout_s: float) -> None:
    try:
        await client.async_execute_cell(cell, index)
    except CellExecutionError as error:
        last_line = error.evalue.rstrip().rpartition("\n")[2]
        why = f"failed with {error.ename}" + (f": {last_line}" if last_line else "")
    except CellTimeoutError:
        why = f"did not end within {timeout_s:g} s"
    except DeadKernelError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # nbclient takes any cancellation for a kernel's death.
            raise asyncio.CancelledError from None
        why = "ended its kernel"
    else:
        return
    raise CourseError(f"{source}: cell {cell.id} {why}")


def _environment(base: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in base.items() if name not in _UNSET} | _SET

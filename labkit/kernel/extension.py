"""The kernel extension, put together from its parts: ``%load_ext labkit``. Holds none of them."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from labkit.errors import UsageError
from labkit.kernel.blocking import BlockingWatch
from labkit.kernel.cells import current, identify
from labkit.kernel.definitions import Definitions
from labkit.kernel.failures import Failures
from labkit.kernel.interrupts import Interrupts
from labkit.kernel.leftovers import Leftovers
from labkit.kernel.output import Output
from labkit.kernel.part import Notebook, Part
from labkit.kernel.sentences import Sentences
from labkit.kernel.tasks import Tasks

#: In this order a cell meets them; they are removed in the opposite one.
PARTS: tuple[type[Part], ...] = (
    # First, so that an interrupt while the others prepare a cell is remembered for it.
    Interrupts,
    Output,
    Tasks,
    Failures,
    Leftovers,
    Definitions,
    Sentences,
    BlockingWatch,
)

_loaded: dict[int, Extension] = {}


class Extension:
    """Every part, in one kernel."""

    def __init__(self, shell: Any) -> None:
        self.notebook = Notebook(shell)
        self.parts = [part(self.notebook) for part in PARTS]

    def install(self) -> None:
        """Install every part and hear of every cell that comes."""
        shell, kernel = self.notebook.shell, self.notebook.kernel
        # The one place in which a kernel can be made to wait before a cell that does not await.
        self._do_execute = kernel.do_execute

        # ipykernel reads from the signature that the cell's name may be passed.
        @functools.wraps(kernel.do_execute)
        async def do_execute(*arguments: Any, **options: Any) -> Any:
            return await self._execute(*arguments, **options)

        kernel.do_execute = do_execute
        shell.events.register("pre_run_cell", self._cell_starts)
        for part in self.parts:
            part.install()

    def remove(self) -> None:
        """Leave the kernel as it was."""
        for part in reversed(self.parts):
            part.remove()
        # The cell that unloads the extension ends without it.
        self.parts = []
        shell, kernel = self.notebook.shell, self.notebook.kernel
        shell.events.unregister("pre_run_cell", self._cell_starts)
        kernel.do_execute = self._do_execute

    async def _execute(self, code: str, silent: bool, *arguments: Any, **options: Any) -> Any:
        notebook = self.notebook
        # A subshell runs its cells in another thread, in a loop of its own.
        if silent or asyncio.get_running_loop() is not notebook.loop:
            return await self._do_execute(code, silent, *arguments, **options)
        cell = identify(options.get("cell_id"), code, notebook.shell.execution_count)
        for part in self.parts:
            await part.before_cell(cell)
        notebook.running = notebook.latest = cell
        token = current.set(cell)
        try:
            return await self._do_execute(code, silent, *arguments, **options)
        finally:
            current.reset(token)
            notebook.running = None
            for part in self.parts:
                part.cell_ends(cell)

    def _cell_starts(self, info: object) -> None:
        cell = current.get()
        if cell is not None and cell is self.notebook.running:
            for part in self.parts:
                part.cell_starts(cell)


def load_ipython_extension(shell: Any) -> None:
    """Make the kernel safe to run servers in. Called by ``%load_ext labkit``.

    Raises UsageError outside a notebook's kernel.
    """
    if not hasattr(shell, "kernel"):
        raise UsageError("%load_ext labkit works in a notebook's kernel; this shell has none")
    if id(shell) not in _loaded:
        extension = _loaded[id(shell)] = Extension(shell)
        extension.install()


def unload_ipython_extension(shell: Any) -> None:
    """Undo ``load_ipython_extension``. Called by ``%unload_ext labkit``."""
    if (extension := _loaded.pop(id(shell), None)) is not None:
        extension.remove()

"""What each part of the extension looks like to the whole. Does nothing itself."""

from __future__ import annotations

import asyncio
from typing import Any

from labkit.kernel.belongings import Belongings
from labkit.kernel.cells import Cell
from labkit.kernel.places import Places


class Notebook:
    """The kernel that the extension is loaded in, as its parts see it.

    ``running`` is the cell that is being executed, ``latest`` the last one that was or is.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.kernel = shell.kernel
        self.loop = asyncio.get_event_loop()
        self.places = Places(shell.compile)
        self.belongings = Belongings()
        self.running: Cell | None = None
        self.latest: Cell | None = None


class Part:
    """One thing that the extension adds to a kernel. A hook that is not overridden does nothing."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook

    def install(self) -> None:
        """Begin, in the kernel's main thread, while the cell that loads the extension runs."""

    def remove(self) -> None:
        """Undo ``install`` and whatever came after it."""

    async def before_cell(self, cell: Cell) -> None:
        """Prepare for ``cell``, which runs when this returns."""

    def cell_starts(self, cell: Cell) -> None:
        """Act in the context of ``cell``, before its first line."""

    def cell_ends(self, cell: Cell) -> None:
        """Act when ``cell`` has ended, however it did."""

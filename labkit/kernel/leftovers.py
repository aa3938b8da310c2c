"""Ends what an earlier run of a cell has left, before the cell runs again. Never another cell's."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterable
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from labkit.kernel.belongings import Task, is_open
from labkit.kernel.cells import Cell
from labkit.kernel.names import name_of
from labkit.kernel.openings import Openings
from labkit.kernel.part import Notebook, Part

#: How long each step may take; all three are two seconds.
POLITE_S = 1.0
CANCEL_S = 0.5
ABORT_S = 0.5
#: How often to look whether a transport has let go of its socket; asyncio tells nobody.
LOOK_EVERY_S = 0.005

GOING_AWAY = 1001
REASON = "its cell runs again"


class Leftovers(Part):
    """Ends servers, connections and tasks; says which tasks and threads did not end."""

    def __init__(self, notebook: Notebook) -> None:
        super().__init__(notebook)
        self._openings = Openings(notebook.loop, notebook.belongings)
        self._before: WeakSet[threading.Thread] = WeakSet()
        self._threads: WeakKeyDictionary[threading.Thread, Cell] = WeakKeyDictionary()

    def install(self) -> None:
        """Begin to note what cells open."""
        self._openings.begin()

    def remove(self) -> None:
        """Note nothing more, and end nothing more."""
        self._openings.end()

    async def before_cell(self, cell: Cell) -> None:
        """End what earlier runs of ``cell`` have left; take two seconds at most."""
        await self._end(cell)
        places = self.notebook.places
        left = [
            f"task `{name_of(task, places)}` of {origin.cell} does not end when it is cancelled: "
            "let `asyncio.CancelledError` pass, or restart the kernel"
            for task, origin in self.notebook.belongings.tasks()
            if origin.cell.id == cell.id
        ]
        left += [
            f"thread {thread.name!r} of {origin} still runs, and no thread can be ended from "
            "outside: let its function return, or restart the kernel"
            for thread, origin in list(self._threads.items())
            if origin.id == cell.id and self._is_at_work(thread)
        ]
        if left:
            print(*left, sep="\n", file=sys.stderr)

    def cell_starts(self, cell: Cell) -> None:
        """Remember which threads are not the cell's."""
        self._before = WeakSet(threading.enumerate())

    def cell_ends(self, cell: Cell) -> None:
        """Remember which threads are."""
        for thread in threading.enumerate():
            # ipykernel starts threads of its own while a cell runs, when a front end asks.
            is_known = thread in self._before or thread.name.startswith("labkit-")
            if not is_known and not hasattr(thread, "io_loop"):
                self._threads[thread] = cell

    async def _end(self, cell: Cell) -> None:
        for server, origin in self.notebook.belongings.servers():
            if origin.id == cell.id:
                server.close()
        # Who has started tasks and connections ends them best: a `labkit.serve` drains, a task
        # group waits for its own. To cancel all at once would make handlers close with 1011.
        roots = self._cancel(cell, only_roots=True)
        closing = _close_websockets(self._connections(cell))
        if roots or closing:
            await asyncio.wait({*roots, *closing}, timeout=POLITE_S)
        for task in closing:
            task.cancel()
        if rest := self._cancel(cell, only_roots=False):
            await asyncio.wait(rest, timeout=CANCEL_S)
        await _abort(self._connections(cell))

    def _cancel(self, cell: Cell, *, only_roots: bool) -> set[Task]:
        """Cancel tasks of earlier runs of ``cell``; return those that were asked to end."""
        cancelled = {
            task
            for task, origin in self.notebook.belongings.tasks()
            if origin.cell.id == cell.id and (origin.is_root or not only_roots)
        }
        for task in cancelled:
            task.cancel()
        return cancelled

    def _connections(self, cell: Cell) -> list[asyncio.BaseTransport]:
        connections = self.notebook.belongings.connections()
        return [transport for transport, origin in connections if origin.id == cell.id]

    def _is_at_work(self, thread: threading.Thread) -> bool:
        """Say whether ``thread`` matters: a library's daemon and an executor's worker do not."""
        frame = sys._current_frames().get(thread.ident or 0)
        callers = [caller for caller, _ in traceback.walk_stack(frame)] if frame else []
        # A worker serves whichever cell comes next.
        if not callers or any(map(_is_executor, callers)):
            return False
        return not thread.daemon or self.notebook.places.of_frame(frame) is not None


def _is_executor(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == "concurrent.futures.thread"


def _close_websockets(transports: Iterable[asyncio.BaseTransport]) -> set[asyncio.Task[Any]]:
    """Begin the closing handshake with every peer of the ``websockets`` library."""
    library = sys.modules.get("websockets.asyncio.connection")
    if library is None:
        return set()
    protocols = (transport.get_protocol() for transport in transports)
    return {
        asyncio.ensure_future(protocol.close(GOING_AWAY, REASON))
        for protocol in protocols
        if isinstance(protocol, library.Connection) and protocol.state.name == "OPEN"
    }


async def _abort(transports: Iterable[asyncio.BaseTransport]) -> None:
    """Close what is still open, without a word; return when the sockets are gone."""
    left = list(transports)
    for transport in left:
        if isinstance(transport, asyncio.WriteTransport | asyncio.DatagramTransport):
            transport.abort()
    deadline = asyncio.get_running_loop().time() + ABORT_S
    while any(map(is_open, left)) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(LOOK_EVERY_S)

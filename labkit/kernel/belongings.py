"""What cells have started and still hold: tasks, servers, connections. Ends none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from labkit.kernel.cells import Cell

Task: TypeAlias = "asyncio.Task[Any]"


@dataclass(frozen=True)
class Origin:
    """Where a task comes from.

    A *root* is started by the code of the cell itself; the others by what the cell had started,
    as a server starts a task for each connection. A root is expected to end the others.
    """

    cell: Cell
    started_at: float
    is_root: bool


class Belongings:
    """Notes what belongs to cells, by weak references: what nobody uses is forgotten."""

    def __init__(self) -> None:
        #: Told of each task when it is noted.
        self.on_task: Callable[[Task, Origin], None] | None = None
        self._tasks: WeakKeyDictionary[Task, Origin] = WeakKeyDictionary()
        self._servers: WeakKeyDictionary[asyncio.Server, Cell] = WeakKeyDictionary()
        self._connections: WeakKeyDictionary[asyncio.BaseTransport, Cell] = WeakKeyDictionary()

    def note_task(self, task: Task, cell: Cell, parent: Task | None, now: float) -> None:
        """Remember that ``task`` belongs to ``cell``; ``parent`` made it, or a callback."""
        origin = Origin(cell, now, parent is not None and parent not in self._tasks)
        self._tasks[task] = origin
        if self.on_task is not None:
            self.on_task(task, origin)

    def forget_task(self, task: Task) -> None:
        """Note ``task`` no longer: ipykernel made it, to run the cell itself."""
        self._tasks.pop(task, None)

    def note_server(self, server: asyncio.Server, cell: Cell) -> None:
        """Remember that ``server`` belongs to ``cell``."""
        self._servers[server] = cell

    def note_connection(self, transport: asyncio.BaseTransport, cell: Cell) -> None:
        """Remember that ``transport`` belongs to ``cell``."""
        self._connections[transport] = cell

    def tasks(self) -> Iterator[tuple[Task, Origin]]:
        """Yield each task of a cell that has not ended."""
        for task, origin in list(self._tasks.items()):
            if not task.done():
                yield task, origin

    def servers(self) -> Iterator[tuple[asyncio.Server, Cell]]:
        """Yield each server of a cell that holds its port."""
        for server, cell in list(self._servers.items()):
            if server.sockets:
                yield server, cell

    def connections(self) -> Iterator[tuple[asyncio.BaseTransport, Cell]]:
        """Yield each connection of a cell whose socket is open."""
        for transport, cell in list(self._connections.items()):
            if is_open(transport):
                yield transport, cell


def is_open(transport: asyncio.BaseTransport) -> bool:
    """Say whether ``transport`` holds a socket; it does for a while after it began to close."""
    socket = transport.get_extra_info("socket")
    return socket is not None and socket.fileno() != -1

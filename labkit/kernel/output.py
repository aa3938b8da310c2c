"""Shows what the background prints where the reader looks, or keeps it until someone does.

Leaves alone what a cell prints while it runs.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from ipykernel.iostream import OutStream
from ipykernel.thread import BaseThread

from labkit.kernel.cells import Cell, current
from labkit.kernel.part import Notebook, Part

Write: TypeAlias = Callable[[str], int | None]

#: How much is kept until the next cell.
MOST_HELD = 1024 * 1024


class Held:
    """What was printed while nobody could see it, in order. Drops what is over its bound."""

    def __init__(self, most: int = MOST_HELD) -> None:
        self._most = most
        self._size = 0
        self._dropped_lines = 0
        self._parts: list[tuple[str, io.StringIO]] = []

    def add(self, stream: str, text: str) -> None:
        """Keep ``text`` for ``stream``, if there is room."""
        if self._size + len(text) > self._most:
            self._dropped_lines += text.count("\n")
            self._size = self._most
            return
        self._size += len(text)
        if not self._parts or self._parts[-1][0] != stream:
            self._parts.append((stream, io.StringIO()))
        self._parts[-1][1].write(text)

    def parts(self) -> list[tuple[str, str]]:
        """Return what is held: names of streams, and what goes to each."""
        parts = [(stream, text.getvalue()) for stream, text in self._parts]
        if self._dropped_lines:
            parts.append(("stderr", f"… {self._dropped_lines} lines dropped\n"))
        return parts


class Output(Part):
    """Sends what the background prints under the cell that runs, else under the one that ran last.

    A headless runner reads nothing between two cells: there it is held until the next one starts.
    """

    def __init__(self, notebook: Notebook) -> None:
        super().__init__(notebook)
        self._streams: dict[str, Any] = {}
        self._write: dict[str, Write] = {}
        # Guards the moment at which a cell ends: what a thread prints is before it, or after.
        self._lock = threading.RLock()
        self._running: Cell | None = None
        self._parent: Any = None
        self._shows_late_output = True
        self._held = Held()

    def install(self) -> None:
        """Take over the kernel's streams, also for whoever has a reference to them."""
        # IPython replaces `write` for the time of a cell, and puts the former one back.
        self.notebook.loop.call_soon(self._take)

    def remove(self) -> None:
        """Give the streams back. Nothing is held: the cell that unloads the extension runs."""
        self._shows_late_output = True
        self.notebook.loop.call_soon(self._give_back)

    def cell_starts(self, cell: Cell) -> None:
        """Show what is held, then send what comes from the background here."""
        while True:
            with self._lock:
                held, self._held = self._held.parts(), Held()
                if not held:
                    self._running = cell
                    self._parent = self.notebook.kernel.get_parent("shell")
                    self._shows_late_output = cell.shows_late_output
                    return
            # Not under the lock: to flush is to wait for a thread that might want to print.
            for name, text in held:
                self._write[name](text)
                self._streams[name].flush()

    def cell_ends(self, cell: Cell) -> None:
        """From here on, print late or hold."""
        with self._lock:
            self._running = None

    def _take(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, OutStream):
                self._take_over(stream)

    def _take_over(self, stream: Any) -> None:
        self._streams[stream.name] = stream
        self._write[stream.name] = stream.write
        stream.write = self._route(stream)

    def _give_back(self) -> None:
        for name, stream in self._streams.items():
            stream.write = self._write[name]

    def _route(self, stream: Any) -> Write:
        write: Write = stream.write
        main = threading.main_thread().ident

        def routed(text: str) -> int | None:
            cell = current.get()
            if threading.get_ident() == main:
                # The running cell itself, or the kernel and its widgets.
                if cell is self.notebook.running or cell is None:
                    return write(text)
            elif cell is None and isinstance(threading.current_thread(), BaseThread):
                return write(text)
            return self._write_from_background(stream, text)

        return routed

    def _write_from_background(self, stream: Any, text: str) -> int | None:
        # The two streams are sent by turns every 0.2 s; errors are to stand where they happened.
        is_error = stream.name == "stderr"
        if is_error and (output := self._streams.get("stdout")) is not None:
            output.flush()
        with self._lock:
            written = self._write_or_hold(stream, text)
        if is_error and text.endswith("\n"):
            stream.flush()
        return written

    def _write_or_hold(self, stream: Any, text: str) -> int | None:
        if self._running is None and not self._shows_late_output:
            self._held.add(stream.name, text)
            return len(text)
        if self._parent is None:
            return self._write[stream.name](text)
        token = stream.set_thread_parent(self._parent)
        try:
            return self._write[stream.name](text)
        finally:
            stream.reset_thread_parent(token)

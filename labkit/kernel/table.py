"""The table of what runs in a notebook, as text and as HTML. Asks no loop for anything."""

from __future__ import annotations

import asyncio
import html
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import FrameType

from labkit.kernel.belongings import Belongings, Origin, Task
from labkit.kernel.cells import Cell
from labkit.kernel.names import is_named, library_of, name_of, qualname
from labkit.kernel.places import Places
from labkit.simnet.waiting import suspended

NOTHING = "no task of this notebook is running"
TITLES = ("task", "cell", "waits at", "on", "since")


@dataclass(frozen=True)
class Row:
    """A task, or several that say little: those of one library, started by one cell."""

    name: str
    cell: str
    where: str
    on: str
    since_s: float
    count: int = 1

    def cells(self) -> tuple[str, ...]:
        """Return what stands in each column.

        >>> Row("watch", "cell [4]", "cell [4], line 2: `await x`", "a future", 12.3).cells()
        ('watch', 'cell [4]', 'cell [4], line 2: `await x`', 'a future', '12 s')
        """
        name = self.name if self.count == 1 else f"{self.name} (x {self.count})"
        return name, self.cell, self.where, self.on, f"{int(self.since_s)} s"


class Table:
    """What `labkit.tasks()` shows: a row for each task, a line for each cell that holds sockets."""

    def __init__(self, rows: list[Row], open_things: list[str]) -> None:
        self.rows = rows
        self.open_things = open_things

    def __repr__(self) -> str:
        lines = _aligned([TITLES, *(row.cells() for row in self.rows)]) if self.rows else [NOTHING]
        return "\n".join([*lines, *self.open_things])

    def _repr_html_(self) -> str:
        parts = [f"<p>{NOTHING}</p>"]
        if self.rows:
            head = _tr("th", TITLES)
            body = "".join(_tr("td", row.cells()) for row in self.rows)
            parts = [f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"]
        return "".join(parts + [f"<p>{_code(line)}</p>" for line in self.open_things])


def rows(waiting: Iterable[tuple[Task, Origin, float]], places: Places) -> list[Row]:
    """Return a row for each task, the oldest cell first; those that a library runs share some."""
    found: dict[object, Row] = {}
    for number, (task, origin, since_s) in enumerate(waiting):
        cell, name = str(origin.cell), name_of(task, places)
        if (place := places.of_coroutine(task.get_coro())) is not None:
            found[number] = Row(name, cell, str(place), _awaited(task, places), since_s)
            continue
        row = Row(name, cell, f"`{qualname(task)}`", _innermost(task), 0.0, 0)
        if not is_named(task) and (library := library_of(task.get_coro())) != "asyncio":
            row = Row(library, cell, "in its own code", "", 0.0, 0)
        key = (row.name, origin.cell, row.on)
        row = found.get(key, row)
        found[key] = replace(row, since_s=max(row.since_s, since_s), count=row.count + 1)
    return list(found.values())


def open_things(belongings: Belongings) -> list[str]:
    """Say which cells hold servers and connections.

    The addresses of the servers are named, so that a port in use is easy to find.
    """
    connections = Counter(cell for _, cell in belongings.connections())
    held: dict[Cell, list[str]] = {cell: [] for cell in connections}
    for server, cell in belongings.servers():
        held.setdefault(cell, []).append(f"a server on {_address(server)}")
    for cell, count in connections.items():
        held[cell].append("1 connection" if count == 1 else f"{count} connections")
    oldest_first = sorted(held, key=lambda cell: cell.count)
    return [f"{cell} holds {', '.join(held[cell])}" for cell in oldest_first]


def _address(server: asyncio.Server) -> str:
    """Return where ``server`` listens: a host and a port, or the path of a Unix socket."""
    name = server.sockets[0].getsockname()
    return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name)


def _awaited(task: Task, places: Places) -> str:
    """Name what the reader's innermost line awaits: a function of a library, a task, a future."""
    called: FrameType | None = None
    for frame in suspended(task.get_coro()):
        if places.at(frame) is not None:
            called = None
        elif called is None and not frame.f_code.co_name.startswith("__"):
            called = frame
    if called is not None:
        return called.f_code.co_qualname
    match getattr(task, "_fut_waiter", None):
        case asyncio.Task() as awaited:
            return f"task `{name_of(awaited, places)}`"
        case None:
            return "its turn"
        case _:
            return "a future"


def _innermost(task: Task) -> str:
    """Name the library function that ``task`` stands in."""
    frames = list(suspended(task.get_coro()))
    return frames[-1].f_code.co_qualname if frames else "its turn"


def _aligned(lines: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (zip(line, widths, strict=True) for line in lines)
    return ["  ".join(text.ljust(width) for text, width in line).rstrip() for line in padded]


def _tr(tag: str, texts: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_code(text)}</{tag}>" for text in texts) + "</tr>"


def _code(text: str) -> str:
    """Return ``text`` as HTML: what stands between backticks is code.

    >>> _code("line 3: `a < b`")
    'line 3: <code>a &lt; b</code>'
    """
    return re.sub(r"`(.*)`", r"<code>\1</code>", html.escape(text))

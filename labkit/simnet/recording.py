"""Everything that crossed a simulated network, and what was done to it. Changes nothing in it.

A recording is bounded: the oldest entries go first, and the text says how many went.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from labkit.errors import UsageError
from labkit.simnet.connections import Connection, Role
from labkit.simnet.marks import Mark
from labkit.simnet.observer import Observer
from labkit.simnet.recorded import Entry, RecordedConnection, clock, name
from labkit.simnet.world import World
from labkit.wire.wording import count, hexadecimal

MAX_ENTRIES = 10_000
MAX_BYTES = 16 * 1024 * 1024

#: What a line of text may be long, in characters.
WIDTH = 100

_SIDES: tuple[Role, Role] = ("client", "server")


class Recording(Observer):
    """Keep what happens in ``world`` from now on, in place of any other observer.

    What is said on a connection is understood if the recording began before the connection.

    >>> world = World()
    >>> recording = Recording(world)
    >>> recording.show()
    nothing has happened
    """

    def __init__(
        self, world: World, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES
    ) -> None:
        self.dropped = 0
        self._world = world
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: deque[Entry | Mark] = deque()
        self._kept_bytes = 0
        self._connections: dict[int, RecordedConnection] = {}
        world.observer = self

    @property
    def entries(self) -> tuple[Entry | Mark, ...]:
        """What is kept, in the order in which it happened."""
        return tuple(self._entries)

    @property
    def connections(self) -> tuple[RecordedConnection, ...]:
        """The connections of which something is kept, and those still in use."""
        return tuple(self._connections.values())

    def connection(self, number: int) -> RecordedConnection:
        """Return the ``number``th connection, counted from 1. Raises UsageError if not kept."""
        if number not in self._connections:
            known = ", ".join(map(str, self._connections)) or "none"
            raise UsageError(f"connection {number} is not in the recording; there are: {known}")
        return self._connections[number]

    def text(self, *, width: int | None = WIDTH) -> str:
        """Return a line for each thing that happened, cut at ``width`` characters.

        A frame's times are those of its last byte: when it left, and when it arrived.
        """
        rows = [*map(_row, self._entries), *self._unfinished()]
        lines = list(_aligned([("at", "arrives", "", "", ""), *rows])) if rows else []
        if self.dropped:
            lines.insert(0, f"… {self.dropped:,} earlier entries are no longer kept")
        return "\n".join(_cut(line, width) for line in lines) or "nothing has happened"

    def show(self) -> None:
        """Print the text."""
        print(self.text())

    def __repr__(self) -> str:
        return f"Recording({count(len(self._entries), 'event')})"

    # What the world tells.

    def begun(self, connection: Connection) -> None:
        """See Observer."""
        self._add([self._recorded(connection).begin(self._now_ns)])

    def decided(self, connection: Connection, error: int) -> None:
        """See Observer."""
        self._add([self._recorded(connection).decide(error, self._now_ns)])

    def left(self, connection: Connection, role: Role, data: bytes | None) -> None:
        """See Observer."""
        self._add(self._recorded(connection).send(role, data, self._now_ns))

    def arrived(self, connection: Connection, role: Role, data: bytes | None) -> None:
        """See Observer."""
        self._recorded(connection).arrive(role, data, self._now_ns)

    def broken(self, connection: Connection, role: Role) -> None:
        """See Observer."""
        self._add(self._recorded(connection).break_off(role, self._now_ns))

    def given_up(self, connection: Connection, role: Role) -> None:
        """See Observer."""
        self._add([self._recorded(connection).give_up(role, self._now_ns)])

    def marked(self, mark: Mark) -> None:
        """See Observer."""
        mark = replace(mark, hosts=tuple(map(name, mark.hosts)))
        last = self._entries[-1] if self._entries else None
        if isinstance(last, Mark) and (both := last.joined(mark)) is not None:
            self._entries[-1] = both
        else:
            self._add([mark])

    @property
    def _now_ns(self) -> int:
        return self._world.schedule.now_ns

    def _recorded(self, connection: Connection) -> RecordedConnection:
        recorded = self._connections.get(connection.number)
        if recorded is None:
            recorded = RecordedConnection(connection, *self._hosts(connection))
            self._connections[connection.number] = recorded
        return recorded

    def _hosts(self, connection: Connection) -> tuple[str, str]:
        assert connection.client is not None, "somebody has asked for every connection"
        origin = connection.client.host
        target = self._world.hosts.at(connection.address[0], origin)
        return origin.name, connection.address[0] if target is None else target.name

    def _add(self, entries: Iterable[Entry | Mark]) -> None:
        for entry in entries:
            self._entries.append(entry)
            self._kept_bytes += len(entry.data) if isinstance(entry, Entry) else 0
        while len(self._entries) > self._max_entries or self._kept_bytes > self._max_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._entries.popleft()
        self.dropped += 1
        if isinstance(oldest, Mark):
            return
        self._kept_bytes -= len(oldest.data)
        connection = oldest.connection
        connection.forget_oldest()
        if connection.is_over and not connection.entries:
            self._connections.pop(connection.number, None)

    def _unfinished(self) -> Iterable[tuple[str, ...]]:
        for connection in self._connections.values():
            for role in _SIDES:
                if rest := connection.unfinished(role):
                    begun = f"unfinished: {hexadecimal(rest)}"
                    yield "", "", *_who(connection, role), begun


def _row(entry: Entry | Mark) -> tuple[str, ...]:
    at = clock(entry.at_ns)
    if isinstance(entry, Mark):
        number = "" if entry.number is None else f"#{entry.number}"
        return at, "", number, entry.place, entry.label
    arrives = entry.fate if entry.arrives_ns is None else clock(entry.arrives_ns)
    return at, arrives, *_who(entry.connection, entry.sender), entry.label


def _who(connection: RecordedConnection, sender: Role) -> tuple[str, str]:
    return f"#{connection.number}", connection.arrow(sender)


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for at, arrives, number, arrow, label in rows:
        times = f"{at.rjust(widths[0])}  {arrives.rjust(widths[1])}"
        yield f"{times}  {number.ljust(widths[2])} {arrow.ljust(widths[3])}  {label}".rstrip()


def _cut(line: str, width: int | None) -> str:
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"

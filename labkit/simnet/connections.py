"""A TCP connection and its two ends. Knows neither time nor what is said."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from labkit.errors import UsageError
from labkit.simnet.hosts import Host
from labkit.simnet.seam import Acknowledged, Address, Broken, Ended, Event, Received
from labkit.simnet.streams import Stream

Role = Literal["client", "server"]


class Owner(Protocol):
    """Whose sockets they are. Once it ``is_alerted``, there is something that it must hear."""

    is_alerted: bool

    def post(self, event: Event, *, alert: bool = True) -> None:
        """Tell of ``event``."""
        ...


@dataclass
class Connection:
    """The ``number``th connection, to ``address``. Without a server, nobody has answered yet."""

    number: int
    address: Address
    client: Endpoint | None = None
    server: Endpoint | None = None

    def reset(self, *, by: Role = "server") -> None:
        """Break it off at one end, without its doing: it fails here at once, and there soon.

        Raises UsageError if it is not made yet.
        """
        client, server = self._ends()
        end = client if by == "client" else server
        end.fail()
        end.reset()

    def set_swallowed(self, is_swallowed: bool) -> None:
        """Let nothing through, of which the ends hear nothing; or everything again.

        Raises UsageError if it is not made yet.
        """
        for end in self._ends():
            if end.stream is not None:
                end.stream.is_swallowed = is_swallowed
                end.stream.resume()

    def _ends(self) -> tuple[Endpoint, Endpoint]:
        if self.client is None or self.server is None:
            raise UsageError(f"connection {self.number} is not made yet: wait until it is")
        return self.client, self.server


class Endpoint:
    """One end. ``stream`` carries what it sends, once the connection is made."""

    def __init__(
        self,
        number: int,
        owner: Owner,
        connection: Connection,
        role: Role,
        host: Host,
        local: Address,
        peer: Address,
    ) -> None:
        self.number = number
        self.connection = connection
        self.role = role
        self.host = host
        self.local = local
        self.peer = peer
        self.stream: Stream | None = None
        self.space = 0
        self.is_closed = False
        self.owner = owner
        #: Told when this end breaks the connection off, or the attempt to make it.
        self.broke_off: Callable[[], None] = lambda: None
        self.is_broken = False
        self._has_broken_off = False
        self._has_heard_all = False

    @property
    def twin(self) -> Endpoint | None:
        """The other end."""
        return self.connection.server if self.role == "client" else self.connection.client

    def post(self, event: Event) -> None:
        """Tell whose socket this is of ``event``, if it is still open."""
        if not self.is_closed:
            self.owner.post(event)

    def take(self, data: bytes | None) -> None:
        """Take in what the twin sent; None: its end."""
        # Linux answers what nobody will read any more with a reset. The end needs no reader.
        if self.is_broken or (self.is_closed and data is not None):
            self.reset()
        elif data is not None:
            self.post(Received(self.number, data))
        else:
            self._has_heard_all = True
            self.post(Ended(self.number))

    def acknowledge(self, size: int) -> None:
        """Take in that the twin's host has ``size`` bytes."""
        if self.is_closed or self.is_broken:
            return
        was_full = self.space == 0
        self.space += size
        # Nobody waits for room where there was some.
        self.owner.post(Acknowledged(self.number, size), alert=was_full)

    def close(self, *, reset: bool) -> None:
        """Send what is left and the end; with ``reset``, break the connection off."""
        self.is_closed = True
        if self.is_broken:
            return
        if self.stream is None:
            self.broke_off()
        elif reset:
            self.reset()
        else:
            self.stream.finish()

    def reset(self) -> None:
        """Break the connection off. Again, if the twin has not heard of it."""
        self.is_broken = True
        if self.stream is None or self.twin is None:
            return
        if not self._has_broken_off:
            self._has_broken_off = True
            self.broke_off()
        self.stream.break_off(self.twin.fail)

    def fail(self) -> None:
        """Take in that the other end has broken the connection off."""
        # Linux, in `tcp_reset`: the end was heard before, so only writing can fail.
        self._break(errno.EPIPE if self._has_heard_all else errno.ECONNRESET)

    def time_out(self) -> None:
        """Take in that nobody has acknowledged anything for too long. The twin hears nothing."""
        self._break(errno.ETIMEDOUT)

    def vanish(self) -> None:
        """Be gone, and tell nobody. A host that knows of no connection answers with a reset."""
        self.is_closed = True
        self._break(0)

    def _break(self, number: int) -> None:
        if self.is_broken:
            return
        self.is_broken = True
        if self.stream is not None:
            self.stream.drop()
        self.post(Broken(self.number, number))

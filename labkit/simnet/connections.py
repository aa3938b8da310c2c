"""A TCP connection and its two ends. Knows neither time nor what is said."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal, Protocol

from labkit.simnet.hosts import Host
from labkit.simnet.seam import Acknowledged, Address, Broken, Ended, Event, Received
from labkit.simnet.streams import Stream

Role = Literal["client", "server"]


class Owner(Protocol):
    """Whose sockets they are."""

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
        self._owner = owner
        self._is_broken = False
        self._has_heard_all = False

    @property
    def twin(self) -> Endpoint | None:
        """The other end."""
        return self.connection.server if self.role == "client" else self.connection.client

    def post(self, event: Event) -> None:
        """Tell whose socket this is of ``event``, if it is still open."""
        if not self.is_closed:
            self._owner.post(event)

    def take(self, data: bytes | None) -> None:
        """Take in what the twin sent; None: its end."""
        if self._is_broken:
            return
        if self.is_closed:
            # Linux answers what nobody will read any more with a reset. The end needs no reader.
            if data is not None:
                self.reset()
        elif data is None:
            self._has_heard_all = True
            self._owner.post(Ended(self.number))
        else:
            self._owner.post(Received(self.number, data))

    def acknowledge(self, size: int) -> None:
        """Take in that the twin's host has ``size`` bytes."""
        if self.is_closed or self._is_broken:
            return
        was_full = self.space == 0
        self.space += size
        # Nobody waits for room where there was some.
        self._owner.post(Acknowledged(self.number, size), alert=was_full)

    def close(self, *, reset: bool) -> None:
        """Send what is left and the end; with ``reset``, break the connection off."""
        self.is_closed = True
        if self.stream is None or self._is_broken:
            return
        if reset:
            self.reset()
        else:
            self.stream.finish()

    def reset(self) -> None:
        """Break the connection off."""
        self._is_broken = True
        if self.stream is not None and self.twin is not None:
            self.stream.break_off(self.twin.fail)

    def fail(self) -> None:
        """Take in that the other end has broken the connection off."""
        if self._is_broken:
            return
        self._is_broken = True
        if self.stream is not None:
            self.stream.drop()
        # Linux, in `tcp_reset`: the end was heard before, so only writing can fail.
        self.post(Broken(self.number, errno.EPIPE if self._has_heard_all else errno.ECONNRESET))

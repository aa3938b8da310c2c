"""What an event loop and the world say to each other. Says nothing itself.

The loop calls, the world answers with events. Both may live in one process, or at the two ends of a
pipe: what crosses is plain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

#: A host's address and a port, or the path of a Unix socket and 0.
Address: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Connected:
    """What ``connect`` began has succeeded. ``space`` is how many bytes may be sent at once."""

    socket: int
    space: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Somebody has connected to ``listener``."""

    listener: int
    socket: int
    local: Address
    peer: Address
    space: int


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes have arrived."""

    socket: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The other side sends no more."""

    socket: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """There is room for ``size`` more bytes in the send buffer."""

    socket: int
    size: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection has failed with this ``errno``, or was never made."""

    socket: int
    errno: int


@dataclass(frozen=True, slots=True)
class Told:
    """Who runs the loop from outside says something: no traffic, and the network knows nothing."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Crashed:
    """A host has crashed, and with it what the loop has run there."""

    host: str


Event: TypeAlias = Connected | Accepted | Received | Ended | Acknowledged | Broken | Crashed | Told


class Network(Protocol):
    """The world as one event loop sees it. Sockets and listeners are known by numbers."""

    def begin(self) -> int:
        """Return the time, when it is the loop's turn for the first time. Called once."""
        ...

    def listen(self, host: str, address: Address) -> tuple[int, Address]:
        """Listen at ``address``; return the listener, and where it listens. Raises OSError."""
        ...

    def stop_listening(self, listener: int) -> None:
        """Listen no more."""
        ...

    def connect(self, host: str, address: Address) -> tuple[int, Address]:
        """Begin to connect from ``host``; return the socket and its own address. Raises OSError."""
        ...

    def send(self, socket: int, data: bytes) -> None:
        """Send ``data``, for which there is room."""
        ...

    def finish(self, socket: int) -> None:
        """Send no more; what was sent still arrives."""
        ...

    def consume(self, socket: int, size: int) -> None:
        """Make room in the receive buffer: ``size`` bytes were read."""
        ...

    def close(self, socket: int, *, reset: bool = False) -> None:
        """Be done with a socket; with ``reset``, break the connection off."""
        ...

    def resolve(self, host: str, name: str) -> list[str]:
        """Return the addresses of ``name``, as seen from ``host``. Raises ``socket.gaierror``."""
        ...

    def tell(self, data: bytes) -> None:
        """Say something to who runs the loop from outside. See Told."""
        ...

    def wait(self, until_ns: int | None) -> tuple[int, list[Event]]:
        """Let time pass until something happens here, or until ``until_ns``.

        Return the time and what has happened. Raises Deadlock if nothing ever will.
        """
        ...


class Other(Protocol):
    """A loop that is run from outside: it rests until it is resumed, and then until it rests."""

    wakes_ns: int | None

    def is_due(self) -> bool:
        """Whether something has happened to it, or its time has come."""
        ...

    def resume(self) -> None:
        """Let it run until it rests again."""
        ...

    def crash(self, host: str) -> None:
        """Have what it runs on ``host`` end."""
        ...

"""What happens on a connection, seen from one side: sent, received, or both. Does nothing itself.

The same event is given to ``Connection.send`` at one end and comes out of ``Connection.events`` at
the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from labkit.errors import HandshakeError, RemoteProtocolError

from .frames import CloseCode
from .http import Headers


@dataclass(frozen=True)
class Upgrade:
    """A client asks for a WebSocket (RFC 6455 §4.1).

    ``origin`` is the page a browser speaks for: whether it is welcome is for the server's owner
    to decide, and a client that is no browser may claim any.
    """

    host: str
    target: str = "/"
    headers: Headers = ()

    @property
    def origin(self) -> str | None:
        """The value of the Origin header, None if there is none."""
        return next((value for name, value in self.headers if name.lower() == "origin"), None)


@dataclass(frozen=True)
class Accept:
    """The server agrees: status 101 (RFC 6455 §4.2.2)."""

    headers: Headers = ()


@dataclass(frozen=True)
class Reject:
    """The server declines with another HTTP status. What follows its head is not read."""

    status: int
    reason: str = ""
    headers: Headers = ()


@dataclass(frozen=True)
class Text:
    """A text message (RFC 6455 §5.6)."""

    data: str


@dataclass(frozen=True)
class Binary:
    """A binary message (RFC 6455 §5.6)."""

    data: bytes


@dataclass(frozen=True)
class Ping:
    """Are you there? The answer is a Pong with the same payload (RFC 6455 §5.5.2)."""

    payload: bytes = b""


@dataclass(frozen=True)
class Pong:
    """I am; or a sign of life that nobody asked for (RFC 6455 §5.5.3)."""

    payload: bytes = b""


@dataclass(frozen=True)
class Close:
    """One half of the closing handshake (RFC 6455 §5.5.1). The answer repeats the code."""

    code: int = CloseCode.NORMAL
    reason: str = ""


@dataclass(frozen=True)
class Failed:
    """The peer broke a rule, and the connection is over (RFC 6455 §7.1.7).

    Received only. What tells the peer so is already in ``data_to_send``.
    """

    error: RemoteProtocolError | HandshakeError


@dataclass(frozen=True)
class Lost:
    """The stream ended without a closing handshake: code 1006 (RFC 6455 §7.1.5). Received only."""

    code: int = CloseCode.ABNORMAL


Event: TypeAlias = Upgrade | Accept | Reject | Text | Binary | Ping | Pong | Close | Failed | Lost

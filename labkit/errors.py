"""Every exception labkit raises on purpose. Each prints as one clear sentence.

LabkitError
├── UsageError               a command or a call was used wrongly; says what to do instead
├── CourseError              the course folder, a notebook or the manifest is not as it must be
├── SimulationError          a simulated network cannot go on
│   ├── Blocked              code keeps everybody waiting: it never comes back to its loop
│   ├── Deadlock             everybody waits for somebody, and nothing is planned
│   └── TimeIsUp             the time that was set for it has passed
├── HandshakeError           an opening handshake is refused; carries the HTTP status to answer with
└── ProtocolError            a rule of RFC 6455 or RFC 7692; carries the close code
    ├── LocalProtocolError   this side was about to break it
    └── RemoteProtocolError  the peer broke it
"""

from __future__ import annotations


class LabkitError(Exception):
    """Base of every exception that labkit raises on purpose."""


class UsageError(LabkitError):
    """A command or a call was used wrongly. The text says what to do instead."""


class CourseError(LabkitError):
    """The course folder, a notebook or the manifest is not as it must be."""


class SimulationError(LabkitError):
    """A simulated network cannot go on. The text is a table of what waits where."""


class Blocked(SimulationError):
    """Code keeps everybody waiting. The text names it and its line."""


class Deadlock(SimulationError):
    """Everybody waits for somebody, and nothing is planned."""


class TimeIsUp(SimulationError):
    """The time that was set for a simulation has passed."""


class HandshakeError(LabkitError):
    """An opening handshake is refused (RFC 6455 §4).

    ``status`` is the HTTP status a server answers with: 400, 405, 426, …
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason} (HTTP {self.status})"


class ProtocolError(LabkitError):
    """A rule of RFC 6455 or RFC 7692 is broken.

    ``code`` is the close code to send (RFC 6455 §7.4.1); ``reason`` names the rule and the value.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason} (close code {self.code})"


class LocalProtocolError(ProtocolError):
    """This side was about to break a rule; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer broke a rule; the connection fails with ``code``."""

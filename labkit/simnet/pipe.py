"""What crosses a pipe between the world and an event loop in another process. Sends nothing itself.

It is MessagePack of known types, so that neither end runs what the other sends.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import Any, Protocol

import msgspec

from labkit.errors import SimulationError
from labkit.simnet.seam import (
    Accepted,
    Acknowledged,
    Address,
    Broken,
    Connected,
    Crashed,
    Ended,
    Event,
    Received,
    Told,
)

_EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (Accepted, Acknowledged, Broken, Connected, Crashed, Ended, Received, Told)
}
#: What the loop may call, and with what.
CALLS: dict[str, Any] = {
    "listen": tuple[str, Address],
    "stop_listening": tuple[int],
    "connect": tuple[str, Address],
    "send": tuple[int, bytes],
    "finish": tuple[int],
    "consume": tuple[int, int],
    "close": tuple[int, bool],
    "resolve": tuple[str, str],
    "tell": tuple[bytes],
    "wait": tuple[int | None],
}
#: Those of them that are answered at once.
ANSWERED = {"listen", "connect", "resolve"}


class Pipe(Protocol):
    """One end of a pipe that keeps messages apart, such as ``multiprocessing.Pipe`` gives."""

    def send_bytes(self, data: bytes) -> None:
        """Send a message."""
        ...

    def recv_bytes(self) -> bytes:
        """Return the next message. Raises EOFError, with what is known, if there is none."""
        ...


class PolledPipe(Pipe, Protocol):
    """A pipe whose owner need not wait for ever."""

    def poll(self, timeout: float) -> bool:
        """Wait for a message for so many real seconds; return whether there is one."""
        ...


class Gone(SimulationError):
    """The other end of the pipe is closed, silent, or says what it may not."""


class Silent(Gone):
    """The other end has nothing to say for too long. It may be busy."""


def packed(events: list[Event]) -> list[tuple[Any, ...]]:
    """Return ``events`` as what crosses."""
    return [(type(each).__name__, *astuple(each)) for each in events]


def event(name: str, *values: Any) -> Event:
    """Return the event that ``packed`` made this of."""
    kind = _EVENTS[name]
    given = dict(zip((field.name for field in fields(kind)), values, strict=True))
    happened: Event = msgspec.convert(given, kind, builtin_types=(bytes,))
    return happened

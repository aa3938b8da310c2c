"""The seam through a pipe: the world at one end, an event loop in another process at the other.

What crosses is MessagePack of known types, so that neither end runs what the other sends. One-way
calls are gathered and go with the next one that needs an answer; time does not pass meanwhile.
"""

from __future__ import annotations

import socket as names
from collections.abc import Callable
from dataclasses import astuple, fields
from typing import Any, Protocol

import msgspec

from labkit.errors import SimulationError
from labkit.simnet.process import Process
from labkit.simnet.seam import (
    Accepted,
    Acknowledged,
    Address,
    Broken,
    Connected,
    Ended,
    Event,
    Received,
)
from labkit.simnet.world import World

_EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind for kind in (Accepted, Acknowledged, Broken, Connected, Ended, Received)
}
#: What the loop may call, and with what.
_CALLS: dict[str, Any] = {
    "listen": tuple[str, Address],
    "stop_listening": tuple[int],
    "connect": tuple[str, Address],
    "send": tuple[int, bytes],
    "finish": tuple[int],
    "consume": tuple[int, int],
    "close": tuple[int, bool],
    "resolve": tuple[str, str],
    "wait": tuple[int | None],
}
_ANSWERED = {"listen", "connect", "resolve"}


class Pipe(Protocol):
    """One end of a pipe that keeps messages apart, such as ``multiprocessing.Pipe`` gives."""

    def send_bytes(self, data: bytes) -> None:
        """Send a message."""
        ...

    def recv_bytes(self) -> bytes:
        """Return the next message. Raises EOFError if the other end is closed."""
        ...

    def poll(self, timeout: float) -> bool:
        """Wait for a message for so many real seconds; return whether there is one."""
        ...


class Gone(SimulationError):
    """The other end of the pipe is closed, silent, or says what it may not."""


class RemoteNetwork:
    """The world as a loop sees it from the far end of ``pipe``. See Network."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._calls: list[tuple[str, tuple[Any, ...]]] = []
        self._begun: tuple[int, list[Event]] | None = None

    def begin(self) -> int:
        """See Network."""
        self._begun = self._resumed()
        return self._begun[0]

    def listen(self, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        return msgspec.convert(self._ask("listen", host, address), tuple[int, Address])

    def stop_listening(self, listener: int) -> None:
        """See Network."""
        self._calls.append(("stop_listening", (listener,)))

    def connect(self, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        return msgspec.convert(self._ask("connect", host, address), tuple[int, Address])

    def send(self, socket: int, data: bytes) -> None:
        """See Network."""
        self._calls.append(("send", (socket, data)))

    def finish(self, socket: int) -> None:
        """See Network."""
        self._calls.append(("finish", (socket,)))

    def consume(self, socket: int, size: int) -> None:
        """See Network."""
        self._calls.append(("consume", (socket, size)))

    def close(self, socket: int, *, reset: bool = False) -> None:
        """See Network."""
        self._calls.append(("close", (socket, reset)))

    def resolve(self, host: str, name: str) -> list[str]:
        """See Network."""
        return msgspec.convert(self._ask("resolve", host, name), list[str])

    def wait(self, until_ns: int | None) -> tuple[int, list[Event]]:
        """See Network. Raises Gone if the world is."""
        begun, self._begun = self._begun, None
        if begun is not None and begun[1]:
            return begun
        self._call("wait", until_ns)
        return self._resumed()

    def _resumed(self) -> tuple[int, list[Event]]:
        now_ns, events = msgspec.convert(self._receive(), tuple[int, list[list[Any]]])
        return now_ns, [_event(*event) for event in events]

    def _ask(self, name: str, *arguments: Any) -> Any:
        self._call(name, *arguments)
        failure, result = msgspec.convert(self._receive(), tuple[list[Any] | None, Any])
        if failure is not None:
            kind, number, text = msgspec.convert(failure, tuple[str, int, str])
            raise names.gaierror(number, text) if kind == "gaierror" else OSError(number, text)
        return result

    def _call(self, name: str, *arguments: Any) -> None:
        self._calls.append((name, arguments))
        calls, self._calls = self._calls, []
        try:
            self._pipe.send_bytes(msgspec.msgpack.encode(calls))
        except OSError as error:
            raise Gone("the simulated world is gone") from error

    def _receive(self) -> Any:
        try:
            return msgspec.msgpack.decode(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            raise Gone("the simulated world is gone") from error


class RemoteLoop:
    """A loop at the far end of ``pipe``, as the world sees it. Attach it by ``world.others``.

    It may take ``patience_s`` real seconds from one message to the next. Whoever goes away, keeps
    silent or says what it may not is dropped: its connections end as those of a process that ends.
    """

    def __init__(self, world: World, pipe: Pipe, *, patience_s: float = 10.0) -> None:
        self.wakes_ns: int | None = 0
        #: Why it takes part no more.
        self.gone = ""
        self._world = world
        self._pipe = pipe
        self._patience_s = patience_s
        self._process = Process(world)

    def is_due(self) -> bool:
        """See Other."""
        if self.gone:
            return False
        has_come = self.wakes_ns is not None and self.wakes_ns <= self._world.schedule.now_ns
        return has_come or self._process.is_alerted

    def resume(self) -> None:
        """See Other."""
        self._process.is_alerted = False
        events = [(type(each).__name__, *astuple(each)) for each in self._process.take()]
        try:
            self._send((self._world.schedule.now_ns, events))
            while not self._carry_out(self._receive()):
                pass
        except Gone as error:
            self.gone = str(error)
            self.wakes_ns = None
            self._process.leave()

    def _carry_out(self, calls: list[tuple[str, Any]]) -> bool:
        """Do what the loop asks for; return whether it rests now."""
        for name, arguments in calls:
            if name == "wait":
                (self.wakes_ns,) = arguments
                return True
            if name == "close":
                socket, reset = arguments
                self._process.close(socket, reset=reset)
            elif name in _ANSWERED:
                self._send(_answer(getattr(self._process, name), arguments))
            else:
                getattr(self._process, name)(*arguments)
        return False

    def _send(self, message: Any) -> None:
        try:
            self._pipe.send_bytes(msgspec.msgpack.encode(message))
        except OSError as error:
            raise Gone("its process has ended") from error

    def _receive(self) -> list[tuple[str, Any]]:
        try:
            if not self._pipe.poll(self._patience_s):
                raise Gone(f"it has not rested for {self._patience_s:g} s of real time")
            calls = msgspec.msgpack.decode(self._pipe.recv_bytes(), type=list[tuple[str, Any]])
            # Otherwise, text would pass for bytes in Base64.
            return [
                (name, msgspec.convert(given, _CALLS[name], builtin_types=(bytes,)))
                for name, given in calls
            ]
        except (EOFError, OSError) as error:
            raise Gone("its process has ended") from error
        except (msgspec.MsgspecError, KeyError) as error:
            raise Gone(f"it said what a loop may not say: {error}") from error


def _answer(call: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    try:
        return None, call(*arguments)
    except OSError as error:
        kind = "gaierror" if isinstance(error, names.gaierror) else "OSError"
        return (kind, error.errno, error.strerror), None


def _event(name: str, *values: Any) -> Event:
    kind = _EVENTS[name]
    given = dict(zip((field.name for field in fields(kind)), values, strict=True))
    event: Event = msgspec.convert(given, kind, builtin_types=(bytes,))
    return event

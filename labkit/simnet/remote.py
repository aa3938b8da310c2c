"""The seam through a pipe: the world at one end, an event loop in another process at the other.

One-way calls are gathered and go with the next one that needs an answer; time does not pass
meanwhile.
"""

from __future__ import annotations

import math
import socket as names
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from labkit.simnet.clocks import real_time
from labkit.simnet.pipe import ANSWERED, CALLS, Gone, Pipe, PolledPipe, Silent, event, packed
from labkit.simnet.process import Process
from labkit.simnet.seam import Address, Crashed, Event, Told
from labkit.simnet.world import World


class RemoteNetwork:
    """The world as a loop sees it from the far end of ``pipe``. See Network."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._calls: list[tuple[str, tuple[Any, ...]]] = []
        self._speaking = threading.Lock()
        self._is_given_up = False
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

    def tell(self, data: bytes) -> None:
        """See Network."""
        self._calls.append(("tell", (data,)))

    def give_up(self, last_words: bytes) -> None:
        """Speak for a loop that does not come back, from another thread; it takes part no more.

        What it has sent still leaves, and then it tells ``last_words``.
        """
        with self._speaking:
            if self._is_given_up:
                return
            self._is_given_up = True
            self._calls += [("tell", (last_words,)), ("wait", (None,))]
            self._flush()

    def wait(self, until_ns: int | None) -> tuple[int, list[Event]]:
        """See Network. Raises Gone if the world is."""
        begun, self._begun = self._begun, None
        if begun is not None and begun[1]:
            return begun
        self._call("wait", until_ns)
        return self._resumed()

    def _resumed(self) -> tuple[int, list[Event]]:
        now_ns, events = msgspec.convert(self._receive(), tuple[int, list[list[Any]]])
        return now_ns, [event(*each) for each in events]

    def _ask(self, name: str, *arguments: Any) -> Any:
        self._call(name, *arguments)
        failure, result = msgspec.convert(self._receive(), tuple[list[Any] | None, Any])
        if failure is not None:
            kind, number, text = msgspec.convert(failure, tuple[str, int, str])
            raise names.gaierror(number, text) if kind == "gaierror" else OSError(number, text)
        return result

    def _call(self, name: str, *arguments: Any) -> None:
        with self._speaking:
            if self._is_given_up:
                raise Gone("somebody else has given this loop up")
            self._calls.append((name, arguments))
            self._flush()

    def _flush(self) -> None:
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

    It may take ``patience_s`` real seconds from one message to the next, and ``limit_s`` in all.
    Whoever goes away or says what it may not is dropped: its connections end as those of a process
    that ends. Who keeps silent too long is left alone: its connections hang, as it does.
    ``hear`` is called with what it tells.
    """

    def __init__(
        self,
        world: World,
        pipe: PolledPipe,
        *,
        patience_s: float = 10.0,
        limit_s: float = math.inf,
        hear: Callable[[bytes], object] = lambda data: None,
    ) -> None:
        self.wakes_ns: int | None = 0
        #: Why it takes part no more.
        self.gone = ""
        #: Whether that is because it keeps silent.
        self.is_silent = False
        #: How much of its real time is left.
        self.left_s = limit_s
        self._world = world
        self._pipe = pipe
        self._patience_s = patience_s
        self._process = Process(world)
        self._process.hear = hear

    def is_due(self) -> bool:
        """See Other."""
        if self.gone:
            return False
        has_come = self.wakes_ns is not None and self.wakes_ns <= self._world.schedule.now_ns
        return has_come or self._process.is_alerted

    def resume(self) -> None:
        """See Other."""
        self._process.is_alerted = False
        events = packed(self._process.take())
        began_s = real_time()
        try:
            self._send((self._world.schedule.now_ns, events))
            while not self._carry_out(self._receive(began_s + self.left_s)):
                pass
        except Gone as error:
            self.leave_alone(str(error))
            self.is_silent = isinstance(error, Silent)
            if not self.is_silent:
                self._process.leave()
        finally:
            self.left_s = max(0.0, began_s + self.left_s - real_time())

    def tell(self, data: bytes) -> None:
        """Say something to the loop, when it is resumed next. See Told."""
        self._process.post(Told(data))

    def crash(self, host: str) -> None:
        """See Other."""
        self._process.post(Crashed(host))

    def leave_alone(self, why: str) -> None:
        """Do not resume it any more."""
        self.gone = why
        self.wakes_ns = None

    def _carry_out(self, calls: list[tuple[str, Any]]) -> bool:
        """Do what the loop asks for; return whether it rests now."""
        # A loop waits for the answer. One message cannot ask for ever.
        if any(name in ANSWERED for name, _ in calls[:-1]):
            raise Gone("it said what a loop may not say: more, before it was answered")
        for name, arguments in calls:
            if name == "wait":
                # Whoever heard what it told may have done with it.
                (self.wakes_ns,) = (None,) if self.gone else arguments
                return True
            if name == "close":
                socket, reset = arguments
                self._process.close(socket, reset=reset)
            elif name in ANSWERED:
                self._send(_answer(getattr(self._process, name), arguments))
            else:
                getattr(self._process, name)(*arguments)
        return False

    def _send(self, message: Any) -> None:
        try:
            self._pipe.send_bytes(msgspec.msgpack.encode(message))
        except (EOFError, OSError) as error:
            raise _ended(error) from error

    def _receive(self, ends_s: float) -> list[tuple[str, Any]]:
        patience_s = max(0.0, min(self._patience_s, ends_s - real_time()))
        try:
            if not patience_s or not self._pipe.poll(patience_s):
                raise Silent(f"it has not rested for {patience_s:g} s of real time")
            calls = msgspec.msgpack.decode(self._pipe.recv_bytes(), type=list[tuple[str, Any]])
            # Otherwise, text would pass for bytes in Base64.
            return [
                (name, msgspec.convert(given, CALLS[name], builtin_types=(bytes,)))
                for name, given in calls
            ]
        except (EOFError, OSError) as error:
            raise _ended(error) from error
        except (msgspec.MsgspecError, KeyError, RecursionError) as error:
            raise Gone(f"it said what a loop may not say: {error}") from error


def _ended(error: EOFError | OSError) -> Gone:
    # A pipe may know more about its other end.
    why = str(error) if isinstance(error, EOFError) else ""
    return Gone(why or "its process has ended")


def _answer(call: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    try:
        return None, call(*arguments)
    except OSError as error:
        kind = "gaierror" if isinstance(error, names.gaierror) else "OSError"
        return (kind, error.errno, error.strerror), None

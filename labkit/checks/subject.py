"""The learner's answer, wherever it runs. Checks never touch the learner's objects themselves."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import msgspec

from labkit.checks import plain
from labkit.checks.messages import (
    Abandon,
    Call,
    Done,
    Gone,
    Invoke,
    Listening,
    Missing,
    New,
    NoAnswer,
    Outcome,
    Overhear,
    Overheard,
    Raised,
    Reply,
    Request,
    Returned,
    Serve,
    Stalled,
    Start,
    Started,
    StopServing,
    Unwritten,
    Waiting,
)
from labkit.checks.spelling import brief, spelled

#: For how long, in virtual seconds, a check waits for what an answer may still do. What the
#: `websockets` library does of itself, it does after 10 s or more.
HORIZON_S = 8.0
#: Without delays on the network, whatever is on its way has arrived and was acted on when time has
#: passed at all.
MOMENT_S = 0.001


class NotWritten(Exception):
    """There is no answer yet. The text says what there is instead."""


class Channel(Protocol):
    """Carries requests to where the answer runs. Always replies, in bounded time."""

    async def ask(self, request: Request) -> Reply: ...


class Subject:
    """The answer ``symbol`` at the other end of ``channel``.

    ``call`` and ``invoke`` return what the answer returned, as plain data. Where it did not return,
    they return a ``NoAnswer`` that says why, and so does every call that gets one as an argument:
    the check goes on, and the case that wanted the value fails with that reason.
    """

    def __init__(self, symbol: str, channel: Channel) -> None:
        self.symbol = symbol
        self.called = ""
        self.printed = ""
        self.stalled = False
        self.raised: list[Raised] = []
        self._channel = channel
        self._handles = itertools.count()
        self._has_failed = False

    def forget_circumstances(self) -> None:
        """Forget the last call and what was printed: the next case has its own."""
        self.called = self.printed = ""
        self._has_failed = False

    async def call(self, *arguments: plain.Plain) -> plain.Plain:
        """Call the function with ``arguments``."""
        return await self._value(self.symbol, arguments, Call(self.symbol, _packed(arguments)))

    async def new(self, *arguments: plain.Plain) -> Made:
        """Make an object of the class with ``arguments``."""
        handle = next(self._handles)
        request = New(self.symbol, _packed(arguments), handle)
        failure = await self._value(self.symbol, arguments, request)
        return Made(self, handle, failure)

    @asynccontextmanager
    async def serve(self, *, websocket: bool = False) -> AsyncIterator[Served]:
        """Serve connections with the answer on loopback.

        It handles streams, or, with ``websocket``, connections of the ``websockets`` library.
        """
        reply = await self._ask(Serve(self.symbol, websocket))
        if isinstance(reply, Listening):
            try:
                yield Served(reply.port, "", self._silence, turns=websocket)
            finally:
                await self._ask(StopServing())
        else:
            yield Served(None, str(_no_answer(reply)), self._silence)

    @asynccontextmanager
    async def run(self, *arguments: plain.Plain) -> AsyncIterator[Running]:
        """Run the coroutine function with ``arguments`` as a task, until the block's end."""
        handle = next(self._handles)
        failure = next((one for one in arguments if isinstance(one, NoAnswer)), None)
        if failure is None:
            reply = await self._ask(Start(self.symbol, _packed(arguments), handle))
            failure = None if isinstance(reply, Started) else _no_answer(reply)
        try:
            yield Running(self, handle, spelled(self.symbol, arguments), failure)
        finally:
            await self._ask(Abandon(handle))

    async def overhear(self) -> NoAnswer | None:
        """Note what handlers and background tasks have raised; return why that is not known.

        Raises NotWritten if one of them is still the stub.
        """
        reply = await self._ask(Overhear())
        if not isinstance(reply, Overheard):
            return _no_answer(reply)
        for raised in reply.raised:
            if isinstance(raised, Unwritten):
                raise NotWritten(raised.why)
            self.raised.append(raised)
        return None

    async def _silence(self) -> str:
        failure = await self.overhear()
        return "nothing: it waits for more" if failure is None else str(failure)

    async def _value(
        self, name: str, arguments: tuple[plain.Plain, ...], request: Request
    ) -> plain.Plain:
        for argument in arguments:
            if isinstance(argument, NoAnswer):
                return argument
        reply = await self._ask(request)
        value = _decoded(reply.value) if isinstance(reply, Returned) else _no_answer(reply)
        self._note(spelled(name, arguments), value)
        return value

    async def _ask(self, request: Request) -> Reply:
        """Return the reply, when what is to be known of every reply is noted."""
        reply = await self._channel.ask(request)
        self.printed += getattr(reply, "printed", "")
        self.stalled |= isinstance(reply, Stalled)
        if isinstance(reply, Unwritten):
            raise NotWritten(reply.why)
        return reply

    def _note(self, called: str, value: plain.Plain) -> None:
        """Note a call. Of several, the one to look at is the first that failed."""
        if not self._has_failed:
            self.called = "" if isinstance(value, Missing) else called
            self._has_failed = isinstance(value, NoAnswer)


@dataclass(frozen=True)
class Served:
    """An answer that serves on ``port`` of 127.0.0.1, or ``why`` it does not.

    ``silence`` tells why nothing comes from it. A peer that takes ``turns`` lets it act on what it
    was sent before it sends more: a handler of streams must cope with frames that arrive together.
    """

    port: int | None
    why: str
    silence: Callable[[], Awaitable[str]]
    turns: bool = False


class Running:
    """The answer as a task at the other end of the channel; ``failure`` is why it is none.

    ``is_told`` says whether the check has heard what the task raised.
    """

    def __init__(
        self, subject: Subject, handle: int, called: str, failure: NoAnswer | None
    ) -> None:
        self._subject = subject
        self._handle = handle
        self._called = called
        self._ended: Returned | NoAnswer | None = failure
        self.is_told = False

    async def outcome(self, within_s: float = HORIZON_S) -> plain.Plain:
        """Return what the task returns within some virtual seconds, or why it does not."""
        ended = await self._look(within_s)
        self.is_told = True
        return _decoded(ended.value) if isinstance(ended, Returned) else ended

    async def silence(self) -> str:
        """Tell why nothing comes from it."""
        failure = await self._subject.overhear()
        state = failure or await self._look()
        match state:
            case Stalled():
                return str(state)
            case Returned(value=value):
                return f"nothing: it returned {brief(_decoded(value))}"
        return f"nothing: {state}"

    async def cancel(self) -> plain.Plain:
        """Cancel the task, as a timeout around the call does; return what it came to."""
        if self._ended is not None:
            return _decoded(self._ended.value) if isinstance(self._ended, Returned) else self._ended
        reply = await self._subject._ask(Abandon(self._handle))
        self._ended = Gone("it was cancelled")
        if isinstance(reply, Done):
            return Gone("it goes on, though it was cancelled")
        return _decoded(reply.value) if isinstance(reply, Returned) else _no_answer(reply)

    def note(self) -> None:
        """Count what the task raised, if nobody was told, to what was raised in the background."""
        if isinstance(self._ended, Raised) and not self.is_told:
            self._subject.raised.append(self._ended)
            self.is_told = True

    async def _look(self, within_s: float = 0.0) -> Returned | NoAnswer:
        """Return what becomes of the task, or where it waits."""
        if self._ended is None:
            reply = await self._subject._ask(Outcome(self._handle, within_s))
            state = reply if isinstance(reply, Returned) else _no_answer(reply)
            if isinstance(state, Waiting):
                self._subject._note(self._called, None)
                return state
            self._ended = state
        self._subject._note(self._called, self._ended)
        return self._ended


class Made:
    """An object of the learner's class, at the other end of the channel."""

    def __init__(self, subject: Subject, handle: int, failure: plain.Plain) -> None:
        self._subject = subject
        self._handle = handle
        self._failure = failure

    async def invoke(self, method: str, *arguments: plain.Plain) -> plain.Plain:
        """Call ``method`` with ``arguments``."""
        if self._failure is not None:
            return self._failure
        request = Invoke(self._handle, method, _packed(arguments))
        return await self._subject._value(f".{method}", arguments, request)


def _packed(arguments: tuple[plain.Plain, ...]) -> bytes:
    return plain.encode(list(arguments))


def _decoded(value: bytes) -> plain.Plain:
    try:
        return plain.decode(value)
    except msgspec.DecodeError:
        return Gone("it sent a value that is not plain data")


def _no_answer(reply: Reply) -> NoAnswer:
    return reply if isinstance(reply, NoAnswer) else Gone("it sent a reply of the wrong kind")

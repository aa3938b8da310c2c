"""The learner's answer, wherever it runs. Checks never touch the learner's objects themselves."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from labkit.checks import plain
from labkit.checks.messages import (
    Abandon,
    Call,
    Gone,
    Invoke,
    Listening,
    Missing,
    New,
    NoAnswer,
    Outcome,
    Raised,
    Reply,
    Request,
    Returned,
    Serve,
    Settle,
    Settled,
    Stalled,
    Start,
    Started,
    StopServing,
    Unwritten,
    Waiting,
)
from labkit.checks.patience import Patience, Rest
from labkit.checks.spelling import brief, spelled, without_port

POLL_S = 0.005


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
        self._patience = Patience()
        self._has_failed = False
        self._is_async = False
        self._stalled: Stalled | None = None

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
        self._is_async = websocket
        reply = await self._ask(Serve(self.symbol, websocket))
        if isinstance(reply, Listening):
            try:
                yield Served(reply.port, "", self._settle, self._patience, turns=websocket)
            finally:
                await self._ask(StopServing())
        else:
            yield Served(None, str(_no_answer(reply)), self._settle, self._patience)

    @asynccontextmanager
    async def run(self, *arguments: plain.Plain) -> AsyncIterator[Running]:
        """Run the coroutine function with ``arguments`` as a task, until the block's end."""
        self._is_async = True
        handle = next(self._handles)
        failure = next((one for one in arguments if isinstance(one, NoAnswer)), None)
        if failure is None:
            reply = await self._ask(Start(self.symbol, _packed(arguments), handle))
            failure = None if isinstance(reply, Started) else _no_answer(reply)
        # A port is another one each time, and a verdict is always the same.
        called = without_port(spelled(self.symbol, arguments))
        try:
            yield Running(self, handle, called, failure)
        finally:
            await self._ask(Abandon(handle))

    async def _settle(self) -> Rest:
        settled = await self._settled()
        if isinstance(settled, Settled):
            return Rest("nothing: it waits for more", settled.wakes_s)
        return Rest(str(settled), is_stalled=True)

    async def _settled(self) -> Settled | NoAnswer:
        reply = await self._ask(Settle())
        if isinstance(reply, Settled):
            for raised in reply.raised:
                if isinstance(raised, Unwritten):
                    raise NotWritten(raised.why)
                self.raised.append(raised)
            return reply
        # What it hangs at says more than that it cannot be asked any more.
        self._stalled = reply if isinstance(reply, Stalled) else self._stalled
        return self._stalled or _no_answer(reply)

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
        if isinstance(reply, Stalled):
            self.stalled = True
            reply = msgspec.structs.replace(reply, blocks_loop=self._is_async)
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

    ``settle`` lets the answer act on everything it was sent. A peer that takes ``turns`` does so
    before it sends: the order on the wire is always the same. A handler of streams must cope with
    frames that arrive together.
    """

    port: int | None
    why: str
    settle: Callable[[], Awaitable[Rest]]
    patience: Patience = field(default_factory=Patience)
    turns: bool = False


class Running:
    """The answer as a task at the other end of the channel; ``failure`` is why it is none.

    ``is_told`` says whether the check has heard what the task raised.
    """

    def __init__(
        self, subject: Subject, handle: int, called: str, failure: NoAnswer | None
    ) -> None:
        self.patience = subject._patience
        self._subject = subject
        self._handle = handle
        self._called = called
        self._ended: Returned | NoAnswer | None = failure
        self.is_told = False

    async def outcome(self) -> plain.Plain:
        """Return what the task returns, or why it does not."""
        await self.patience.wait(self._ended_within, self.settle)
        ended = await self._look()
        self.is_told = True
        return _decoded(ended.value) if isinstance(ended, Returned) else ended

    async def settle(self) -> Rest:
        """Let the answer act on everything it was sent."""
        settled = await self._subject._settled()
        if self._ended is None and not isinstance(settled, Settled):
            self._ended = settled
        state = await self._look()
        done = (
            f"it returned {brief(_decoded(state.value))}" if isinstance(state, Returned) else state
        )
        why = f"nothing: {done}"
        if isinstance(settled, Settled):
            return Rest(why, settled.wakes_s)
        return Rest(why, is_stalled=True)

    async def cancel(self) -> None:
        """Cancel the task, as a timeout around the call does."""
        if self._ended is None:
            await self._subject._ask(Abandon(self._handle))
            self._ended = Gone("it was cancelled")

    def note(self) -> None:
        """Count what the task raised, if nobody was told, to what was raised in the background."""
        if isinstance(self._ended, Raised) and not self.is_told:
            self._subject.raised.append(self._ended)
            self.is_told = True

    async def _ended_within(self, seconds: float) -> Returned | NoAnswer | None:
        now = asyncio.get_running_loop().time
        ends = now() + seconds
        while isinstance(await self._look(), Waiting) and now() < ends:
            await asyncio.sleep(POLL_S)
        return self._ended

    async def _look(self) -> Returned | NoAnswer:
        """Return what became of the task, or where it waits."""
        self._subject._note(self._called, self._ended)
        if self._ended is not None:
            return self._ended
        reply = await self._subject._ask(Outcome(self._handle))
        state = reply if isinstance(reply, Returned) else _no_answer(reply)
        if not isinstance(state, Waiting):
            self._ended = state
        return state


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

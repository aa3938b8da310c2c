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
    Call,
    Gone,
    Invoke,
    Listening,
    Missing,
    New,
    NoAnswer,
    Raised,
    Reply,
    Request,
    Returned,
    Serve,
    Settle,
    Settled,
    Stalled,
    StopServing,
    Unwritten,
)

SHOWN_BYTES = 16


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
        self._has_failed = False
        self.stalled = False
        self.raised: list[Raised] = []
        self._channel = channel
        self._handles = itertools.count()

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
    async def serve(self) -> AsyncIterator[Served]:
        """Serve connections with the answer on loopback."""
        reply = await self._channel.ask(Serve(self.symbol))
        match reply:
            case Listening(port):
                try:
                    yield Served(port, "", self._settle)
                finally:
                    await self._channel.ask(StopServing())
            case Unwritten(why):
                raise NotWritten(why)
            case _:
                yield Served(None, str(_no_answer(reply)), self._settle)

    async def _settle(self) -> str | None:
        reply = await self._channel.ask(Settle())
        if isinstance(reply, Settled):
            for raised in reply.raised:
                if isinstance(raised, Unwritten):
                    raise NotWritten(raised.why)
                self.raised.append(raised)
            return None if reply.timers else ""
        self.stalled = self.stalled or isinstance(reply, Stalled)
        return str(_no_answer(reply))

    async def _value(
        self, name: str, arguments: tuple[plain.Plain, ...], request: Request
    ) -> plain.Plain:
        for argument in arguments:
            if isinstance(argument, NoAnswer):
                return argument
        called = f"{name}({', '.join(_brief(argument) for argument in arguments)})"
        reply = await self._channel.ask(request)
        # Of several calls, the one to look at is the first that failed.
        if not self._has_failed:
            self.called = "" if isinstance(reply, Missing) else called
            self._has_failed = isinstance(reply, NoAnswer)
        self.printed += getattr(reply, "printed", "")
        self.stalled = self.stalled or isinstance(reply, Stalled)
        match reply:
            case Returned(value):
                return _decoded(value)
            case Unwritten(why):
                raise NotWritten(why)
        return _no_answer(reply)


@dataclass(frozen=True)
class Served:
    """An answer that serves on ``port`` of 127.0.0.1, or ``why`` it does not.

    ``settle`` lets the answer act on everything it was sent. It returns None if the answer may
    still do something of itself, else why it does nothing: "" if it merely waits to be sent more.
    """

    port: int | None
    why: str
    settle: Callable[[], Awaitable[str | None]]


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


def _brief(value: plain.Plain) -> str:
    """Return ``value`` as Python that can be pasted into a cell, if it is not too long."""
    if isinstance(value, bytes) and len(value) > SHOWN_BYTES:
        return f"{_literal(value[:SHOWN_BYTES])}… {len(value):,} bytes"
    text = _literal(value) if isinstance(value, bytes) else plain.spell(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _literal(data: bytes) -> str:
    if data.isascii() and data.decode().isprintable():
        return repr(data)
    return f'bytes.fromhex("{data.hex(" ")}")'

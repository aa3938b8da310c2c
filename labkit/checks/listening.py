"""Serves connections with a learner's handler on loopback. Outlives whatever the handler does."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVarTuple

MAX_ERRORS = 10

Arguments = TypeVarTuple("Arguments")
StreamHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, object]]


class Listener:
    """Listens on a free port of 127.0.0.1. ``errors`` is what handlers have raised."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    async def start(self, handler: StreamHandler) -> int:
        """Listen with ``handler`` and return the port."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._handle(handler, reader, writer)

        self._server = await asyncio.start_server(handle, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and cancel every handler."""
        if self._server is not None:
            self._server.close()
            for task in self._handlers:
                task.cancel()
            await asyncio.gather(*self._handlers, return_exceptions=True)

    async def _handle(
        self,
        handler: StreamHandler,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            await handler(reader, writer)
        except asyncio.CancelledError:
            # It was asked to stop, and it does; asyncio's streams would log the cancellation.
            pass
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if len(self.errors) < MAX_ERRORS:
                self.errors.append(error)
        finally:
            self._handlers.discard(task)
            writer.close()


class AnswerLoop(asyncio.SelectorEventLoop):
    """An event loop that can tell whether a timer will wake it."""

    def __init__(self) -> None:
        super().__init__()
        self._timers: weakref.WeakSet[asyncio.TimerHandle] = weakref.WeakSet()

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do as the base class does, and remember the timer."""
        handle = super().call_at(when, callback, *args, context=context)
        self._timers.add(handle)
        return handle

    def has_timers(self) -> bool:
        """Return whether something will happen even if nothing arrives."""
        return any(not t.cancelled() and t.when() > self.time() for t in self._timers)

"""Serves connections with a learner's handler on loopback. Outlives whatever the handler does."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVarTuple

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

Ends = TypeVarTuple("Ends")
StreamHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, object]]
WebSocketHandler = Callable[["ServerConnection"], Coroutine[Any, Any, object]]

#: How long handlers that are cancelled may take to end. One that does not is left alone.
END_S = 0.5
# The library logs what a handler raises; here, whoever serves is told.
_quiet = logging.getLogger("labkit.checks.listening")
_quiet.setLevel(logging.CRITICAL + 1)


class Listener:
    """Listens on a free port of 127.0.0.1. ``observe`` is told what handlers raise."""

    def __init__(self, observe: Callable[[BaseException], None]) -> None:
        self._observe = observe
        self._close: Callable[[], None] = lambda: None
        self._handlers: set[asyncio.Task[Any]] = set()
        self._connections: weakref.WeakSet[ServerConnection] = weakref.WeakSet()

    async def start(self, handler: StreamHandler) -> int:
        """Listen with a handler of streams and return the port."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._handle(handler, reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        self._close = server.close
        return int(server.sockets[0].getsockname()[1])

    async def start_websocket(self, handler: WebSocketHandler) -> int:
        """Listen with a handler of the ``websockets`` library and return the port.

        There is no compression, so that frames can be read, and no keepalive, which is a timer.
        """
        from websockets.asyncio.server import serve
        from websockets.exceptions import ConnectionClosed

        async def handle(connection: ServerConnection) -> None:
            self._connections.add(connection)
            error = await self._handle(handler, connection, harmless=ConnectionClosed)
            if error is not None:
                # The library closes with 1011, as it would have done without this listener.
                raise RuntimeError("the handler failed") from error

        server = await serve(
            handle, "127.0.0.1", 0, compression=None, ping_interval=None, logger=_quiet
        )
        self._close = partial(server.close, close_connections=False)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, cancel every handler and end every connection."""
        self._close()
        # What is aborted need not wait until the other end has said goodbye, up to 10 s.
        for connection in self._connections:
            connection.transport.abort()
        for task in self._handlers:
            task.cancel()
        if self._handlers:
            await asyncio.wait(self._handlers, timeout=END_S)

    async def _handle(
        self,
        handler: Callable[[*Ends], Coroutine[Any, Any, object]],
        *ends: *Ends,
        harmless: type[Exception] | tuple[()] = (),
    ) -> BaseException | None:
        """Run the handler to its end; return what it raised, unless that is ``harmless``."""
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            await handler(*ends)
        except asyncio.CancelledError:
            # It was asked to stop, and it does; asyncio's streams would log the cancellation.
            pass
        except harmless:
            pass
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            self._observe(error)
            return error
        finally:
            self._handlers.discard(task)
        return None

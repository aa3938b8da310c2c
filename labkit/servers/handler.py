"""Any handler of the ``websockets`` library, served and drained. Knows nothing of what it says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

Handler: TypeAlias = Callable[[ServerConnection], Awaitable[None]]

#: How long the peers and the handlers may take to end, once the server goes away.
DRAIN_S = 2.0


@contextlib.asynccontextmanager
async def open_handler(
    handler: Handler, host: str, port: int, *, drain_s: float = DRAIN_S
) -> AsyncIterator[tuple[str, int]]:
    """Serve ``handler``; yield the host and the port that are bound, drain on exit."""
    connections: set[ServerConnection] = set()
    handlers: set[asyncio.Task[Any]] = set()

    class Connection(ServerConnection):
        """A connection that is known from its first byte, before it asks for an upgrade."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            connections.add(self)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            connections.discard(self)

    async def handle(connection: ServerConnection) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        task.add_done_callback(handlers.discard)
        # To be told that the connection is closed is how a handler ends, not a failure to log.
        with contextlib.suppress(ConnectionClosed):
            await handler(connection)

    server = await listen(handle, host, port, close_timeout=drain_s, create_connection=Connection)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        await _drain(server, connections, handlers, drain_s)


async def _drain(
    server: Server,
    connections: set[ServerConnection],
    handlers: set[asyncio.Task[Any]],
    drain_s: float,
) -> None:
    """Close every connection with 1001; break off what has not ended after ``drain_s``."""
    server.close(code=CloseCode.GOING_AWAY, reason="server going away")
    for connection in connections:
        # A browser keeps spare connections open; who has asked for nothing is owed no answer.
        if connection.request is None:
            connection.transport.abort()
    if await _ended(server, drain_s):
        return
    # The library has cut off by now who did not answer the close; a handler may still wait.
    for task in handlers:
        task.cancel()
    await _ended(server, drain_s)


async def _ended(server: Server, patience_s: float) -> bool:
    try:
        async with asyncio.timeout(patience_s):
            await server.wait_closed()
    except TimeoutError:
        return False
    return True

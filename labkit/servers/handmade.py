"""The echo server, on this course's own codec. Knows no frames: ``labkit.protocol`` does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from labkit.errors import HandshakeError
from labkit.protocol.connection import Connection, Side
from labkit.protocol.deflate import DEFAULT_LEVEL
from labkit.protocol.extensions import Deflate
from labkit.protocol.frames import CloseCode
from labkit.transport.stream import WebSocketStream, accept

logger = logging.getLogger("labkit.servers.handmade")

Handler: TypeAlias = Callable[[WebSocketStream], Awaitable[None]]

# An echo server is measured by what it takes: the Autobahn cases send 16 MiB in one message, and
# 65,536 frames for another. A chat server sets both far lower.
MAX_SIZE = 16 * 1024 * 1024
MAX_FRAMES = 100_000

#: How long the peers and the handlers may take to end, once the server goes away.
DRAIN_S = 2.0


async def echo(stream: WebSocketStream) -> None:
    """Send every message back as it came, text as text and bytes as bytes."""
    async for message in stream:
        await stream.send(message)


@asynccontextmanager
async def open_server(
    host: str,
    port: int,
    *,
    handler: Handler = echo,
    max_size: int = MAX_SIZE,
    max_frames: int = MAX_FRAMES,
    deflate_level: int = DEFAULT_LEVEL,
    drain_s: float = DRAIN_S,
) -> AsyncIterator[tuple[str, int]]:
    """Serve ``handler``; yield the host and the port that are bound, drain on exit.

    ``deflate_level`` is zlib's: from 1, fast, to 9, small.
    """

    def make_codec() -> Connection:
        return Connection(
            Side.SERVER,
            deflate=Deflate(),
            deflate_level=deflate_level,
            max_size=max_size,
            max_frames=max_frames,
        )

    reception = _Reception(handler, make_codec, drain_s)
    server = await asyncio.start_server(reception.serve, host, port)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        await reception.drain()


class _Reception:
    """Whoever is connected: a task for each, and its stream once the handshake is over."""

    def __init__(
        self, handler: Handler, make_codec: Callable[[], Connection], drain_s: float
    ) -> None:
        self._handler = handler
        self._make_codec = make_codec
        self._drain_s = drain_s
        self._streams: dict[asyncio.Task[None], WebSocketStream | None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        task = asyncio.current_task()
        assert task is not None, "asyncio runs a task for each connection"
        self._streams[task] = None
        try:
            stream = await accept(
                reader, writer, connection=self._make_codec(), close_timeout_s=self._drain_s
            )
            self._streams[task] = stream
            await self._handle(stream)
        except HandshakeError as error:
            logger.info("handshake refused: %s", error)
        finally:
            del self._streams[task]

    async def drain(self) -> None:
        """Close every stream with 1001; break off what has not ended in time."""
        closing = [
            asyncio.create_task(stream.close(CloseCode.GOING_AWAY, "server going away"))
            for stream in self._streams.values()
            if stream is not None
        ]
        tasks = [*self._streams, *closing]
        for task, stream in self._streams.items():
            # Without a handshake there is no close frame to wait for.
            if stream is None:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=self._drain_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _handle(self, stream: WebSocketStream) -> None:
        try:
            await self._handler(stream)
        except Exception:
            # One handler's fault is told to its own peer and to the log, and to nobody else.
            logger.exception("the handler of a connection failed")
            await stream.close(CloseCode.INTERNAL_ERROR, "the handler failed")
        else:
            await stream.close()

"""The echo server, on the ``websockets`` library. Parses no frames itself."""

from __future__ import annotations

import contextlib

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosedError

from .handler import DRAIN_S, open_handler


async def echo(connection: ServerConnection) -> None:
    """Send every message back as it came, text as text and bytes as bytes."""
    # A client that vanishes without a closing handshake is no fault of the server.
    with contextlib.suppress(ConnectionClosedError):
        async for message in connection:
            await connection.send(message)


def open_server(
    host: str, port: int, *, drain_s: float = DRAIN_S
) -> contextlib.AbstractAsyncContextManager[tuple[str, int]]:
    """Serve the echo; yield the host and the port that are bound, drain on exit."""
    return open_handler(echo, host, port, drain_s=drain_s)

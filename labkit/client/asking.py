"""Clients that send a text and wait for its answer: over a WebSocket, and over Socket.IO.

They measure nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from labkit.errors import LabkitError

#: Sends a text and returns the answer.
Ask: TypeAlias = Callable[[str], Awaitable[object]]
#: Connects to an address for as long as the context lasts.
Client: TypeAlias = Callable[[str], AbstractAsyncContextManager[Ask]]

#: How long a client may take to leave. One that polls would wait until the server answers its last
#: request, which takes 45 seconds.
LEAVE_S = 0.2


@contextlib.asynccontextmanager
async def websocket_client(address: str, *, patience_s: float) -> AsyncIterator[Ask]:
    """Connect without compression; the next message is the answer.

    Raises LabkitError if there is no such server, or it does not answer.
    """

    async def ask(text: str) -> object:
        try:
            async with asyncio.timeout(patience_s):
                await client.send(text)
                return await client.recv()
        except (TimeoutError, ConnectionClosed) as error:
            raise LabkitError(
                f"the WebSocket server at {address} did not answer a message within "
                f'{patience_s:g} s; one that does is serve("echo")'
            ) from error

    try:
        client = await connect(address, compression=None, open_timeout=patience_s)
    except (OSError, InvalidHandshake, InvalidURI) as error:
        raise LabkitError(
            f"no WebSocket server answers at {address}; start one first, and give its address"
        ) from error
    async with client:
        yield ask


@contextlib.asynccontextmanager
async def socketio_client(
    address: str, *, event: str, patience_s: float, transports: Sequence[str] | None = None
) -> AsyncIterator[Ask]:
    """Connect by ``transports``, or by polling and an upgrade; the acknowledgement is the answer.

    Raises LabkitError if there is no such server, or it does not acknowledge ``event``.
    """
    # Half a second that only who measures Socket.IO pays.
    import socketio

    async def ask(text: str) -> object:
        try:
            return await client.call(event, text, timeout=patience_s)
        except socketio.exceptions.SocketIOError as error:
            raise LabkitError(
                f"the Socket.IO server at {address} did not acknowledge {event!r} within "
                f"{patience_s:g} s; give it a handler that returns an answer: @sio.on({event!r})"
            ) from error

    # The library would take over Ctrl-C, and with it the notebook's stop button.
    client = socketio.AsyncClient(reconnection=False, handle_sigint=False)
    try:
        try:
            async with asyncio.timeout(patience_s):
                await client.connect(address, transports=transports, wait_timeout=patience_s)
        except (TimeoutError, socketio.exceptions.ConnectionError) as error:
            raise LabkitError(
                f"no Socket.IO server answers at {address}; give the address of serve(sio)"
            ) from error
        yield ask
    finally:
        await _leave(client)


async def _leave(client: Any) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_S):
            await client.disconnect()
            return
    await client.eio.disconnect(abort=True)

"""A client connection that a panel owns, with its state in words. Knows no widget.

The panel connects from the kernel, not from the browser, so it reaches a server on the machine
where the notebook runs, wherever the browser is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
MAX_MESSAGE_BYTES = 64 * 1024

#: What may wait to be sent. When it is full, `LiveConnection.send` refuses.
MAX_OUTGOING = 100

IDLE = "not connected"


class LiveConnection:
    """One client connection and its state in words; the task behind it belongs to it.

    ``received`` is called with each message, ``changed`` whenever `state` is another.
    """

    def __init__(
        self,
        address: str,
        *,
        received: Callable[[str | bytes], None],
        changed: Callable[[], None],
    ) -> None:
        self.state = IDLE
        self._address = address
        self._received = received
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(MAX_OUTGOING)

    @property
    def is_active(self) -> bool:
        """Whether it is connecting or open."""
        return self._task is not None and not self._task.done()

    def open(self) -> None:
        """Connect, unless it is connected; the state says how it goes."""
        if self.is_active:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._become("cannot connect: no event loop runs here; make the panel in a notebook")
            return
        self._outgoing = asyncio.Queue(MAX_OUTGOING)
        self._task = loop.create_task(self._run())

    def close(self) -> None:
        """Start the closing handshake; `closed` waits for its end."""
        if self._task is not None:
            self._task.cancel()

    async def closed(self) -> None:
        """Wait until the connection is closed, by whichever side."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def send(self, message: str) -> bool:
        """Hand ``message`` over for sending; False if it is not open or too much waits already."""
        if self.state != "open" or self._outgoing.full():
            return False
        self._outgoing.put_nowait(message)
        return True

    async def _run(self) -> None:
        self._become("connecting")
        connection: ClientConnection | None = None
        try:
            async with connect(
                self._address,
                proxy=None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                max_size=MAX_MESSAGE_BYTES,
            ) as connection:
                self._become("open")
                await self._exchange(connection)
        except ConnectionRefusedError:
            self._become(f"cannot connect: nothing listens at {self._address}")
        except (OSError, InvalidHandshake, InvalidURI) as error:
            self._become(f"cannot connect: {error}")
        finally:
            if connection is not None:
                words = f"closed {connection.close_code} {connection.close_reason or ''}"
                self._become(words.rstrip())

    async def _exchange(self, connection: ClientConnection) -> None:
        sending = asyncio.create_task(self._send_outgoing(connection))
        try:
            async for message in connection:
                self._received(message)
        except ConnectionClosed:
            # How it closed is read from the connection when it is left.
            pass
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            # Left in the middle of a cancellation, the connection would close with 1011.
            await connection.close()

    async def _send_outgoing(self, connection: ClientConnection) -> None:
        while True:
            await connection.send(await self._outgoing.get())

    def _become(self, state: str) -> None:
        self.state = state
        self._changed()

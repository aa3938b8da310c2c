"""Drives the codec over asyncio streams. Holds no rule of the protocol: those are in the codec.

Nothing is read before it is asked for. That bounds the memory, since TCP makes a fast sender wait,
and it means that pings are answered while somebody waits in ``recv``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from labkit.errors import HandshakeError, RemoteProtocolError
from labkit.protocol.connection import Connection, Side, State
from labkit.protocol.events import (
    Accept,
    Binary,
    Close,
    Event,
    Failed,
    Lost,
    Ping,
    Pong,
    Reject,
    Text,
    Upgrade,
)
from labkit.protocol.extensions import Deflate
from labkit.protocol.frames import CloseCode
from labkit.protocol.http import Headers

READ_BYTES = 256 * 1024
OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 10.0


class WebSocketStream:
    """An open WebSocket; `connect` and `accept` make one.

    ``close_code`` and ``close_reason`` tell how it ended (RFC 6455 §7.1.5); the code is None as
    long as it has not.
    """

    def __init__(
        self,
        connection: Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        self.close_code: int | None = None
        self.close_reason = ""
        self._connection = connection
        self._reader = reader
        self._writer = writer
        self._close_timeout_s = close_timeout_s
        # One task reads at a time: `close` waits for a `recv` that is under way.
        self._reading = asyncio.Lock()

    @property
    def subprotocol(self) -> str | None:
        """What both sides agreed to speak, None for nothing in particular."""
        return self._connection.subprotocol

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._connection.state is State.OPEN

    async def recv(self) -> str | bytes | None:
        """Return the next message, or None once the connection is closed."""
        async with self._reading:
            while self.close_code is None:
                match event := await self._next_event():
                    case Text(data) | Binary(data):
                        # What comes in after this side's close frame is nobody's any more.
                        if self.is_open:
                            return data
                    case _:
                        await self._answer(event)
        return None

    async def send(self, message: str | bytes) -> None:
        """Send a message, and wait while the peer is slow to take it.

        Raises LocalProtocolError if the connection is closing or closed.
        """
        self._connection.send(Text(message) if isinstance(message, str) else Binary(message))
        await self._flush()

    async def ping(self, payload: bytes = b"") -> None:
        """Send a ping. The pong is taken in by ``recv``.

        Raises LocalProtocolError if the connection is closing or closed.
        """
        self._connection.send(Ping(payload))
        await self._flush()

    async def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Begin the closing handshake, or see it through (RFC 6455 §7.1.2).

        Messages that still come in are dropped. A peer that does not answer is cut off.
        """
        try:
            async with asyncio.timeout(self._close_timeout_s):
                if self.is_open:
                    self._connection.send(Close(code, reason))
                    await self._flush()
                while await self.recv() is not None:
                    pass
        except TimeoutError:
            self.close_code = self.close_code or CloseCode.ABNORMAL
            self._writer.transport.abort()

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Iterate over the messages until the connection is closed."""
        while (message := await self.recv()) is not None:
            yield message

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close(CloseCode.NORMAL if error is None else CloseCode.INTERNAL_ERROR)

    async def _open(self, first: Upgrade | None, timeout_s: float) -> None:
        """Send ``first``, or wait for the peer's, and see the handshake through."""
        try:
            async with asyncio.timeout(timeout_s):
                if first is not None:
                    self._connection.send(first)
                await self._flush()
                while not self.is_open:
                    match await self._next_event():
                        case Upgrade():
                            self._connection.send(Accept())
                            await self._flush()
                        case Reject(status, reason):
                            raise HandshakeError(status, f"the server answered {reason!r}")
                        case Failed(HandshakeError() as error):
                            raise error
        except TimeoutError:
            self._writer.transport.abort()
            raise HandshakeError(408, f"no opening handshake within {timeout_s:g} s") from None
        except HandshakeError:
            await self._finish()
            raise
        except BaseException:
            self._writer.transport.abort()
            raise

    async def _answer(self, event: Event) -> None:
        match event:
            case Ping(payload) if self.is_open:
                self._connection.send(Pong(payload))
                await self._flush()
            case Close(code, reason):
                if self._connection.state is State.REMOTE_CLOSING:
                    self._connection.send(Close(code))
                await self._finish()
                self.close_code, self.close_reason = code, reason
            case Failed(RemoteProtocolError(code=code, reason=reason)):
                await self._finish()
                self.close_code, self.close_reason = code, reason
            case Lost(code):
                await self._finish()
                self.close_code = code

    async def _next_event(self) -> Event:
        while (event := next(self._connection.events(), None)) is None:
            try:
                data = await self._reader.read(READ_BYTES)
            except ConnectionError:
                data = b""
            self._connection.receive_data(data)
        return event

    async def _flush(self) -> None:
        # That the peer is gone is told by what is read next.
        with suppress(ConnectionError):
            self._writer.write(self._connection.data_to_send())
            await self._writer.drain()

    async def _finish(self) -> None:
        """Close the TCP connection without taking from the peer what was sent last.

        A socket closed while data is unread is reset, and the peer may lose the close frame. So
        only this side's half is closed, and the rest read, until the peer closes its own.
        """
        try:
            async with asyncio.timeout(self._close_timeout_s):
                await self._flush()
                with suppress(ConnectionError, OSError):
                    self._writer.write_eof()
                    while await self._reader.read(READ_BYTES):
                        pass
        except TimeoutError:
            self._writer.transport.abort()
        self._writer.close()


async def connect(
    host: str,
    port: int,
    *,
    path: str = "/",
    headers: Headers = (),
    connection: Connection | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    close_timeout_s: float = CLOSE_TIMEOUT_S,
) -> WebSocketStream:
    """Connect to a server and do the opening handshake.

    ``connection`` is a client's codec with other options than the usual.

    Raises HandshakeError if the server refuses or does not answer, OSError if there is none.
    """
    connection = connection or Connection(Side.CLIENT, deflate=Deflate())
    reader, writer = await asyncio.open_connection(host, port)
    stream = WebSocketStream(connection, reader, writer, close_timeout_s=close_timeout_s)
    await stream._open(Upgrade(f"{host}:{port}", path, headers), open_timeout_s)
    return stream


async def accept(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    connection: Connection | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    close_timeout_s: float = CLOSE_TIMEOUT_S,
) -> WebSocketStream:
    """Do the server's side of the opening handshake with whoever connected.

    ``connection`` is a server's codec with other options than the usual.

    Raises HandshakeError if the request is refused or does not come.
    """
    connection = connection or Connection(Side.SERVER, deflate=Deflate())
    stream = WebSocketStream(connection, reader, writer, close_timeout_s=close_timeout_s)
    await stream._open(None, open_timeout_s)
    return stream

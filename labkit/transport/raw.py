"""A TCP connection of which you type every byte. Checks nothing of what it sends.

What comes back is read in the background, so that the transcript is complete without a ``recv``.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from labkit.errors import LabkitError
from labkit.protocol.handshake import Response, check, make_key, offer
from labkit.wire.decoding import Sender
from labkit.wire.transcript import Transcript

from .tap import READ_BYTES, endpoint

#: What may wait for ``recv``. When it is full, reading pauses until ``recv`` makes room.
MAX_WAITING_BYTES = 1024 * 1024

ANSWER_S = 5.0


class RawConnection:
    """An open TCP connection; `open_raw` makes one. ``role`` is which end of it this is.

    Example::

        async with await open_raw(server.address) as raw:
            await raw.upgrade("/chat")
            await raw.send(bytes.fromhex("81 84 37 fa 21 3d 64 8a 40 50"))
            await raw.settle()
            raw.transcript.show()
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        address: str,
        role: Sender = "client",
    ) -> None:
        self.transcript = Transcript()
        self._address = address
        self.role: Sender = role
        self._other: Sender = "server" if role == "client" else "client"
        self._reader = reader
        self._writer = writer
        self._waiting = bytearray()
        self._ended = False
        self._is_half_closed = False
        self._answered = True
        self._changed = asyncio.Condition()
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def send(self, data: bytes) -> None:
        """Send ``data`` as it is.

        Raises LabkitError if the connection is closed.
        """
        if self._writer.is_closing() or self._is_half_closed:
            raise LabkitError("the connection is closed; open another with open_raw(address)")
        self._answered = False
        self.transcript.feed(self.role, data)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as error:
            raise LabkitError(f"the {self._other} broke the connection off") from error

    async def recv(self, limit: int = READ_BYTES, *, timeout_s: float = ANSWER_S) -> bytes:
        """Return what has arrived, at most ``limit`` bytes of it; ``b""`` at the end of the stream.

        Raises LabkitError if nothing arrives for ``timeout_s``.
        """
        async with self._changed:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait_for(lambda: self._waiting or self._ended)
            except TimeoutError:
                raise LabkitError(f"nothing arrived within {timeout_s:g} s") from None
            return self._take(limit)

    async def upgrade(
        self,
        path: str | None = None,
        *,
        key: str | None = None,
        subprotocols: Sequence[str] = (),
        extensions: str | None = None,
    ) -> Response:
        """Do the opening handshake (RFC 6455 §4.1) and return the server's answer.

        Raises HandshakeError if the server does not agree.
        """
        parts = urlsplit(self._address)
        request = offer(
            parts.netloc,
            path or parts.path or "/",
            key=key or make_key(secrets.token_bytes),
            subprotocols=subprotocols,
            extensions=extensions,
        )
        await self.send(request.serialize())
        response = Response.parse(await self._recv_head())
        check(response, request)
        return response

    async def settle(self, *, quiet_s: float = 0.1, patience_s: float = 1.0) -> None:
        """Wait for the answer to what was sent last, and then until no more arrives.

        Gives up after ``patience_s`` without an answer: the server may have nothing to say.
        """
        async with self._changed:
            wait_s = quiet_s if self._answered else patience_s
            while not self._ended:
                try:
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                except TimeoutError:
                    return
                wait_s = quiet_s

    def end(self) -> None:
        """End this direction of the TCP connection; what the other end sends is still read."""
        if not self._is_half_closed:
            self._is_half_closed = True
            self.transcript.end(self.role)
            # The other end may have broken the connection off by now.
            with contextlib.suppress(OSError):
                self._writer.write_eof()

    async def close(self) -> None:
        """Close the TCP connection, without a closing handshake."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self._writer.is_closing() and not self._is_half_closed:
            self.transcript.end(self.role)
        self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"RawConnection({'closed' if self._ended else 'open'})"

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(READ_BYTES):
                self.transcript.feed(self._other, data)
                async with self._changed:
                    self._waiting += data
                    self._answered = True
                    self._changed.notify_all()
                    await self._changed.wait_for(lambda: len(self._waiting) < MAX_WAITING_BYTES)
            self.transcript.end(self._other)
        except ConnectionError:
            self.transcript.end(self._other, reset=True)
            self._writer.close()
        finally:
            async with self._changed:
                self._ended = True
                self._changed.notify_all()

    async def _recv_head(self) -> bytes:
        """Return the response's head; what follows it stays for ``recv``."""
        async with self._changed:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._changed.wait_for(self._has_head)
            except TimeoutError:
                raise LabkitError(
                    f"the server did not answer the upgrade within {ANSWER_S:g} s"
                ) from None
            end = self._waiting.find(b"\r\n\r\n") + 4
            if end < 4:
                raise LabkitError("the server closed the connection before it answered the upgrade")
            return self._take(end)

    def _has_head(self) -> bool:
        return self._ended or b"\r\n\r\n" in self._waiting

    def _take(self, limit: int) -> bytes:
        taken = bytes(self._waiting[:limit])
        del self._waiting[:limit]
        self._changed.notify_all()
        return taken


async def open_raw(address: str) -> RawConnection:
    """Open a TCP connection to the server at ``address``; nothing is sent yet.

    Raises LabkitError if nothing listens there.
    """
    host, port = endpoint(address)
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise LabkitError(
            f"nothing answers at {address}; start the server first, or check the port"
        ) from error
    return RawConnection(reader, writer, address=address)

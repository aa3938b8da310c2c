"""A TCP connection that counts every byte, both ways. Knows nothing of what they mean."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from labkit.errors import LabkitError
from labkit.transport.tap import endpoint

READ_BYTES = 64 * 1024


class CountedConnection:
    """An open connection; `open_counted` makes one. ``host`` is what a Host header says."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, host: str
    ) -> None:
        self.host = host
        self.bytes_sent = 0
        self.bytes_received = 0
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send ``data``."""
        self.bytes_sent += len(data)
        self._writer.write(data)
        await self._writer.drain()

    async def read_until(self, end: bytes) -> bytes:
        """Return what arrives up to ``end``, which is included.

        Raises EOFError if the connection ends before.
        """
        data = await self._reader.readuntil(end)
        self.bytes_received += len(data)
        return data

    async def read_exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes.

        Raises EOFError if the connection ends before.
        """
        data = await self._reader.readexactly(size)
        self.bytes_received += len(data)
        return data

    async def read_some(self) -> bytes:
        """Return what has arrived, at least a byte of it; ``b""`` at the end of the stream."""
        data = await self._reader.read(READ_BYTES)
        self.bytes_received += len(data)
        return data

    async def finish(self) -> None:
        """End this side of the connection, and count what the server still has to say."""
        with contextlib.suppress(ConnectionError):
            self._writer.write_eof()
            while await self.read_some():
                pass


@contextlib.asynccontextmanager
async def open_counted(address: str) -> AsyncIterator[CountedConnection]:
    """Connect to the server at ``address``, a ``ws://`` or ``http://`` one.

    Raises UsageError if it is no such address, LabkitError if nothing listens there.
    """
    host, port = endpoint(address)
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise LabkitError(f"nothing answers at {address}; start the server first") from error
    try:
        yield CountedConnection(reader, writer, host=urlsplit(address).netloc)
    finally:
        writer.close()

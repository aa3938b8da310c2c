"""A loopback forwarder that shows what crosses a connection. Changes not one byte of it.

It stands in front of any server: clients connect to the tap, the tap connects to the server, and
each connection gets a transcript. Half-closes and resets are passed on as they come.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

from labkit.errors import UsageError
from labkit.wire.decoding import Sender
from labkit.wire.transcript import Transcript

MAX_TRANSCRIPTS = 100
READ_BYTES = 64 * 1024
DEFAULT_PORTS = {"ws": 80, "http": 80}


def endpoint(address: str) -> tuple[str, int]:
    """Return the host and port of a ``ws://`` or ``http://`` address.

    >>> endpoint("ws://127.0.0.1:8765/chat")
    ('127.0.0.1', 8765)

    Raises UsageError if the address is of another kind, or has no host.
    """
    try:
        parts = urlsplit(address)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        parts, port = urlsplit(""), 0
    if not parts.hostname:
        raise UsageError(
            f"{address!r} is not an address that can be tapped; give one like ws://127.0.0.1:8765"
        )
    return parts.hostname, port


class Tap:
    """What passes through one tap: a transcript for each connection, newest last."""

    def __init__(self, address: str) -> None:
        self._upstream = address
        self.address = ""
        self._transcripts: deque[Transcript] = deque(maxlen=MAX_TRANSCRIPTS)

    @property
    def transcript(self) -> Transcript:
        """The transcript of the newest connection.

        Raises UsageError if nobody has connected yet.
        """
        if not self._transcripts:
            raise UsageError("nobody has connected through the tap yet; connect to tap.address")
        return self._transcripts[-1]

    @property
    def transcripts(self) -> tuple[Transcript, ...]:
        """The transcripts of the newest 100 connections, oldest first."""
        return tuple(self._transcripts)

    def __repr__(self) -> str:
        return f"Tap({len(self._transcripts)} connections)"

    def listen_at(self, port: int) -> None:
        """Put the tap's own host and port into the server's address."""
        parts = urlsplit(self._upstream)
        self.address = urlunsplit(parts._replace(netloc=f"127.0.0.1:{port}"))

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until both directions have ended, or one was reset."""
        transcript = Transcript()
        self._transcripts.append(transcript)
        try:
            server_reader, server_writer = await asyncio.open_connection(*endpoint(self._upstream))
        except OSError:
            transcript.end("server", reset=True)
            _reset(writer)
            return
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump("client", reader, server_writer, transcript))
                pumps.create_task(_pump("server", server_reader, writer, transcript))
        except* ConnectionError:
            _reset(writer)
            _reset(server_writer)
        finally:
            server_writer.close()


@contextlib.asynccontextmanager
async def tap(address: str) -> AsyncIterator[Tap]:
    """Open a tap in front of the server at ``address``; clients connect to ``tap.address``.

    Example::

        async with serve("echo") as server, tap(server.address) as tapped:
            async with connect(tapped.address) as client:
                await client.send("Spam")
                await client.recv()
            tapped.transcript.show()
    """
    endpoint(address)
    tapped = Tap(address)
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(tapped.forward(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)
        # A task that is cancelled before it began has no end of its own.
        task.add_done_callback(lambda _: writer.close())

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    tapped.listen_at(listener.sockets[0].getsockname()[1])
    try:
        yield tapped
    finally:
        listener.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _pump(
    sender: Sender,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    transcript: Transcript,
) -> None:
    """Copy what ``sender`` sends; the transcript knows of it before the receiver does."""
    while data := await _read(sender, reader, transcript):
        transcript.feed(sender, data)
        try:
            writer.write(data)
            await writer.drain()
        except ConnectionError:
            # The receiver is gone. The pump that reads from it is told, and breaks off.
            return
    transcript.end(sender)
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _read(sender: Sender, reader: asyncio.StreamReader, transcript: Transcript) -> bytes:
    try:
        return await reader.read(READ_BYTES)
    except ConnectionError:
        transcript.end(sender, reset=True)
        raise


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP reset, so that the other side learns that the connection broke."""
    tcp_socket = writer.get_extra_info("socket")
    # The transport may be closed already, and its socket with it.
    with contextlib.suppress(OSError):
        tcp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

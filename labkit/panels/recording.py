"""Writes down what crosses a connection of the ``websockets`` client. Changes not one byte of it.

A tap stands in front of a server, at a port of its own. Here the client itself is watched, so the
address, the ``Host`` field and every refusal are those of the server.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from websockets.asyncio.client import ClientConnection

from labkit.wire.decoding import Sender
from labkit.wire.transcript import Transcript


def recording(transcript: Transcript) -> type[ClientConnection]:
    """Return a kind of client connection of which all goes into ``transcript``.

    Example::

        transcript = Transcript()
        async with connect(address, create_connection=recording(transcript)) as client:
            await client.send("Spam")
        transcript.show()
    """

    class RecordedConnection(ClientConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._ends = _Ends(transcript)
            recorder = _RecordingTransport(transport, transcript, self._ends)
            super().connection_made(cast(asyncio.Transport, recorder))

        def data_received(self, data: bytes) -> None:
            transcript.feed("server", data)
            super().data_received(data)

        def eof_received(self) -> None:
            self._ends.note("server")
            super().eof_received()

        def connection_lost(self, exc: Exception | None) -> None:
            if isinstance(exc, ConnectionError):
                self._ends.note("server", reset=True)
            self._ends.note("client")
            super().connection_lost(exc)

    return RecordedConnection


class _Ends:
    """Notes the end of each direction once, however many calls tell of it."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._noted: set[Sender] = set()

    def note(self, sender: Sender, *, reset: bool = False) -> None:
        if sender not in self._noted:
            self._noted.add(sender)
            self._transcript.end(sender, reset=reset)


class _RecordingTransport:
    """A transport of which the transcript knows what is written before the server does."""

    def __init__(
        self, transport: asyncio.BaseTransport, transcript: Transcript, ends: _Ends
    ) -> None:
        self._transport = transport
        self._transcript = transcript
        self._ends = ends

    def write(self, data: bytes) -> None:
        self._transcript.feed("client", data)
        cast(asyncio.Transport, self._transport).write(data)

    def write_eof(self) -> None:
        self._ends.note("client")
        cast(asyncio.Transport, self._transport).write_eof()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

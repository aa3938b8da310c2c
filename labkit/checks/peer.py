"""The other end of a connection to an answer, which says every frame. Judges nothing itself.

A peer never raises at what an answer does or fails to do: it tells what it saw, in the words of
the transcript, and a case compares that with what should be seen.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from labkit.checks.subject import HORIZON_S, MOMENT_S, Running, Served
from labkit.errors import HandshakeError, LabkitError
from labkit.protocol.frames import Frame, Opcode, serialize
from labkit.protocol.handshake import Request, Response, accept, offer, refuse
from labkit.protocol.http import Headers
from labkit.transport.raw import RawConnection
from labkit.wire.transcript import Entry

SHOWN_ENTRIES = 6


class Peer:
    """One end of ``raw``, the answer being at the other. Without ``raw``, ``absent`` says why.

    ``silence`` tells why nothing comes from it; with ``turns``, it may act on what it was sent
    before this end sends more.
    """

    def __init__(
        self,
        raw: RawConnection | None,
        silence: Callable[[], Awaitable[str]],
        rng: random.Random,
        *,
        absent: str,
        turns: bool,
    ) -> None:
        self._raw = raw
        self._silence = silence
        self._rng = rng
        self._ended = absent
        self._turns = turns
        self._seen: asyncio.Queue[Entry] = asyncio.Queue(maxsize=1000)
        if raw is not None:
            # An answer that connects may have sent something before anybody looked.
            for entry in raw.transcript.entries:
                self._see(entry)
            raw.transcript.subscribe(self._see)

    async def send(
        self, opcode: Opcode, payload: bytes, *, fin: bool = True, in_pieces: bool = False
    ) -> None:
        """Send one frame, masked if this is a client; ``in_pieces``, a byte at a time."""
        if self._turns:
            await asyncio.sleep(MOMENT_S)
        is_client = self._raw is not None and self._raw.role == "client"
        mask = self._rng.randbytes(4) if is_client else None
        data = serialize(Frame(opcode, payload, fin=fin, mask=mask))
        for piece in [data[i : i + 1] for i in range(len(data))] if in_pieces else [data]:
            await self.send_bytes(piece)

    async def send_bytes(self, data: bytes) -> None:
        """Send ``data`` as it is."""
        # An answer that is gone, or reads nothing, shows in what is received, or rather not.
        with suppress(LabkitError, OSError, TimeoutError):
            if self._raw is not None:
                async with asyncio.timeout(HORIZON_S):
                    await self._raw.send(data)

    async def receive(self) -> str:
        """Tell what comes next: ``TEXT unmasked "Spam"``, ``end of stream``, or why nothing does.

        The reason of a close is left out: its wording is the answer's own.
        """
        entry = await self._next()
        if not isinstance(entry, Entry):
            return entry
        words = re.sub(r" +", " ", entry.label)
        return re.sub(r'^(CLOSE \w+ \d+) ".*"$', r"\1", words)

    async def transcript_text(self) -> str:
        """Return the last entries of what crossed the connection, when the answer rests."""
        if self._raw is None:
            return ""
        await asyncio.sleep(MOMENT_S)
        text = self._raw.transcript.text(last=SHOWN_ENTRIES)
        return f"…\n{text}" if len(self._raw.transcript.entries) > SHOWN_ENTRIES else text

    def _see(self, entry: Entry) -> None:
        if self._raw is not None and entry.sender != self._raw.role:
            with suppress(asyncio.QueueFull):
                self._seen.put_nowait(entry)

    async def _next(self) -> Entry | str:
        """Return what comes next, or why nothing does."""
        if self._ended:
            return self._ended
        try:
            async with asyncio.timeout(HORIZON_S):
                entry = await self._seen.get()
        except TimeoutError:
            return await self._silence()
        if entry.kind in ("eof", "reset"):
            self._ended = entry.label
        return entry

    async def _head(self) -> bytes | None:
        """Return the HTTP head that comes next. Without one, there will be no frames either."""
        entry = await self._next()
        if isinstance(entry, Entry) and entry.kind == "http":
            return entry.data
        self._ended = entry.label if isinstance(entry, Entry) else entry
        return None


class Client(Peer):
    """A client of an answer that serves. ``response`` is what that said to the handshake."""

    def __init__(
        self, raw: RawConnection | None, served: Served, rng: random.Random, *, absent: str
    ) -> None:
        self.response: Response | None = None
        super().__init__(raw, served.silence, rng, absent=absent, turns=served.turns)

    async def upgrade(self, key: str = "AAAAAAAAAAAAAAAAAAAAAA==", *, headers: Headers = ()) -> str:
        """Ask for the upgrade; tell the status and the accept key of the answer."""
        request = offer("127.0.0.1", key=key, headers=headers)
        await self.send_bytes(request.serialize())
        head = await self._head()
        if head is None:
            self._ended = self._half_an_answer() or self._ended
            return self._ended
        try:
            self.response = Response.parse(head)
        except LabkitError as error:
            return f"no HTTP response: {error}"
        accepted = self.response.header("Sec-WebSocket-Accept")
        return f"HTTP {self.response.status}, accept {accepted}"

    def _half_an_answer(self) -> str:
        received = self._raw.transcript.bytes_from("server") if self._raw else b""
        if not received.startswith(b"HTTP/1.1 ") or b"\r\n\r\n" in received:
            return ""
        if b"\r" not in received:
            return r"an answer whose lines end with \n; HTTP wants \r\n"
        return r"an answer without the empty line, \r\n\r\n, at its end"


class Guest(Peer):
    """A server of one connection that an answer has made.

    It completes the closing handshake of itself, so that a client that closes is not kept waiting.
    """

    def __init__(
        self, raw: RawConnection | None, running: Running, rng: random.Random, *, absent: str
    ) -> None:
        self.request: Request | None = None
        self._running = running
        self._has_closed = False
        self._closing: asyncio.Task[None] | None = None
        super().__init__(raw, running.silence, rng, absent=absent, turns=True)

    async def admit(self, *, subprotocols: Sequence[str] = ()) -> str:
        """Answer the request for an upgrade with 101; tell what was asked for: ``GET /chat``.

        Of ``subprotocols``, the first that the client offers is chosen. There are no extensions.
        """
        head = await self._head()
        if head is None:
            return self._ended
        try:
            self.request = Request.parse(head)
            response = accept(self.request, subprotocols=subprotocols)
        except HandshakeError as error:
            await self.send_bytes(refuse(error).serialize())
            self._ended = f"a request that is refused with HTTP {error.status}: {error.reason}"
            return self._ended
        await self.send_bytes(response.serialize())
        return f"{self.request.method} {self.request.target}"

    def asked(self, name: str) -> list[str]:
        """Return what the request says in the header fields of this name, split at commas."""
        return self.request.elements(name) if self.request else []

    async def leave(self) -> None:
        """Close the TCP connection without a word."""
        await asyncio.sleep(MOMENT_S)
        if self._raw is not None:
            await self._raw.close()

    async def transcript_text(self) -> str:
        """Return the last entries of what crossed the connection, when the answer rests."""
        text = await super().transcript_text()
        await self._silence()
        self._running.note()
        return text

    async def _next(self) -> Entry | str:
        found = await super()._next()
        if isinstance(found, str) and "it raised" in found:
            self._running.is_told = True
        return found

    def _see(self, entry: Entry) -> None:
        super()._see(entry)
        if entry.frame is None or entry.frame.opcode != Opcode.CLOSE:
            return
        if entry.sender == "server":
            self._has_closed = True
        elif self._closing is None:
            self._closing = asyncio.create_task(self._close(entry.frame.payload[:2]))

    async def _close(self, code: bytes) -> None:
        if self._raw is not None:
            if not self._has_closed:
                await self.send_bytes(serialize(Frame(Opcode.CLOSE, code)))
            self._raw.end()

"""The world an answer is judged in: random inputs and peers on the network. Judges nothing itself.

A peer never raises at what an answer does or fails to do: it tells what it saw, in the words of
the transcript, and a case compares that with what should be seen.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from labkit.checks.subject import Served
from labkit.errors import LabkitError
from labkit.protocol.frames import Frame, Opcode, serialize
from labkit.protocol.handshake import Response
from labkit.transport.raw import RawConnection, open_raw
from labkit.transport.transcript import Entry

SOON_S = 0.01
PATIENCE_S = 1.0
# How long bytes may be on their way through the kernel of a busy machine. Waited for once: where
# nothing came one time, the verdict is fail, and the times after it need not be as sure.
GRACE_S = 0.05
LATER_S = 0.003
SHOWN_ENTRIES = 6
REQUEST = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class World:
    """Random inputs, the same for the same ``seed``, and connections to what an answer serves."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.grace_s = GRACE_S
        self._latest: Peer | None = None

    @asynccontextmanager
    async def connect(self, served: Served) -> AsyncIterator[Peer]:
        """Connect to an answer. Where nobody serves, the peer tells why."""
        raw, absent = None, served.why
        if served.port is not None:
            try:
                raw = await open_raw(f"ws://127.0.0.1:{served.port}")
            except (LabkitError, OSError) as error:
                absent = str(error)
        peer = self._latest = Peer(self, raw, served, absent=absent)
        try:
            yield peer
        finally:
            if raw is not None:
                await raw.close()

    async def transcript_text(self) -> str:
        """Return what crossed the latest connection, its last entries."""
        return await self._latest.transcript_text() if self._latest else ""


class Peer:
    """The other end of a connection to an answer: a client of which the check says every frame."""

    def __init__(
        self, world: World, raw: RawConnection | None, served: Served, *, absent: str
    ) -> None:
        self._world = world
        self._raw = raw
        self._served = served
        self._ended = absent
        self._seen: asyncio.Queue[Entry] = asyncio.Queue(maxsize=1000)
        if raw is not None:
            raw.transcript.subscribe(self._see)

    async def upgrade(self, key: str = "AAAAAAAAAAAAAAAAAAAAAA==") -> str:
        """Ask for the upgrade; tell the status and the accept key of the answer."""
        await self.send_bytes(REQUEST.format(key=key).encode())
        entry = await self._next()
        if not isinstance(entry, Entry) or entry.kind != "http":
            # Without an upgrade there will be no frames to wait for either.
            self._ended = self._half_an_answer() or str(getattr(entry, "label", entry))
            return self._ended
        try:
            response = Response.parse(entry.data)
        except LabkitError as error:
            return f"no HTTP response: {error}"
        return f"HTTP {response.status}, accept {response.header('Sec-WebSocket-Accept')}"

    async def send(
        self, opcode: Opcode, payload: bytes, *, fin: bool = True, in_pieces: bool = False
    ) -> None:
        """Send one frame, masked; ``in_pieces``, a byte at a time."""
        data = serialize(Frame(opcode, payload, fin=fin, mask=self._world.random.randbytes(4)))
        for piece in [data[i : i + 1] for i in range(len(data))] if in_pieces else [data]:
            await self.send_bytes(piece)

    async def send_bytes(self, data: bytes) -> None:
        """Send ``data`` as it is."""
        # A server that is gone shows in what is received, or rather not received.
        with suppress(LabkitError, OSError):
            if self._raw is not None:
                await self._raw.send(data)

    async def receive(self) -> str:
        """Tell what comes next: ``TEXT unmasked "Spam"``, ``end of stream``.

        The reason of a close is left out: its wording is the server's own.
        """
        entry = await self._next()
        if not isinstance(entry, Entry):
            return entry
        words = re.sub(r" +", " ", entry.label)
        return re.sub(r'^(CLOSE \w+ \d+) ".*"$', r"\1", words)

    async def transcript_text(self) -> str:
        """Return the last entries of what crossed the connection, when the answer has settled."""
        if self._raw is None:
            return ""
        await self._served.settle()
        await self._raw.settle(quiet_s=SOON_S, patience_s=SOON_S)
        return self._raw.transcript.text(last=SHOWN_ENTRIES)

    def _half_an_answer(self) -> str:
        received = self._raw.transcript.bytes_from("server") if self._raw else b""
        if not received.startswith(b"HTTP/1.1 ") or b"\r\n\r\n" in received:
            return ""
        if b"\r" not in received:
            return r"an answer whose lines end with \n; HTTP wants \r\n"
        return r"an answer without the empty line, \r\n\r\n, at its end"

    def _see(self, entry: Entry) -> None:
        if entry.sender == "server":
            with suppress(asyncio.QueueFull):
                self._seen.put_nowait(entry)

    async def _next(self) -> Entry | str:
        """Return what comes next, or why nothing does."""
        for patience_s in (min(SOON_S, self._world.grace_s), PATIENCE_S):
            if self._ended:
                return self._ended
            entry = await self._seen_within(patience_s)
            if entry is None:
                reason = await self._served.settle()
                if reason is None:
                    continue
                entry = await self._seen_within(self._world.grace_s)
                if entry is None:
                    self._world.grace_s = LATER_S
                    return reason or "nothing: it waits for more"
            if entry.kind in ("eof", "reset"):
                self._ended = entry.label
                await self._served.settle()
            return entry
        return f"nothing within {PATIENCE_S:g} s"

    async def _seen_within(self, patience_s: float) -> Entry | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                return await self._seen.get()
        return None

"""The world an answer is judged in: random inputs, and peers on a network. Judges nothing.

The network is that of the loop it runs on: a simulated one, whose time passes as fast as the
processor lets it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from labkit.checks.peer import Client, Guest, Peer
from labkit.checks.subject import HORIZON_S, Running, Served
from labkit.errors import LabkitError
from labkit.transport.raw import RawConnection, open_raw

INN_PORT = 8000
MAX_WAITING = 100


class World:
    """Random inputs, the same for the same ``seed``, and connections to and from an answer."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self._latest: Peer | None = None

    @asynccontextmanager
    async def connect(self, served: Served) -> AsyncIterator[Client]:
        """Connect to an answer that serves. Where nobody serves, the client tells why."""
        raw, absent = None, served.why
        if served.port is not None:
            try:
                raw = await open_raw(f"ws://127.0.0.1:{served.port}")
            except (LabkitError, OSError) as error:
                absent = str(error)
        client = self._latest = Client(raw, served, self.random, absent=absent)
        try:
            yield client
        finally:
            if raw is not None:
                await raw.close()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Inn]:
        """Listen on 127.0.0.1 for an answer that connects."""
        arrivals: asyncio.Queue[RawConnection] = asyncio.Queue(MAX_WAITING)
        open_connections: list[RawConnection] = []

        def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(open_connections) < MAX_WAITING:
                raw = RawConnection(reader, writer, address="", role="server")
                open_connections.append(raw)
                arrivals.put_nowait(raw)
            else:
                writer.close()

        listener = await asyncio.start_server(welcome, "127.0.0.1", INN_PORT)
        try:
            yield Inn(f"ws://127.0.0.1:{INN_PORT}", self, arrivals)
        finally:
            listener.close()
            for raw in open_connections:
                await raw.close()

    async def transcript_text(self) -> str:
        """Return what crossed the latest connection, its last entries."""
        return await self._latest.transcript_text() if self._latest else ""


class Inn:
    """Listens at ``address`` for answers that connect."""

    def __init__(self, address: str, world: World, arrivals: asyncio.Queue[RawConnection]) -> None:
        self.address = address
        self._world = world
        self._arrivals = arrivals

    async def guest(self, running: Running) -> Guest:
        """Return the next connection of ``running``. Where none comes, the guest tells why."""
        raw, absent = None, ""
        try:
            async with asyncio.timeout(HORIZON_S):
                raw = await self._arrivals.get()
        except TimeoutError:
            absent = await running.silence()
        guest = Guest(raw, running, self._world.random, absent=absent)
        self._world._latest = guest
        return guest

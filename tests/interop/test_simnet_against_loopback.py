"""The same scenario puts the same frames on a simulated network and on real loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets import Request, Response
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from labkit.simnet.connections import Connection, Role
from labkit.simnet.observer import Observer
from labkit.simnet.simulation import Simulation
from labkit.transport.tap import tap
from labkit.wire.decoding import Sender
from labkit.wire.transcript import Entry, Transcript

QUIET_ROUNDS = 3
PATIENCE_S = 30
#: A number in place of a message stands for that many times "Spam".
LARGE = 25_000

#: Of which side, what, by which of them, and with what.
Script: TypeAlias = list[tuple[str, str, int, Any]]
#: The transcripts of all connections, in the order of the connections.
Transcripts: TypeAlias = Callable[[], list[Transcript]]


class Recording(Observer):
    """What crosses each connection of a simulated network."""

    def __init__(self) -> None:
        self.transcripts: dict[int, Transcript] = {}

    def begun(self, connection: Connection) -> None:
        self.transcripts[connection.number] = Transcript()

    def left(self, connection: Connection, role: Role, data: bytes | None) -> None:
        transcript = self.transcripts[connection.number]
        if data is not None:
            transcript.feed(role, data)
        else:
            transcript.end(role)


@dataclass
class Side:
    """One end of a connection, and what it has received, at last how the connection ended."""

    connection: ClientConnection | ServerConnection
    received: list[object]

    async def read(self) -> None:
        """Keep what comes, to the end."""
        try:
            while True:
                self.received.append(await self.connection.recv())
        except ConnectionClosed as closed:
            self.received.append((str(closed.rcvd), str(closed.sent)))


class Scenario:
    """Clients and a server that do what a script says, one thing after the other."""

    def __init__(self, address: str, transcripts: Transcripts) -> None:
        self._address = address
        self._transcripts = transcripts
        self._reading: list[asyncio.Task[None]] = []
        self.clients: list[Side] = []
        self.guests: list[Side] = []

    async def welcome(self, connection: ServerConnection) -> None:
        """Serve one connection."""
        guest = Side(connection, [])
        self.guests.append(guest)
        await guest.read()

    async def act(self, side: str, what: str, which: int, data: Any) -> object:
        """Carry out one step of a script. Return what comes of it, an error by its name."""
        if what == "connect":
            return await self._connect(*data)
        sides = self.clients if side == "client" else self.guests
        if not sides:
            return "there is nobody"
        one = sides[which % len(sides)].connection
        data = "Spam" * data if isinstance(data, int) else data
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "send": lambda: one.send(data),
            "ping": lambda: one.ping(data),
            "close": lambda: one.close(*data),
            "abort": lambda: _done(one.transport.abort),
            "broadcast": lambda: _done(
                broadcast, [guest.connection for guest in self.guests], data
            ),
        }
        try:
            await acts[what]()
        except ConnectionClosed as closed:
            return type(closed).__name__
        return "done"

    async def _connect(self, path: str, compression: str | None) -> object:
        try:
            connection = await connect(
                self._address + path, compression=compression, ping_interval=None
            )
        except InvalidStatus as refusal:
            return refusal.response.status_code
        client = Side(connection, [])
        self.clients.append(client)
        self._reading.append(asyncio.create_task(client.read()))
        return "connected"

    def state(self) -> object:
        """Return all that can be seen to change."""
        return (
            [[each.size_from("client"), each.size_from("server")] for each in self._transcripts()],
            [len(side.received) for side in (*self.clients, *self.guests)],
        )

    async def settle(self) -> None:
        """Wait until nothing changes any more."""
        async with asyncio.timeout(PATIENCE_S):
            alike = 0
            while alike < QUIET_ROUNDS:
                before = self.state()
                await asyncio.sleep(0.001)
                alike = alike + 1 if self.state() == before else 0

    async def finish(self) -> None:
        """Close what is open."""
        for client in self.clients:
            await client.connection.close()
        await asyncio.gather(*self._reading)


async def _done(act: Callable[..., object], *arguments: object) -> None:
    act(*arguments)


def refuse(connection: ServerConnection, request: Request) -> Response | None:
    return connection.respond(404, "no such room\n") if request.path == "/attic" else None


async def played(
    script: Script,
    observed: Callable[[int], contextlib.AbstractAsyncContextManager[tuple[str, Transcripts]]],
) -> dict[str, Any]:
    """Do what ``script`` says; return what each side has seen, and what crossed the wire."""
    async with contextlib.AsyncExitStack() as stack:
        scenario: Scenario

        async def welcome(connection: ServerConnection) -> None:
            await scenario.welcome(connection)

        server = await serve(welcome, "127.0.0.1", 0, ping_interval=None, process_request=refuse)
        port = server.sockets[0].getsockname()[1]
        address, transcripts = await stack.enter_async_context(observed(port))
        scenario = Scenario(address, transcripts)
        outcomes = []
        for step in script:
            outcomes.append(await scenario.act(*step))
            await scenario.settle()
        server.close()
        await server.wait_closed()
        await scenario.finish()
        await scenario.settle()
        return {
            "outcomes": outcomes,
            "clients": [client.received for client in scenario.clients],
            "guests": [guest.received for guest in scenario.guests],
            "wire": [crossed(transcript) for transcript in transcripts()],
        }


def crossed(transcript: Transcript) -> dict[Sender, list[object]]:
    """Return what crossed a connection, by sender, without what chance decides."""
    senders: tuple[Sender, ...] = ("client", "server")
    return {
        sender: [_essence(entry) for entry in transcript.entries if entry.sender == sender]
        for sender in senders
    }


def _essence(entry: Entry) -> object:
    """Return what is the same each time: no key of a mask or a handshake, no date, no port."""
    frame = entry.frame
    if frame is not None:
        return (frame.opcode, frame.fin, frame.rsv1, frame.mask is not None, frame.payload)
    if entry.kind == "http":
        return entry.data.split(b"\r\n", 1)[0]
    return (entry.kind, entry.data)


def simulated(script: Script) -> dict[str, Any]:
    simulation = Simulation()
    simulation.world.observer = recording = Recording()

    @contextlib.asynccontextmanager
    async def observed(port: int) -> AsyncIterator[tuple[str, Transcripts]]:
        yield f"ws://127.0.0.1:{port}", lambda: list(recording.transcripts.values())

    return simulation.run(played(script, observed))


def real(script: Script) -> dict[str, Any]:
    @contextlib.asynccontextmanager
    async def observed(port: int) -> AsyncIterator[tuple[str, Transcripts]]:
        async with tap(f"ws://127.0.0.1:{port}") as tapped:
            yield tapped.address, lambda: list(tapped.transcripts)

    main: Coroutine[Any, Any, dict[str, Any]] = played(script, observed)
    with asyncio.Runner() as runner:
        return runner.run(main)


TEXTS = st.text(max_size=5) | st.just(LARGE)
BINARIES = st.binary(max_size=200)
FRAGMENTS = st.lists(st.text(max_size=3), min_size=1, max_size=3)
MESSAGES = TEXTS | BINARIES | FRAGMENTS
CODES = st.sampled_from([1000, 1001, 1011, 3000, 4999])
SOMEBODY = st.integers(0, 2)


def steps(side: str, what: str, data: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(side), st.just(what), SOMEBODY, data)


CONNECTS = steps(
    "client",
    "connect",
    st.tuples(st.sampled_from(["", "", "/attic"]), st.sampled_from([None, "deflate"])),
)
EITHER = [
    steps(side, what, data)
    for side in ("client", "server")
    for what, data in (
        ("send", MESSAGES),
        ("ping", st.binary(max_size=125)),
        ("close", st.tuples(CODES, st.text(max_size=3))),
        ("abort", st.none()),
    )
]
SCRIPTS = st.tuples(
    CONNECTS,
    st.lists(CONNECTS | steps("server", "broadcast", TEXTS) | st.one_of(EITHER), max_size=7),
).map(lambda drawn: [drawn[0], *drawn[1]])


@settings(max_examples=100)
@given(SCRIPTS)
def test_the_same_scenario_puts_the_same_frames_on_both_networks(
    script: Script,
) -> None:
    assert simulated(script) == real(script)

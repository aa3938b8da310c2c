"""What Socket.IO adds to a WebSocket: the same messages over both, counted and timed.

Draws nothing, and starts no server: ``serve("echo")`` is one half, a Socket.IO server that
acknowledges an event with what came is the other.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from labkit.errors import LabkitError, UsageError
from labkit.transport.tap import Tap, tap

from .asking import Ask, Client, socketio_client, websocket_client

PATIENCE_S = 5.0

#: How often each way connects to time it.
CONNECTS = 5


@dataclass(frozen=True)
class Traffic:
    """What crossed the wire: bytes, and the HTTP requests and TCP connections they were in.

    The bytes are all that TCP carried. Its own headers and those of IP come on top.
    """

    requests: int
    connections: int
    sent: int
    received: int


@dataclass(frozen=True)
class Overhead:
    """What one way of talking cost: to connect, then for each of the messages with its answer.

    ``to_connect`` is the traffic until the first message may be sent, ``in_all`` that until the
    last one was answered.
    """

    way: str
    messages: int
    to_connect: Traffic
    in_all: Traffic
    connects_s: tuple[float, ...]
    round_trips_s: tuple[float, ...]

    @property
    def bytes_to_connect(self) -> int:
        """The bytes of both directions until the first message may be sent."""
        return self.to_connect.sent + self.to_connect.received

    @property
    def sent_per_message(self) -> float:
        """The bytes that the client sends for a message."""
        return (self.in_all.sent - self.to_connect.sent) / self.messages

    @property
    def received_per_message(self) -> float:
        """The bytes that the server sends for the answer to a message."""
        return (self.in_all.received - self.to_connect.received) / self.messages

    @property
    def connect_s(self) -> float:
        """How long it takes to connect: the median."""
        return statistics.median(self.connects_s)

    @property
    def round_trip_s(self) -> float:
        """How long an answer takes: the median."""
        return statistics.median(self.round_trips_s)


@dataclass(frozen=True)
class _Way:
    name: str
    address: str
    client: Client


async def measure_overhead(
    websocket: str,
    socketio: str,
    *,
    event: str = "echo",
    text: str = "tea",
    messages: int = 50,
    patience_s: float = PATIENCE_S,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Overhead]:
    """Have ``text`` echoed by the WebSocket server and by the Socket.IO server, in three ways.

    The Socket.IO server acknowledges ``event`` with the text that came with it. Bytes are counted
    by a tap. Times are taken without one, the three ways in turn.

    Raises LabkitError if one of the servers cannot be reached or does not echo.
    """
    if messages < 1:
        raise UsageError(f"messages is {messages}; send at least one")
    over_socketio = partial(socketio_client, event=event, patience_s=patience_s)
    ways = (
        _Way("WebSocket", websocket, partial(websocket_client, patience_s=patience_s)),
        _Way(
            "Socket.IO, WebSocket only", socketio, partial(over_socketio, transports=["websocket"])
        ),
        _Way("Socket.IO, polling first", socketio, over_socketio),
    )
    # Counted first: whatever is done once only, such as an import, is behind when time is taken.
    traffic = [await _count(way, text, messages) for way in ways]
    connects_s = await _time_connects(ways, clock)
    round_trips_s = await _time_round_trips(ways, text, messages, clock)
    return [
        Overhead(way.name, messages, *traffic[i], tuple(connects_s[i]), tuple(round_trips_s[i]))
        for i, way in enumerate(ways)
    ]


async def _count(way: _Way, text: str, messages: int) -> tuple[Traffic, Traffic]:
    """Return the traffic to connect, and that with all messages."""
    async with tap(way.address) as tapped, way.client(tapped.address) as ask:
        to_connect = _traffic(tapped)
        for _ in range(messages):
            answer = await ask(text)
            if answer != text:
                raise LabkitError(
                    f"{way.address} answered {text!r} with {answer!r}; "
                    "compare servers that send back what came"
                )
        return to_connect, _traffic(tapped)


def _traffic(tapped: Tap) -> Traffic:
    transcripts = tapped.transcripts
    return Traffic(
        requests=sum(
            entry.kind == "http" and entry.sender == "client"
            for transcript in transcripts
            for entry in transcript.entries
        ),
        connections=len(transcripts),
        sent=sum(transcript.size_from("client") for transcript in transcripts),
        received=sum(transcript.size_from("server") for transcript in transcripts),
    )


async def _time_connects(ways: tuple[_Way, ...], clock: Callable[[], float]) -> list[list[float]]:
    times_s: list[list[float]] = [[] for _ in ways]
    for _ in range(CONNECTS):
        for way, mine_s in zip(ways, times_s, strict=True):
            start = clock()
            async with way.client(way.address):
                mine_s.append(clock() - start)
    return times_s


async def _time_round_trips(
    ways: tuple[_Way, ...], text: str, messages: int, clock: Callable[[], float]
) -> list[list[float]]:
    times_s: list[list[float]] = [[] for _ in ways]
    async with AsyncExitStack() as clients:
        asks: list[Ask] = [
            await clients.enter_async_context(way.client(way.address)) for way in ways
        ]
        for _ in range(messages):
            for ask, mine_s in zip(asks, times_s, strict=True):
                start = clock()
                await ask(text)
                mine_s.append(clock() - start)
    return times_s

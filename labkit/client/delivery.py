"""Four receivers of one feed, and what each costs: bytes on the wire and delay per message.

Draws nothing, and starts no server: ``serve("delivery")`` is what it is made for.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from labkit.errors import LabkitError
from labkit.protocol.frames import CloseCode, Frame, FrameParser, Opcode, serialize
from labkit.protocol.handshake import Request, Response, check, make_key

from . import browser_requests as browser
from .counting import CountedConnection, open_counted

PATIENCE_S = 30.0

Event: TypeAlias = dict[str, Any]
#: The events of the feed as they arrive, in the portions in which they arrive.
Portions: TypeAlias = AsyncGenerator[list[Event], None]
Receiver: TypeAlias = Callable[[CountedConnection], Portions]


@dataclass(frozen=True)
class Delivery:
    """What one way of delivery cost.

    The bytes are all that its TCP connection carried, both the requests and what came back. The
    headers of TCP and IP come on top: 40 bytes or more for each packet, whichever the way.

    A delay runs from the moment an event is published to the moment its receiver has read it.
    """

    way: str
    messages: int
    bytes_sent: int
    bytes_received: int
    delays_s: tuple[float, ...]

    @property
    def bytes_per_message(self) -> float:
        """The bytes of both directions, headers and handshake included, for each message."""
        return (self.bytes_sent + self.bytes_received) / self.messages


async def measure_delivery(
    address: str,
    *,
    messages: int = 50,
    poll_every_s: float = 0.1,
    patience_s: float = PATIENCE_S,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Delivery]:
    """Receive at least ``messages`` events in each of the four ways, all at the same time.

    ``clock`` must be the clock of the feed at ``address``.

    Raises LabkitError if one of them does not get so many within ``patience_s``.
    """
    receivers: dict[str, Receiver] = {
        "polling": partial(poll, every_s=poll_every_s),
        "long polling": long_poll,
        "server-sent events": server_sent_events,
        "WebSocket": websocket,
    }
    try:
        async with asyncio.timeout(patience_s), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_measure(address, way, receiver, messages, clock))
                for way, receiver in receivers.items()
            ]
    except TimeoutError:
        raise LabkitError(
            f"{address} did not deliver {messages} messages within {patience_s:g} s"
        ) from None
    except ExceptionGroup as group_of_errors:
        raise group_of_errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def poll(connection: CountedConnection, *, every_s: float) -> Portions:
    """Ask every ``every_s`` seconds for what is new."""
    target = "/poll"
    while True:
        events = await _get_json(connection, target)
        yield events
        if events:
            target = f"/poll?after={events[-1]['seq']}"
        await asyncio.sleep(every_s)


async def long_poll(connection: CountedConnection) -> Portions:
    """Ask for what is new, and ask again as soon as there is an answer."""
    events = await _get_json(connection, "/poll")
    while True:
        yield events
        after = events[-1]["seq"] if events else 0
        events = await _get_json(connection, f"/long-poll?after={after}")


async def server_sent_events(connection: CountedConnection) -> Portions:
    """Ask once; read a response that never ends (the HTML standard, §9.2)."""
    await _get(connection, browser.event_source(connection.host, "/events"))
    text = b""
    while True:
        size = int(await connection.read_until(b"\r\n"), 16)
        text += (await connection.read_exactly(size + 2))[:size]
        *blocks, text = text.split(b"\n\n")
        yield [json.loads(block.removeprefix(b"data: ")) for block in blocks]


async def websocket(connection: CountedConnection) -> Portions:
    """Upgrade once; read messages, and close with 1000 when enough have come."""
    request = browser.websocket(connection.host, "/ws", key=make_key(os.urandom))
    await connection.send(request.serialize())
    check(Response.parse(await connection.read_until(b"\r\n\r\n")), request)
    parser = FrameParser()
    try:
        while data := await connection.read_some():
            frames = parser.feed(data)
            yield [json.loads(frame.payload) for frame in frames if frame.opcode == Opcode.TEXT]
            if any(frame.opcode == Opcode.CLOSE for frame in frames):
                return
    finally:
        payload = CloseCode.NORMAL.to_bytes(2, "big")
        await connection.send(serialize(Frame(Opcode.CLOSE, payload, mask=os.urandom(4))))


async def _measure(
    address: str, way: str, receiver: Receiver, messages: int, clock: Callable[[], float]
) -> Delivery:
    delays_s: list[float] = []
    async with open_counted(address) as connection:
        try:
            async with aclosing(receiver(connection)) as portions:
                async for events in portions:
                    now = clock()
                    delays_s += [now - event["at"] for event in events]
                    if len(delays_s) >= messages:
                        break
            await connection.finish()
        except (EOFError, ConnectionError) as error:
            raise LabkitError(f"{address} broke the connection off ({way})") from error
    if len(delays_s) < messages:
        raise LabkitError(f"{address} closed after {len(delays_s)} of {messages} messages ({way})")
    sent, received = connection.bytes_sent, connection.bytes_received
    return Delivery(way, len(delays_s), sent, received, tuple(delays_s))


async def _get(connection: CountedConnection, request: Request) -> Response:
    await connection.send(request.serialize())
    response = Response.parse(await connection.read_until(b"\r\n\r\n"))
    if response.status != 200:
        raise LabkitError(
            f"{request.target} was answered {response.status}, not 200; "
            'measure the address of serve("delivery")'
        )
    return response


async def _get_json(connection: CountedConnection, target: str) -> list[Event]:
    response = await _get(connection, browser.fetch(connection.host, target))
    body = await connection.read_exactly(int(response.header("Content-Length") or 0))
    events: list[Event] = json.loads(body)
    return events

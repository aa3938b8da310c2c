"""One feed, delivered four ways: polling, long polling, server-sent events, WebSocket.

Measures nothing: whoever receives does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .feed import Event, Feed

INTERVAL_S = 0.02

#: How long the WebSockets may take to close, once the server goes away.
DRAIN_S = 2.0


class Poll(RequestHandler):
    """``/poll?after=12``: answers at once with the events since, or with none."""

    def initialize(self, feed: Feed) -> None:
        """Take the feed."""
        self.feed = feed

    async def get(self) -> None:
        """Answer with a JSON list. Without ``after`` it holds the newest event."""
        try:
            after = int(self.get_query_argument("after", str(self.feed.newest - 1)))
        except ValueError:
            self.send_error(400, reason="after is the number of an event")
            return
        events = await self.events(after)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        # The client may be gone by now.
        with contextlib.suppress(StreamClosedError):
            await self.finish(f"[{', '.join(event.serialize() for event in events)}]")

    async def events(self, after: int) -> list[Event]:
        """Return what there is now."""
        return self.feed.after(after)


class LongPoll(Poll):
    """``/long-poll?after=12``: answers when there is an event since, however long that takes."""

    async def events(self, after: int) -> list[Event]:
        """Return what there is as soon as it is not nothing."""
        return await self.feed.wait_after(after)


class ServerSentEvents(RequestHandler):
    """``/events``: a response that never ends, an event at a time (the HTML standard, §9.2)."""

    def initialize(self, feed: Feed) -> None:
        """Take the feed."""
        self.feed = feed

    async def get(self) -> None:
        """Send every event from now on."""
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        seq = self.feed.newest
        # Who went away is noticed when the next event is written.
        with contextlib.suppress(StreamClosedError):
            await self.flush()
            while events := await self.feed.wait_after(seq):
                for event in events:
                    self.write(f"data: {event.serialize()}\n\n")
                await self.flush()
                seq = events[-1].seq


class Socket(WebSocketHandler):
    """``/ws``: a message for each event."""

    def initialize(self, feed: Feed, open_sockets: set[asyncio.Future[None]]) -> None:
        """Take the feed, and where to note that this one is open."""
        self.feed = feed
        self.open_sockets = open_sockets
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def open(self, *_: str) -> None:
        """Send every event from now on."""
        self.open_sockets.add(self.closed)
        self.sender = asyncio.create_task(self.send_events(self.feed.newest))

    def on_message(self, message: str | bytes) -> None:
        """Take no notice: the feed has nothing to be asked."""

    def on_close(self) -> None:
        """Note that this one is closed."""
        self.open_sockets.discard(self.closed)
        self.closed.set_result(None)

    async def send_events(self, seq: int) -> None:
        """Send what is newer than ``seq`` for as long as the feed goes on, then close."""
        # Who went away is noticed when the next event is written.
        with contextlib.suppress(WebSocketClosedError):
            while events := await self.feed.wait_after(seq):
                for event in events:
                    await self.write_message(event.serialize())
                seq = events[-1].seq
            self.close(1001, "server going away")


@contextlib.asynccontextmanager
async def open_server(
    host: str, port: int, *, interval_s: float = INTERVAL_S
) -> AsyncIterator[tuple[str, int]]:
    """Publish an event every ``interval_s``; yield the host and port, drain on exit."""
    feed = Feed()
    open_sockets: set[asyncio.Future[None]] = set()
    server = HTTPServer(
        Application(
            [
                ("/poll", Poll, {"feed": feed}),
                ("/long-poll", LongPoll, {"feed": feed}),
                ("/events", ServerSentEvents, {"feed": feed}),
                ("/ws", Socket, {"feed": feed, "open_sockets": open_sockets}),
            ]
        )
    )
    sockets = bind_sockets(port, host)
    server.add_sockets(sockets)
    ticker = asyncio.create_task(_publish(feed, interval_s))
    try:
        yield sockets[0].getsockname()[:2]
    finally:
        ticker.cancel()
        server.stop()
        await feed.end()
        if open_sockets:
            await asyncio.wait(open_sockets, timeout=DRAIN_S)
        await server.close_all_connections()


async def _publish(feed: Feed, interval_s: float) -> None:
    while True:
        await feed.publish()
        await asyncio.sleep(interval_s)

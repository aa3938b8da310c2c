"""A WebSocket client that is operated by hand, one call at a time. Knows no widget.

It takes what was typed as it was typed. Nothing it is told to do raises: `ManualClient.state` says
what the connection is, `ManualClient.notice` what became of the last call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from websockets import State
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from labkit.errors import UsageError
from labkit.wire.transcript import Transcript
from labkit.wire.wording import count, quote, quote_message

from .client_input import Offer, read_close, read_message, read_offer
from .client_wording import describe_end, describe_open, describe_refusal
from .recording import recording

OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
PONG_TIMEOUT_S = 5.0

IDLE = "not connected"
CONNECTING = "connecting"
CLOSING = "closing"


class ManualClient:
    """One client, and the newest of its connections. ``changed`` is called when words change.

    ``transcript`` is what crossed the newest connection, refused or not.

    Raises UsageError if ``address`` is not that of a WebSocket server.
    """

    def __init__(self, address: str, *, changed: Callable[[], None] = lambda: None) -> None:
        _require_address(address)
        self.address = address
        self.state = IDLE
        self.notice = ""
        self.transcript = Transcript()
        self.received = 0
        self.newest: str | bytes = ""
        self._changed = changed
        self._connection: ClientConnection | None = None
        self._running: asyncio.Task[None] | None = None
        self._sends = False
        self._pings = False

    @property
    def is_active(self) -> bool:
        """Whether it is connecting, open or closing."""
        return self._running is not None and not self._running.done()

    def inbox(self) -> str:
        """Say what has come in."""
        if not self.received:
            return "no message received yet"
        words = count(self.received, "message")
        return f"{words} received, the newest {quote_message(self.newest)}"

    def text(self) -> str:
        """Return state, notice and what crossed the wire, as plain text."""
        return "\n".join(filter(None, [self.state, self.notice, self.transcript.text()]))

    async def connect(
        self, subprotocols: str = "", origin: str = "", *, compress: bool = False
    ) -> None:
        """Connect in place of whatever connection there is; return when that is settled."""
        try:
            offer = read_offer(subprotocols, origin, compress=compress)
        except UsageError as error:
            self.say(f"no new connection: {error}")
            return
        await self.leave()
        self.transcript = Transcript()
        self.notice, self.received = "", 0
        opened = asyncio.get_running_loop().create_future()
        self._running = running = asyncio.create_task(self._run(offer, opened))
        either: set[asyncio.Future[Any]] = {opened, running}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)

    async def send(self, message: str, length: str = "") -> None:
        """Send a text message, repeated or cut to ``length`` characters if that is given."""
        try:
            text = read_message(message, length)
        except UsageError as error:
            self.say(f"not sent: {error}")
            return
        connection = self._open_connection("not sent")
        if connection is None:
            return
        if self._sends:
            # What waits is bounded: one message, and what the operating system takes.
            self.say("not sent: the server has not read what you sent before; wait, or close")
            return
        self._sends = True
        try:
            await connection.send(text)
            # A connection that breaks lets go of whoever waits to send, without an error.
            sent = connection.state is not State.CLOSED
        except ConnectionClosed:
            sent = False
        finally:
            self._sends = False
        if sent:
            self.say(f"sent {quote(text)}")
        else:
            self.say("not sent as a whole: the connection was closed meanwhile")

    async def ping(self) -> None:
        """Send a ping and tell how long its pong took."""
        connection = self._open_connection("no ping sent")
        if connection is None:
            return
        if self._pings:
            self.say("no ping sent: the one before it still waits for its pong")
            return
        self._pings = True
        try:
            async with asyncio.timeout(PONG_TIMEOUT_S):
                round_trip_s = await (await connection.ping())
        except TimeoutError:
            self.say(f"no pong within {PONG_TIMEOUT_S:g} s: the server does not answer")
        except ConnectionClosed:
            self.say("no pong: the connection was closed meanwhile")
        else:
            self.say(f"pong after {round_trip_s * 1000:.1f} ms")
        finally:
            self._pings = False

    async def close(self, code: str = "1000", reason: str = "") -> None:
        """Close with a code and a reason; return when the connection is closed."""
        try:
            number, why = read_close(code, reason)
        except UsageError as error:
            self.say(f"not closed: {error}")
            return
        if self.state == CONNECTING:
            await self.leave()
            self.say("gave up connecting")
            return
        connection = self._open_connection("nothing to close")
        if connection is None or self._running is None:
            return
        self._become(CLOSING)
        await _close(connection, number, why)
        await asyncio.wait([self._running])

    def abandon(self) -> None:
        """Begin to end the connection, whatever it does at the moment; without one, do nothing."""
        # Cancelled twice, it could not close properly.
        if self._running is not None and not self._running.cancelling():
            self._running.cancel()

    async def leave(self) -> None:
        """End the connection, and return when it has ended."""
        while self._running is not None and not self._running.done():
            self.abandon()
            await asyncio.wait([self._running])

    def say(self, notice: str) -> None:
        """Tell what became of a call."""
        self.notice = notice
        self._changed()

    async def _run(self, offer: Offer, opened: asyncio.Future[None]) -> None:
        """Be connected, from the handshake to the end."""
        self._become(CONNECTING)
        try:
            connection = await self._connect(offer)
        except (OSError, ValueError, WebSocketException) as error:
            self._become(describe_refusal(error, self.address, timeout_s=OPEN_TIMEOUT_S))
            return
        except asyncio.CancelledError:
            self._become(IDLE)
            raise
        self._connection = connection
        self._become(describe_open(connection, offer))
        opened.set_result(None)
        try:
            while True:
                self._take(await connection.recv())
        except ConnectionClosed:
            # Who closed it, and how, is read from the connection when it is left.
            pass
        except asyncio.CancelledError:
            self._become(CLOSING)
            raise
        finally:
            self._connection = None
            try:
                await _close(connection)
            finally:
                self._become(describe_end(connection.protocol.close_exc))

    async def _connect(self, offer: Offer) -> ClientConnection:
        return await connect(
            self.address,
            subprotocols=[Subprotocol(name) for name in offer.subprotocols] or None,
            origin=Origin(offer.origin) if offer.origin else None,
            compression="deflate" if offer.compress else None,
            create_connection=recording(self.transcript),
            proxy=None,
            # Every ping on the wire is one that a hand asked for, or the server's.
            ping_interval=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
        )

    def _open_connection(self, refusal: str) -> ClientConnection | None:
        """Return the connection if it is open; else say so."""
        if self._connection is not None and self._connection.state is State.OPEN:
            return self._connection
        between = self.state in (CONNECTING, CLOSING)
        why = f"is {self.state}" if between else "is not connected; press Connect"
        self.say(f"{refusal}: the client {why}")
        return None

    def _take(self, message: str | bytes) -> None:
        self.received += 1
        self.newest = message
        self._changed()

    def _become(self, state: str) -> None:
        self.state = state
        self._changed()


async def _close(connection: ClientConnection, code: int = 1000, reason: str = "") -> None:
    try:
        async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
            await connection.close(code, reason)
    except (TimeoutError, asyncio.CancelledError) as error:
        # To a server that reads nothing, the library would wait for ever to write the close frame.
        connection.transport.abort()
        await connection.wait_closed()
        # What a timeout raises in a task that is being cancelled, in the first versions of 3.11.
        if isinstance(error, asyncio.CancelledError):
            raise


def _require_address(address: object) -> None:
    example = "give one like ws://127.0.0.1:8765"
    if not isinstance(address, str):
        kind = type(address).__name__
        raise UsageError(f"a client needs a server's address, not a {kind}; {example}")
    try:
        parse_uri(address)
    except (InvalidURI, ValueError):
        words = f"{quote(address)} is not the address of a WebSocket server"
        raise UsageError(f"{words}; {example}") from None

"""What the way to a server does to a WebSocket: ``labkit serve echo`` answers at its other end.

Sees what a client sees. That something on the way answers pings for the server, it cannot tell.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal, TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import CloseCode
from websockets.proxy import get_proxy
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from .findings import Finding
from .refusals import explain
from .routes import exempt

OPEN_S = 3.0
ANSWER_S = 3.0
#: How often ``websockets`` pings by itself. A way has to bear that much silence.
KEEPALIVE_S = 20.0
BIG_BYTES = 70_000
#: One byte more than ``websockets`` takes in a message unless it is told otherwise.
TOO_BIG_BYTES = 2**20 + 1
SUBPROTOCOL = Subprotocol("echo")

Probe: TypeAlias = Callable[[ClientConnection, str], Awaitable[Finding]]

_NETWORK = "try wss:// or another network, or ask who runs the proxy or the firewall"
_NO_ECHO = "see that it is labkit serve echo that answers there; if it is, " + _NETWORK
_LOCAL = "do the experiments on closing with a server on 127.0.0.1, where codes arrive unchanged"


async def examine_way(address: str, *, silence_s: float) -> list[Finding]:
    """Open WebSockets to ``address`` and say what arrives, and what the way has changed."""
    opening = await _open(address)
    if opening[0].state != "ok":
        return opening
    probes: dict[str, Probe] = {
        "text message": partial(_echo, message="spam"),
        f"message of {BIG_BYTES:,} bytes": partial(_echo, message=bytes(BIG_BYTES)),
        "ping": _ping,
        f"{silence_s:g} s of silence": partial(_keep_silent, silence_s=silence_s),
        "close code 1000": partial(_close, code=CloseCode.NORMAL_CLOSURE),
        "close code 3000": partial(_close, code=3000),
        "close code of the server": _have_closed,
    }
    return [
        *opening,
        *await asyncio.gather(*(_probe(address, *each) for each in probes.items())),
    ]


def _connect(address: str, *, proxy: Literal[True] | None = True) -> connect:
    return connect(
        address,
        proxy=proxy,
        subprotocols=[SUBPROTOCOL],
        ping_interval=None,
        open_timeout=OPEN_S,
        close_timeout=ANSWER_S,
        max_size=None,
    )


async def _open(address: str) -> list[Finding]:
    """Do the opening handshake, and look at what came back of what it offered."""
    uri = parse_uri(address)
    proxy = get_proxy(uri)
    by = " through your proxy" if proxy else ""
    try:
        async with _connect(address) as connection:
            assert connection.response is not None
            agreed = connection.response.headers.get("Sec-WebSocket-Extensions", "")
            return [
                Finding("upgrade", "ok", f"{address} opens{by}"),
                _compression(agreed),
                _subprotocol(connection.subprotocol),
            ]
    except (OSError, WebSocketException, ImportError, EOFError) as error:
        found, remedy = explain(error, address, proxy=proxy)
    if proxy and await _opens_directly(address):
        found += "; without your proxy it opens"
        remedy = exempt([uri.host], os.environ)
    return [Finding("upgrade", "problem", found, remedy)]


async def _opens_directly(address: str) -> bool:
    try:
        async with _connect(address, proxy=None):
            return True
    except (OSError, WebSocketException, EOFError):
        return False


def _compression(agreed: str) -> Finding:
    if "permessage-deflate" in agreed:
        return Finding("compression", "ok", agreed)
    found = "dropped: the handshake comes back without permessage-deflate"
    remedy = "nothing breaks; long messages take more of the network"
    return Finding("compression", "warning", found, remedy)


def _subprotocol(agreed: Subprotocol | None) -> Finding:
    if agreed:
        return Finding("subprotocol", "ok", f"{agreed!r} is agreed on")
    # A server that knows none answers the same: that the way drops it cannot be told.
    return Finding("subprotocol", "ok", f"{SUBPROTOCOL!r} is not agreed on: not known, or dropped")


async def _probe(address: str, name: str, probe: Probe) -> Finding:
    """Do one probe on a connection of its own, so that what it breaks is broken for it alone."""
    try:
        async with _connect(address) as connection:
            return await probe(connection, name)
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else CloseCode.ABNORMAL_CLOSURE
        return Finding(name, "problem", f"the connection ends with close code {code}", _NETWORK)
    except (OSError, WebSocketException, EOFError) as error:
        found, remedy = explain(error, address)
        return Finding(name, "problem", f"a further connection fails: {found}", remedy)


async def _echo(connection: ClientConnection, name: str, *, message: str | bytes) -> Finding:
    match await _answer(connection, message):
        case None:
            found = f"does not come back within {ANSWER_S:g} s"
        case answer if answer == message:
            return Finding(name, "ok", "comes back as it was sent")
        case answer if len(answer) != len(message):
            found = f"{len(answer):,} of {len(message):,} come back"
        case _:
            found = "comes back altered"
    return Finding(name, "problem", found, _NO_ECHO)


async def _answer(connection: ClientConnection, message: str | bytes) -> str | bytes | None:
    try:
        async with asyncio.timeout(ANSWER_S):
            await connection.send(message)
            return await connection.recv()
    except TimeoutError:
        return None


async def _ping(connection: ClientConnection, name: str) -> Finding:
    try:
        async with asyncio.timeout(ANSWER_S):
            took_s = await (await connection.ping())
    except TimeoutError:
        found = f"no pong within {ANSWER_S:g} s: websockets takes such a connection for dead"
        return Finding(name, "problem", found, f"{_NETWORK}; ping_interval=None gives up the test")
    return Finding(name, "ok", f"answered after {1000 * took_s:.1f} ms")


async def _keep_silent(connection: ClientConnection, name: str, *, silence_s: float) -> Finding:
    """Say nothing for a while. A way may close the connection, or forget it without a word."""
    clock = asyncio.get_running_loop().time
    began_s = clock()
    try:
        async with asyncio.timeout(silence_s):
            await connection.wait_closed()
    except TimeoutError:
        if await _answer(connection, "still there?") is not None:
            return Finding(name, "ok", "the connection stays open")
        found, lasted_s = "after it no message comes back", silence_s
    else:
        lasted_s = clock() - began_s
        found = f"the connection is closed after {lasted_s:.1f} s"
    if lasted_s > KEEPALIVE_S:
        found += f"; the ping of websockets every {KEEPALIVE_S:g} s keeps it open"
        return Finding(name, "warning", found, "leave ping_interval as it is")
    return Finding(
        name,
        "problem",
        f"{found}, and websockets pings every {KEEPALIVE_S:g} s",
        "ask for a longer timeout there (nginx: proxy_read_timeout 1h), "
        f"or give connect() a ping_interval of {lasted_s / 2:.2g}",
    )


async def _close(connection: ClientConnection, name: str, *, code: int) -> Finding:
    await connection.close(code)
    if connection.close_code == code:
        return Finding(name, "ok", "comes back as it was sent")
    return Finding(name, "warning", f"comes back as {connection.close_code}", _LOCAL)


async def _have_closed(connection: ClientConnection, name: str) -> Finding:
    """Have the server refuse a message that is too big, which it does with 1009."""
    asked = CloseCode.MESSAGE_TOO_BIG
    try:
        async with asyncio.timeout(ANSWER_S):
            await connection.send(bytes(TOO_BIG_BYTES))
            await connection.recv()
    except TimeoutError:
        found = f"the server was to close with {asked.value}; nothing came within {ANSWER_S:g} s"
        return Finding(name, "warning", found, _LOCAL)
    except ConnectionClosed:
        if connection.close_code == asked:
            return Finding(name, "ok", f"{asked.value} arrives")
        found = f"the server closed with {asked.value}, and {connection.close_code} arrives"
        return Finding(name, "warning", found, _LOCAL)
    return Finding(name, "ok", "not seen: this server takes a message of 1 MiB")

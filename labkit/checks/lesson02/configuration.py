"""Checks the options of a server, on a real one that is started with them: exercise 02.5."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Origin, Subprotocol

from labkit.checks import plain
from labkit.checks.cases import Case, saw
from labkit.checks.messages import NoAnswer
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import Served, Subject
from labkit.checks.world import World

SHOP = "https://shop.example"
ELSEWHERE = "https://evil.example"
LIMIT = 64 * 1024
SILENT_S = 60
SILENCE = "nothing"
NUMBERS = (
    "max_size",
    "max_queue",
    "open_timeout",
    "ping_interval",
    "ping_timeout",
    "close_timeout",
)
LISTS = ("subprotocols", "origins")
NAMES = (*NUMBERS, *LISTS, "compression")
OPEN_HINT = "without `origins`, every page of the web may connect"
CLOSED_HINT = "an origin is written as a browser sends it: `https://shop.example`, no slash behind"
# What goes wrong with a server of the check is told by its cases.
_quiet = logging.getLogger("labkit.checks.quiet")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


@exercise(
    "02.5",
    symbol="options",
    points=2,
    hints=(
        "Five requirements, five options. The lesson's table names them all.",
        "A list of subprotocols is in the server's order of preference. In a list of origins, "
        "None stands for a client that sends no Origin.",
        '`{"max_size": …, "subprotocols": […, …], "origins": [SHOP, None], "compression": None, '
        '"ping_interval": …}`: sizes in bytes, times in seconds.',
    ),
)
async def options(subject: Subject, world: World) -> Cases:
    """A server that is started with the options does what the list asks for."""
    got = await subject.call()
    usable, problems = understood(got)
    async with started(usable) as address:
        pages = [await told(address, openness, origin=page) for page in (SHOP, ELSEWHERE)]
        yield Case(
            "`serve` takes the options; pages of the shop may connect, and no others",
            passed=not problems and pages == ["open", "HTTP 403"],
            expected="the shop: open, elsewhere: HTTP 403",
            got="; ".join(problems) or "the shop: {}, elsewhere: {}".format(*pages),
            hint="" if problems else OPEN_HINT if pages[0] == "open" else CLOSED_HINT,
        )
        yield saw(
            await told(address, openness, origin=None),
            "open",
            "a program, which sends no Origin, may connect",
            hint="None in the list of origins stands for no Origin",
        )
        yield saw(
            await told(address, partial(echo_of, b"x" * LIMIT)),
            "65,536 bytes come back",
            "a message of 65,536 bytes is accepted",
        )
        yield saw(
            await told(address, partial(echo_of, b"x" * (LIMIT + 1))),
            "closed with 1009",
            "a message of 65,537 bytes is refused with 1009",
            hint="`max_size` is in bytes",
        )
        yield saw(
            await told(address, subprotocol),
            "chat.v2",
            "chat.v2 is preferred, whatever the client prefers",
            hint="the server's own list is in its order of preference",
        )
        yield saw(
            await told(address, subprotocol, subprotocols=["chat.v1"]),
            "chat.v1",
            "chat.v1 is spoken, too",
            hint="`subprotocols` is a list of all that the server speaks",
        )
        yield saw(
            await told(address, extensions, compression="deflate"),
            "no extension",
            "compression is declined",
            hint="`compression=None`; left out, it is on",
        )
        yield saw(
            await first_ping(world, address),
            "a ping after 10 s",
            "a peer is pinged after 10 seconds",
            hint="`ping_interval`, in seconds; `ping_timeout` is how long the answer may take",
        )


def understood(got: plain.Plain) -> tuple[dict[str, Any], list[str]]:
    """Return those of the options that a server can be started with, and what is wrong with others.

    >>> understood({"max_size": "64 KiB"})
    ({}, ["`max_size` is '64 KiB': give a number, or None"])
    """
    if got is None:
        return {}, ["`options` returned None: is a `return` missing?"]
    if isinstance(got, plain.Foreign):
        return {}, [f"`options` returned {got.description}, no dict"]
    if not isinstance(got, dict):
        return {}, [str(got) if isinstance(got, NoAnswer) else f"{got!r}, no dict"]
    wrong = {name: problem for name, value in got.items() if (problem := _problem(name, value))}
    return {n: v for n, v in got.items() if n not in wrong}, list(wrong.values())


def _problem(name: plain.Plain, value: plain.Plain) -> str:
    if name not in NAMES:
        close = difflib.get_close_matches(str(name), NAMES, n=1)
        return f"`serve` has no option `{name}`" + (f"; is it `{close[0]}`?" if close else "")
    if name in NUMBERS:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return (
            "" if value is None or is_number else f"`{name}` is {value!r}: give a number, or None"
        )
    if name in LISTS:
        kinds = (str, type(None)) if name == "origins" else (str,)
        is_list = isinstance(value, list | tuple) and all(isinstance(one, kinds) for one in value)
        is_good = value is None or (is_list and "" not in value)
        return "" if is_good else f"`{name}` is {value!r}: give a list of text"
    return "" if value in (None, "deflate") else f"`compression` is {value!r}: None turns it off"


@asynccontextmanager
async def started(chosen_options: Mapping[str, Any]) -> AsyncIterator[str]:
    """Start an echo server with the options; yield its address."""

    async def echo(connection: ServerConnection) -> None:
        try:
            async for message in connection:
                await connection.send(message)
        except ConnectionClosed:
            pass

    settings = {"close_timeout": 1, **chosen_options, "logger": _quiet}
    async with serve(echo, "127.0.0.1", 0, **settings) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def told(
    address: str,
    ask: Callable[[ClientConnection], Awaitable[str]],
    *,
    origin: str | None = SHOP,
    compression: str | None = None,
    subprotocols: Sequence[str] = ("chat.v1", "chat.v2"),
) -> str:
    """Tell what ``ask`` says of a connection to ``address``, or how that was refused."""
    try:
        async with connect(
            address,
            origin=Origin(origin) if origin else None,
            compression=compression,
            subprotocols=[Subprotocol(name) for name in subprotocols],
            max_size=None,
            proxy=None,
            logger=_quiet,
        ) as client:
            return await ask(client)
    except InvalidStatus as error:
        return f"HTTP {error.response.status_code}"
    except (InvalidHandshake, OSError) as error:
        return f"no connection: {error}"


async def first_ping(world: World, address: str) -> str:
    """Tell after how many virtual seconds a silent client is pinged."""
    now = asyncio.get_running_loop().time
    served = Served(urlsplit(address).port, "", silence=_nothing)
    async with world.connect(served) as client:
        page = (("Origin", SHOP), ("Sec-WebSocket-Protocol", "chat.v2"))
        seen = await client.upgrade(headers=page)
        if not seen.startswith("HTTP 101"):
            return seen
        began_s = now()
        while now() < began_s + SILENT_S:
            seen = await client.receive()
            if seen.startswith("PING"):
                return f"a ping after {now() - began_s:g} s"
            if seen != SILENCE:
                return seen
    return f"no ping within {SILENT_S} seconds"


async def _nothing() -> str:
    return SILENCE


async def openness(client: ClientConnection) -> str:
    """Tell that the connection is open."""
    return "open"


async def echo_of(message: bytes, client: ClientConnection) -> str:
    """Tell what comes back for ``message``."""
    await client.send(message)
    try:
        return f"{len(await client.recv()):,} bytes come back"
    except ConnectionClosed:
        return f"closed with {client.close_code}"


async def subprotocol(client: ClientConnection) -> str:
    """Tell what both sides speak."""
    return client.subprotocol or "no subprotocol"


async def extensions(client: ClientConnection) -> str:
    """Tell which extensions the server accepted."""
    assert client.response is not None
    return client.response.headers.get("Sec-WebSocket-Extensions", "no extension")

"""Servers by name, from a notebook or the command line. Holds no server of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import socket
import sys
from collections.abc import Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeGuard

from labkit.errors import UsageError

if TYPE_CHECKING:
    from socketio import AsyncServer

    from .handler import Handler

#: What a server's module offers: a context that yields the bound host and port.
Lifetime: TypeAlias = contextlib.AbstractAsyncContextManager[tuple[str, int]]
OpenServer: TypeAlias = Callable[[str, int], Lifetime]

#: Name → the module whose ``open_server`` runs it. A module is imported when it is asked for.
SERVERS = {
    "delivery": "labkit.servers.delivery",
    "echo": "labkit.servers.echo",
    "handmade": "labkit.servers.handmade",
}

# An event loop holds its tasks by weak references; a server must outlive the cell that starts it.
_running: set[asyncio.Task[None]] = set()


class Serving:
    """A server from its start to its end; `serve` makes one.

    ``address`` is where it listens, once it is started. Both forms start it::

        async with serve("echo") as server: ...

        server = await serve("echo")
        ...
        await server.close()
    """

    def __init__(
        self, name: str, open_server: OpenServer, *, host: str, port: int, scheme: str = "ws"
    ) -> None:
        self.name = name
        self.address = ""
        self._scheme = scheme
        self._open_server = open_server
        self._host = host
        self._port = port
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        """Start to serve; return when connections are accepted. Once started, do nothing.

        Raises UsageError if the host and the port cannot be had.
        """
        if self._task is None:
            loop = asyncio.get_running_loop()
            bound: asyncio.Future[tuple[str, int]] = loop.create_future()
            # A task of its own: one cell of a notebook starts the server, another one closes it,
            # and a context manager with a task group inside must be left by the task that entered.
            self._task = task = loop.create_task(self._run(bound))
            _running.add(task)
            task.add_done_callback(_running.discard)
            either: set[asyncio.Future[Any]] = {bound, task}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                self._closing.set()
                raise
            if task.done():
                self._task = None
                self._raise_refusal(task)
            self.address = _address(self._scheme, *bound.result())
        return self

    async def close(self) -> None:
        """Stop accepting, close every connection with 1001 (going away), wait until all ended."""
        self._closing.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self, bound: asyncio.Future[tuple[str, int]]) -> None:
        async with self._open_server(self._host, self._port) as host_and_port:
            bound.set_result(host_and_port)
            await self._closing.wait()

    def _raise_refusal(self, task: asyncio.Task[None]) -> None:
        try:
            task.result()
        except UsageError:
            # A kernel with labkit's extension knows better who has the port.
            raise
        except OSError as error:
            raise UsageError(_refusal(error, self._host, self._port)) from error

    def __await__(self) -> Generator[Any, None, Self]:
        return self.start().__await__()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        match self._task:
            case None:
                state = "not started"
            case task if task.done():
                state = "closed"
            case _:
                state = "closing" if self._closing.is_set() else "open"
        return f"Serving({self.name}, {state})"


def serve(what: str | Handler | AsyncServer, *, host: str = "127.0.0.1", port: int = 0) -> Serving:
    """Return a server to ``await`` or to enter: one of `SERVERS` by name, or one of your own.

    A handler is what the ``websockets`` library serves: ``async def handler(connection)``. A
    ``socketio.AsyncServer`` gets an ``http://`` address, as its clients want it.
    Port 0 takes any free port; ``address`` of the result names it.

    Raises UsageError if there is no such server.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"port {port} is out of range; choose one from 1 to 65535, or 0 for any")
    if isinstance(what, str):
        return Serving(what, _named(what), host=host, port=port)
    if _is_socketio(what):
        return Serving("socketio", _of_socketio(what), host=host, port=port, scheme="http")
    if not callable(what):
        raise UsageError(
            "serve() takes a server's name, an async function or a socketio.AsyncServer, "
            f"not {type(what).__name__}"
        )
    return Serving(_name_of(what), _handled(what), host=host, port=port)


def _named(name: str) -> OpenServer:
    if name not in SERVERS:
        raise UsageError(f"there is no server {name!r}; choose one of {', '.join(SERVERS)}")
    open_server: OpenServer = importlib.import_module(SERVERS[name]).open_server
    return open_server


def _handled(handler: Handler) -> OpenServer:
    from .handler import open_handler

    return lambda host, port: open_handler(handler, host, port)


def _is_socketio(what: Handler | AsyncServer) -> TypeGuard[AsyncServer]:
    # Who holds such a server has imported the library. Nobody else pays for it.
    library = sys.modules.get("socketio")
    return library is not None and isinstance(what, library.AsyncServer)


def _of_socketio(sio: AsyncServer) -> OpenServer:
    from .socketio import open_socketio

    return lambda host, port: open_socketio(sio, host, port)


def _name_of(handler: Handler) -> str:
    return getattr(handler, "__name__", type(handler).__name__)


def _address(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _refusal(error: OSError, host: str, port: int) -> str:
    """Say in one sentence why ``host`` and ``port`` cannot be had, and what to do."""
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {port} on {host} is taken, maybe by this server, started before: close that "
                f"one (`labkit doctor` names it), or use port 0 for any free port"
            )
        case errno.EACCES:
            return f"port {port} on {host} is reserved for the system; choose one above 1023"
        case errno.EADDRNOTAVAIL | socket.EAI_NONAME:
            return f"{host} is not an address of this machine; use 127.0.0.1"
        case _:
            return f"cannot listen on port {port} of {host}: {error.strerror}"

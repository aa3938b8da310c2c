"""Which cell opens which server and connection on the kernel's loop. Closes none of them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from labkit.errors import UsageError
from labkit.kernel.belongings import Belongings
from labkit.kernel.cells import Cell, current

Factory: TypeAlias = Callable[[], Any]
Opener: TypeAlias = Callable[..., Awaitable[Any]]

OPEN_A_SERVER = ("create_server", "create_unix_server")
OPEN_A_CONNECTION = ("create_connection", "create_unix_connection", "create_datagram_endpoint")


class PortInUse(UsageError, OSError):
    """A server cannot have its port. It is also the ``OSError`` that asyncio would have raised."""

    def __str__(self) -> str:
        return str(self.strerror)


class Openings:
    """Looks over the shoulder of the loop's ``create_…`` methods while a cell's code calls them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, belongings: Belongings) -> None:
        self._loop = loop
        self._belongings = belongings
        self._ours: dict[str, Opener] = {}

    def begin(self) -> None:
        """Note what is opened from now on."""
        for name in OPEN_A_SERVER:
            self._ours[name] = self._watch_server(getattr(self._loop, name))
        for name in OPEN_A_CONNECTION:
            self._ours[name] = self._watch_connection(getattr(self._loop, name))
        for name, opener in self._ours.items():
            setattr(self._loop, name, opener)

    def end(self) -> None:
        """Leave the loop's methods as they were."""
        for name, opener in self._ours.items():
            if vars(self._loop).get(name) is opener:
                delattr(self._loop, name)

    def _watch_server(self, open_server: Opener) -> Opener:
        @functools.wraps(open_server)
        async def watched(factory: Factory, *arguments: Any, **options: Any) -> Any:
            if (cell := current.get()) is None:
                return await open_server(factory, *arguments, **options)
            try:
                server = await open_server(self._noting(factory, cell), *arguments, **options)
            except OSError as error:
                port = options.get("port", arguments[1] if len(arguments) > 1 else None)
                if error.errno != errno.EADDRINUSE or not isinstance(port, int):
                    raise
                raise PortInUse(error.errno, self._explain(port)) from None
            self._belongings.note_server(server, cell)
            return server

        return watched

    def _watch_connection(self, open_connection: Opener) -> Opener:
        @functools.wraps(open_connection)
        async def watched(*arguments: Any, **options: Any) -> Any:
            cell = current.get()
            transport, protocol = await open_connection(*arguments, **options)
            if cell is not None:
                self._belongings.note_connection(transport, cell)
            return transport, protocol

        return watched

    def _noting(self, factory: Factory, cell: Cell) -> Factory:
        """Return a ``factory`` of protocols that tell of their transport, once they have one."""

        def make() -> Any:
            protocol = factory()
            connection_made = protocol.connection_made

            def noted(transport: asyncio.BaseTransport) -> None:
                del protocol.connection_made
                self._belongings.note_connection(transport, cell)
                connection_made(transport)

            # A protocol with slots takes no attribute, and is left to its owner.
            with contextlib.suppress(AttributeError):
                protocol.connection_made = noted
            return protocol

        return make

    def _explain(self, port: int) -> str:
        """Say who has ``port``, and what to do."""
        for server, cell in self._belongings.servers():
            if any(socket.getsockname()[1:2] == (port,) for socket in server.sockets):
                return (
                    f"port {port} is taken by the server of {cell}: close that one first "
                    "(`server.close()`), or use port 0 for any free port"
                )
        if port in _ports_of_this_process():
            who = "something else in this notebook's kernel, for example a server in a thread"
        else:
            who = "another program, or another notebook's kernel"
        return f"port {port} is taken by {who}: end that first, or use port 0 for any free port"


def _ports_of_this_process() -> set[int]:
    # ipykernel brings it along.
    import psutil  # type: ignore[import-untyped]

    try:
        sockets = psutil.Process().net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return set()
    return {socket.laddr[1] for socket in sockets if socket.status == psutil.CONN_LISTEN}

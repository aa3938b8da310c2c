"""An asyncio event loop in a simulated network. asyncio's own transports run on it, unchanged.

What asyncio does with a socket it does here with a simulated one: accept, send until there is no
more room, be told when there is. Only where asyncio makes real sockets, this loop makes others.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from labkit.errors import UsageError
from labkit.simnet.hosts import ANY
from labkit.simnet.refusals import SOCKETS, TLS, refuse
from labkit.simnet.seam import Address
from labkit.simnet.sockets import Socket
from labkit.simnet.tasks import current_host
from labkit.simnet.virtual import VirtualLoop

__all__ = ["SimLoop", "current_host"]


class SimLoop(VirtualLoop):
    """An event loop whose network is simulated."""

    async def create_connection(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        **options: Any,
    ) -> Any:
        """Connect to a simulated host. See ``asyncio``; ``ssl`` is refused."""
        _refuse_tls(ssl)
        if sock is None:
            sock = await self._connected(host or "localhost", int(port or 0))
        return await super().create_connection(protocol_factory, sock=_own(sock))

    async def create_server(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | Iterable[str] | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        backlog: int = 100,
        start_serving: bool = True,
        **options: Any,
    ) -> Any:
        """Listen on this code's simulated host. See ``asyncio``; ``ssl`` is refused."""
        _refuse_tls(ssl)
        bound: list[Any] = [_own(sock)] if sock else self._bound(host, port or 0)
        server: Any = await super().create_server(
            protocol_factory, sock=bound[0], backlog=backlog, start_serving=False
        )
        # asyncio makes the sockets of several hosts itself, and takes no more than one from others.
        server._sockets.extend(bound[1:])
        if start_serving:
            await server.start_serving()
        return server

    async def create_unix_connection(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        path: str | None = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        **options: Any,
    ) -> Any:
        """Connect to a path on this code's simulated host. See ``asyncio``."""
        _refuse_tls(ssl)
        if sock is None:
            sock = self._sockets.open(current_host.get(), socket.AF_UNIX)
            await self._connect(sock, _path(path))
        return await super().create_connection(protocol_factory, sock=_own(sock))

    async def create_unix_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        path: str | None = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        backlog: int = 100,
        start_serving: bool = True,
        **options: Any,
    ) -> Any:
        """Listen at a path on this code's simulated host. See ``asyncio``."""
        _refuse_tls(ssl)
        if sock is None:
            sock = self._sockets.open(current_host.get(), socket.AF_UNIX)
            sock.bind(_path(path))
        return await super().create_server(
            protocol_factory, sock=_own(sock), backlog=backlog, start_serving=start_serving
        )

    async def getaddrinfo(  # type: ignore[override]
        self, host: str | None, port: int | str | None, **_: Any
    ) -> list[Any]:
        """Return the addresses of a simulated host. Raises ``socket.gaierror``."""
        addresses = [ANY] if host is None else self._network.resolve(current_host.get(), host)
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, int(port or 0))) for address in addresses]

    async def _connected(self, host: str, port: int) -> Socket:
        failures: list[OSError] = []
        origin = current_host.get()
        for address in self._network.resolve(origin, host):
            sock = self._sockets.open(origin)
            try:
                await self._connect(sock, (address, port))
            except OSError as error:
                failures.append(error)
            else:
                return sock
        try:
            raise failures[0]
        finally:
            # Else it refers to itself, and only the garbage collector would find it.
            failures.clear()

    async def _connect(self, sock: Socket, address: Address) -> None:
        done: asyncio.Future[None] = self.create_future()
        # asyncio waits until the socket is writable: a selector's way to say the same, later.
        sock.decided = partial(self._sock_connect_cb, done, sock, address)  # type: ignore[attr-defined]
        try:
            with contextlib.suppress(BlockingIOError):
                sock.connect(address)
            await done
        except BaseException:
            sock.close()
            raise
        finally:
            # For the same reason.
            del done

    def _bound(self, host: str | Iterable[str] | None, port: int) -> list[Socket]:
        names = [host or None] if host is None or isinstance(host, str) else list(host)
        origin = current_host.get()
        bound: list[Socket] = []
        try:
            for name in names:
                for address in [ANY] if name is None else self._network.resolve(origin, name):
                    bound.append(self._sockets.open(origin))
                    bound[-1].bind((address, port))
        except OSError:
            for sock in bound:
                sock.close()
            raise
        return bound


def _refuse_tls(wanted: object) -> None:
    if wanted:
        refuse(TLS)


def _own(sock: Any) -> Any:
    if not isinstance(sock, Socket):
        refuse(SOCKETS)
    return sock


def _path(path: str | None) -> Address:
    if not path or "/" not in path:
        raise UsageError(f"a Unix socket needs a path with a '/'; got {path!r}")
    return path, 0

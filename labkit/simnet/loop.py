"""An asyncio event loop in a simulated network. asyncio's own transports run on it, unchanged.

What asyncio does with a socket it does here with a simulated one: accept, send until there is no
more room, be told when there is. Only where asyncio makes real sockets, this loop makes others.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextvars import ContextVar
from dataclasses import astuple
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from labkit.errors import SimulationError, UsageError
from labkit.simnet.hosts import ANY
from labkit.simnet.schedule import seconds
from labkit.simnet.seam import Address, Network
from labkit.simnet.selector import Selector
from labkit.simnet.sockets import Socket, Sockets
from labkit.simnet.waiting import table, waiting

Arguments = TypeVarTuple("Arguments")
Value = TypeVar("Value")

#: On which host the current code runs. Tasks that it starts run there, too.
current_host: ContextVar[str] = ContextVar("current_host", default="localhost")

#: How long a thread may keep the simulation waiting, in real seconds.
THREAD_S = 10.0


class SimLoop(BaseSelectorEventLoop):
    """An event loop whose network is ``network``, and whose clock is the network's."""

    def __init__(self, network: Network) -> None:
        self._sockets = Sockets(network)
        self._network = network
        self._is_woken = threading.Event()
        self._in_threads: set[asyncio.Future[Any]] = set()
        super().__init__(Selector(self._sockets, self._rest))
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return seconds(self._sockets.now_ns)

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
            sock = await self._connected(host or "localhost", port or 0)
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

    async def start_tls(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: there is no TLS in a simulated network."""
        _refuse_tls(True)
        raise AssertionError

    async def getaddrinfo(  # type: ignore[override]
        self, host: str | None, port: int | str | None, **_: Any
    ) -> list[Any]:
        """Return the addresses of a simulated host. Raises ``socket.gaierror``."""
        addresses = [ANY] if host is None else self._network.resolve(current_host.get(), host)
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, int(port or 0))) for address in addresses]

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Arguments], Value],
        *args: *Arguments,
    ) -> asyncio.Future[Value]:
        """Run ``func`` in a real thread. Virtual time stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._in_threads.add(future)
        future.add_done_callback(self._in_threads.discard)
        return future

    async def _connected(self, host: str, port: int) -> Socket:
        failures: list[OSError] = []
        for *_, address in await self.getaddrinfo(host, port):
            sock = self._sockets.open(current_host.get())
            try:
                await self._connect(sock, address)
            except OSError as error:
                sock.close()
                failures.append(error)
            else:
                return sock
        raise failures[0]

    async def _connect(self, sock: Socket, address: Address) -> None:
        done: asyncio.Future[None] = self.create_future()
        try:
            self._sock_connect(done, sock, address)  # type: ignore[attr-defined]
            await done
        except BaseException:
            sock.close()
            raise

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

    def _rest(self, until_ns: int | None) -> None:
        if self._in_threads:
            if not self._is_woken.wait(THREAD_S):
                raise UsageError(f"a thread has not come back for {THREAD_S:g} s of real time")
            self._is_woken.clear()
            return
        try:
            self._sockets.wait(until_ns)
        except SimulationError as error:
            waits = sorted(map(waiting, asyncio.all_tasks(self)), key=astuple)
            raise type(error)(f"{error}\n{table(waits)}") from None

    # In place of a pipe to itself, which wakes asyncio's own loops.

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        self._is_woken.set()

    def _process_events(self, event_list: Any) -> None:
        self._is_woken.clear()
        super()._process_events(event_list)  # type: ignore[misc]


def _refuse_tls(wanted: object) -> None:
    if wanted:
        raise UsageError(
            "a simulated network has no TLS: connect with ws://, and serve without ssl"
        )


def _own(sock: Any) -> Any:
    if not isinstance(sock, Socket):
        raise UsageError("a simulated network takes no real socket: give a host and a port")
    return sock


def _path(path: str | None) -> Address:
    if not path or "/" not in path:
        raise UsageError(f"a Unix socket needs a path with a '/'; got {path!r}")
    return path, 0

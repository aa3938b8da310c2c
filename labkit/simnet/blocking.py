"""What ``socket`` makes and looks up in the threads of a simulation. Moves no time itself.

In a thread that a simulated loop has started (``asyncio.to_thread``, ``run_in_executor``), sockets
are simulated, and with them all that stands on them: ``socket.create_connection``, ``http.client``,
``urllib.request.urlopen``. Whoever waits for one rests there like one who sleeps: virtual time
passes, and everybody else goes on. On the loop's own thread nobody may wait: that is Blocked.

Refused are UDP, IPv6, TLS, a subclass of ``socket.socket``, and what waits for a descriptor:
``select``, ``selectors``, and with them ``socketserver`` and ``websockets.sync``. Not simulated is
the worker of an executor of another kind: such a thread makes real sockets, and may not use
simulated ones. Real is also what is made of a descriptor, as ``socket.socketpair`` does.
"""

from __future__ import annotations

import _socket
import contextlib
import functools
import os
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from labkit.simnet.access import Access, addresses, here
from labkit.simnet.hosts import ANY, LOOPBACK
from labkit.simnet.refusals import refuse
from labkit.simnet.shared import Shared, replaced
from labkit.simnet.sync import BlockingSocket
from labkit.simnet.tasks import current_host

_TLS = "a simulated network has no TLS: connect with http:// or ws://"
_KINDS = "a simulated network looks up TCP and IPv4 addresses alone: ask for AF_INET, SOCK_STREAM"
_PLAIN = "a simulated network makes plain sockets alone: call socket.socket, not a subclass"
_NAMES = "a simulated network has no names for addresses: look a host up with socket.getaddrinfo"


@contextlib.contextmanager
def blocking_sockets(access: Access) -> Iterator[None]:
    """Have this thread's sockets be simulated. See ``VirtualLoop.access``.

    >>> from labkit.simnet.loop import SimLoop
    >>> from labkit.simnet.process import Process
    >>> from labkit.simnet.world import World
    >>> loop = SimLoop(Process(World()))
    >>> with blocking_sockets(loop.access):
    ...     socket.socket()
    <blocking <simulated socket 1000 of localhost>>
    >>> loop.close()
    """
    before = here.access
    with _IN_PLACE:
        here.access = access
        try:
            yield
        finally:
            here.access = before


def _by_thread(simulated: Callable[..., Any], real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(*args: Any, **options: Any) -> Any:
        if here.access is None:
            return real(*args, **options)
        return simulated(here.access, *args, **options)

    return call


def _making(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def new(cls: type, *args: Any, **options: Any) -> Any:
        is_of_descriptor = len(args) > 3 or options.get("fileno") is not None
        if here.access is None or is_of_descriptor:
            return real(cls, *args, **options)
        if cls is not socket.socket:
            refuse(_PLAIN)
        return BlockingSocket.__new__(BlockingSocket)

    return new


def _without_tls(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def wrap_socket(context: Any, sock: Any, *args: Any, **options: Any) -> Any:
        if isinstance(sock, BlockingSocket):
            refuse(_TLS)
        return real(context, sock, *args, **options)

    return wrap_socket


def _getaddrinfo(
    access: Access,
    host: Any,
    port: Any,
    family: int = 0,
    type: int = 0,
    proto: int = 0,
    flags: int = 0,
) -> list[Any]:
    if family not in (socket.AF_UNSPEC, socket.AF_INET) or type not in (0, socket.SOCK_STREAM):
        refuse(_KINDS)
    if host is None:
        found = [ANY if flags & socket.AI_PASSIVE else LOOPBACK]
    else:
        found = _looked_up(access, host)
    if isinstance(port, str | bytes):
        port = _port(os.fsdecode(port))
    kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    return [(*kind, (address, port or 0)) for address in found]


def _port(text: str) -> int:
    return int(text) if text.isdecimal() else socket.getservbyname(text, "tcp")


def _looked_up(access: Access, name: str | bytes) -> list[str]:
    with access.alone():
        return addresses(access.sockets, current_host.get(), name)


def _gethostbyname(access: Access, name: str) -> str:
    return _looked_up(access, name)[0]


def _gethostname(access: Access) -> str:
    return current_host.get()


def _no_names(*_: Any, **__: Any) -> None:
    refuse(_NAMES)


_LOOK_UPS: list[tuple[Any, str, Callable[..., Any]]] = [
    # What `socket.getaddrinfo` calls, wherever that was imported to.
    (_socket, "getaddrinfo", _getaddrinfo),
    (socket, "gethostbyname", _gethostbyname),
    (socket, "gethostname", _gethostname),
    (socket, "gethostbyname_ex", _no_names),
    (socket, "gethostbyaddr", _no_names),
    (socket, "getnameinfo", _no_names),
]


@contextlib.contextmanager
def _all_replaced() -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        # Not the class: it may have been imported anywhere, and what is made of it is asked for it.
        stack.enter_context(replaced(socket.socket, "__new__", _making))
        for owner, name, simulated in _LOOK_UPS:
            stack.enter_context(replaced(owner, name, partial(_by_thread, simulated)))
        # asyncio has imported it, where there is one.
        if (ssl := sys.modules.get("ssl")) is not None:
            stack.enter_context(replaced(ssl.SSLContext, "wrap_socket", _without_tls))
        yield


_IN_PLACE = Shared(_all_replaced)

"""How the code of a thread reaches a simulated network, and by what names. Makes no sockets."""

from __future__ import annotations

import operator
import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from labkit.simnet.hosts import ANY
from labkit.simnet.refusals import refuse
from labkit.simnet.seam import Address
from labkit.simnet.sockets import Sockets

_OUTSIDE = (
    "a simulated socket works only in the threads of its simulation: use it in a function that "
    "asyncio.to_thread runs"
)


@dataclass(frozen=True)
class Access:
    """What a blocking socket needs of the thread in which it is used.

    A thread inside of ``alone`` has the network to itself. ``wait`` is told the name of a call, and
    when that can be done; it comes back then, and at a time at the latest.
    """

    sockets: Sockets
    alone: Callable[[], AbstractContextManager[object]]
    wait: Callable[[str, Callable[[], object], int | None], object]


class _Here(threading.local):
    access: Access | None = None


#: The access that this thread has.
here = _Here()


def reached(sockets: Sockets | None = None) -> Access:
    """Return the access of this thread. Raises UsageError if it has none, or not to ``sockets``."""
    access = here.access
    if access is None or sockets not in (None, access.sockets):
        refuse(_OUTSIDE)
    return access


def addresses(sockets: Sockets, host: str, name: str | bytes) -> list[str]:
    """Return the IP addresses of ``name``, as seen from ``host``. Raises ``socket.gaierror``."""
    return sockets.network.resolve(host, os.fsdecode(name))


def destination(sockets: Sockets, host: str, family: int, address: Any) -> Address:
    """Return what the network knows the address by that a socket of ``host`` was given."""
    if family != socket.AF_INET:
        path = os.fsdecode(address)
        if "/" not in path:
            refuse(f"a Unix socket needs a path with a '/'; got {path!r}")
        return path, 0
    name, port = address
    if not 0 <= operator.index(port) <= 65535:
        raise OverflowError("port must be 0-65535.")
    return addresses(sockets, host, name)[0] if name else ANY, port

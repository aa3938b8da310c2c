"""A blocking socket over a simulated one that never blocks. Moves no time itself.

How a call waits is decided by the thread that makes it: see Access.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

from labkit.simnet.access import Access, destination, here, reached
from labkit.simnet.refusals import refuse
from labkit.simnet.schedule import nanoseconds
from labkit.simnet.seam import Address
from labkit.simnet.sockets import READ, WRITE, Socket, Sockets
from labkit.simnet.tasks import current_host

Value = TypeVar("Value")

_KINDS = "a simulated network has neither UDP nor IPv6: make a socket of AF_INET and SOCK_STREAM"
_DATAGRAMS = "a simulated socket is a stream, with send and recv alone"
_DESCRIPTOR = "a simulated socket has no descriptor, and no select: wait for it with settimeout"
_FLAGS = "a simulated socket knows no flags: call it without"
_SOURCE = "a simulated host chooses itself from where it connects: give no source address"

_UNIX = getattr(socket, "AF_UNIX", None)


class BlockingSocket(socket.socket):
    """A stream socket of the host on which it is made. See ``socket``.

    Inherited is what Python's own is written in: ``with``, and ``makefile``, whose files keep it
    open.
    """

    def __new__(cls, *_: Any, **__: Any) -> BlockingSocket:
        """Return one that the system knows nothing of."""
        return _socket.socket.__new__(cls)

    def __init__(
        self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None
    ) -> None:
        """Make a TCP or Unix stream socket; others are refused."""
        if family not in (-1, socket.AF_INET, _UNIX) or type not in (-1, socket.SOCK_STREAM):
            refuse(_KINDS)
        access = reached()
        family = socket.AF_INET if family == -1 else family
        with access.alone():
            stream = access.sockets.open(current_host.get(), family)
        self._stand_on(access.sockets, stream)

    def _stand_on(self, sockets: Sockets, stream: Socket) -> None:
        # By these `makefile` and `close` know whether anybody still uses it.
        self._io_refs, self._closed = 0, False
        self._sockets = sockets
        self._stream = stream
        self._timeout = socket.getdefaulttimeout()
        self._has_begun = False
        self._is_connected = False
        self._is_bound = False

    def __repr__(self) -> str:
        return f"<blocking {self._stream!r}>"

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET or AF_UNIX."""
        return socket.AddressFamily(self._stream.family)

    @property
    def type(self) -> socket.SocketKind:
        """SOCK_STREAM."""
        return socket.SOCK_STREAM

    @property
    def proto(self) -> int:
        """0: there is but one."""
        return 0

    @property
    def timeout(self) -> float | None:
        """How many virtual seconds a call may wait; None: as long as it takes."""
        return self._timeout

    def gettimeout(self) -> float | None:
        """Return ``timeout``."""
        return self._timeout

    def settimeout(self, value: float | None, /) -> None:
        """Set ``timeout``."""
        if value is not None and value < 0:
            raise ValueError("Timeout value out of range")
        self._timeout = value

    def getblocking(self) -> bool:
        """Whether a call waits at all."""
        return self._timeout != 0

    def setblocking(self, flag: bool, /) -> None:
        """Have calls wait as long as it takes, or not at all."""
        self._timeout = None if flag else 0.0

    def getsockopt(self, level: int, option: int, size: int = 0, /) -> Any:
        """Return the kind for SO_TYPE, the pending error for SO_ERROR, and 0 for the rest."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_TYPE):
            return int(self.type)
        return self._at_once(partial(self._stream.getsockopt, level, option))

    def setsockopt(self, *_: Any) -> None:
        """Do nothing: a simulated network is set up elsewhere."""

    def getsockname(self) -> Any:
        """Return the own address."""
        return self._at_once(self._stream.getsockname)

    def getpeername(self) -> Any:
        """Return the address of the other end. Raises OSError if there is none."""
        return self._at_once(self._stream.getpeername)

    def bind(self, address: Any, /) -> None:
        """Listen at ``address``, from now on. Raises OSError if that cannot be."""
        self._at_once(lambda: self._stream.bind(self._resolved(address)))
        self._is_bound = True

    def listen(self, backlog: int = 0, /) -> None:
        """Listen at any free port, if it was not bound."""
        if not self._is_bound:
            self.bind(("", 0))

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection and where it is from."""
        stream, peer = self._when_ready("accept", READ, self._stream.accept, self._until_ns())
        accepted = BlockingSocket.__new__(BlockingSocket)
        accepted._stand_on(self._sockets, stream)
        accepted._is_connected = True
        return accepted, peer

    def connect(self, address: Any, /) -> None:
        """Connect. Raises OSError if that fails; it may be tried again."""
        if self._is_bound:
            refuse(_SOURCE)
        if self._is_connected:
            raise _error(errno.EISCONN)
        until_ns = self._until_ns()
        self._at_once(lambda: self._begin(address))
        self._when_ready("connect", WRITE, self._conclude, until_ns)

    def connect_ex(self, address: Any, /) -> int:
        """Connect; return the number of the error, 0 for none."""
        try:
            self.connect(address)
        except socket.gaierror:
            raise
        except OSError as error:
            return error.errno or errno.EAGAIN
        return 0

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send what there is room for; return how much."""
        self._refuse_flags(flags)
        view = memoryview(data).cast("B")
        return self._when_ready("send", WRITE, lambda: self._stream.send(view), self._until_ns())

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send everything, within one timeout."""
        self._refuse_flags(flags)
        view, until_ns = memoryview(data).cast("B"), self._until_ns()
        while view:
            send = partial(self._stream.send, view)
            view = view[self._when_ready("sendall", WRITE, send, until_ns) :]

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Return what has arrived, b"" at the end."""
        self._refuse_flags(flags)
        if size < 0:
            raise ValueError("negative buffersize in recv")
        return self._when_ready("recv", READ, lambda: self._heard(size), self._until_ns())

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Read into ``buffer``; return how much."""
        view = memoryview(buffer).cast("B")
        data = self.recv(size or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def shutdown(self, how: int, /) -> None:
        """Send no more. Raises OSError if not connected."""
        self._at_once(partial(self._stream.shutdown, how))

    def fileno(self) -> int:
        """Refuse: what waits for a descriptor waits in real time."""
        refuse(_DESCRIPTOR)

    def detach(self) -> int:
        """Refuse, as ``fileno`` does."""
        refuse(_DESCRIPTOR)

    def _stream_only(self, *_: Any, **__: Any) -> NoReturn:
        refuse(_DATAGRAMS)

    sendto: Any = _stream_only
    sendmsg: Any = _stream_only
    recvfrom: Any = _stream_only
    recvfrom_into: Any = _stream_only
    recvmsg: Any = _stream_only
    recvmsg_into: Any = _stream_only

    def _real_close(self, *_: Any) -> None:
        # Python calls it when neither the socket nor a file of it is in use any more; the garbage
        # collector does so in any thread, and after the end: then nobody is left to hear of it.
        access = here.access
        if access is not None and access.sockets is self._sockets:
            with access.alone():
                self._stream.close()

    def _begin(self, address: Any) -> None:
        if self._has_begun:
            return
        try:
            self._stream.connect(self._resolved(address))
        except BlockingIOError:
            self._has_begun = True

    def _conclude(self) -> None:
        if not self._stream.readiness() & WRITE:
            raise _error(errno.EINPROGRESS)
        number = self._stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._is_connected = not number
        if number:
            self._stream.close()
            self._stream = self._sockets.open(self._stream.host, self._stream.family)
            self._has_begun = False
            raise _error(number)

    def _heard(self, size: int) -> bytes:
        self._stream.getpeername()
        return self._stream.recv(size)

    def _until_ns(self) -> int | None:
        if self._timeout is None:
            return None
        return self._sockets.now_ns + nanoseconds(self._timeout)

    def _at_once(self, act: Callable[[], Value]) -> Value:
        with self._access().alone():
            return act()

    def _when_ready(
        self, call: str, events: int, act: Callable[[], Value], until_ns: int | None
    ) -> Value:
        access = self._access()
        while True:
            with access.alone():
                try:
                    return act()
                except BlockingIOError as error:
                    if self._timeout == 0:
                        raise _error(error.errno or errno.EAGAIN) from None
            if until_ns is not None and until_ns <= self._sockets.now_ns:
                raise TimeoutError("timed out")
            access.wait(f"socket.{call}", lambda: self._stream.readiness() & events, until_ns)

    def _access(self) -> Access:
        access = reached(self._sockets)
        if self._stream.fileno() == -1:
            raise _error(errno.EBADF)
        return access

    def _resolved(self, address: Any) -> Address:
        return destination(self._sockets, self._stream.host, self._stream.family, address)

    def _refuse_flags(self, flags: int) -> None:
        if flags & ~getattr(socket, "MSG_NOSIGNAL", 0):
            refuse(_FLAGS)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))

"""Sockets of a simulated network. They never block; asyncio's own transports use them.

A socket keeps what has arrived until it is read, so that whoever stops reading fills, as on Linux,
first its own receive buffer, then the sender's send buffer, and then the sender's memory.
"""

from __future__ import annotations

import errno
import itertools
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from labkit.simnet.seam import (
    Accepted,
    Acknowledged,
    Address,
    Broken,
    Connected,
    Crashed,
    Ended,
    Event,
    Network,
    Received,
    Told,
)

Bytes: TypeAlias = bytes | bytearray | memoryview

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Sockets:
    """The sockets of one event loop, by the numbers that the loop and the network give them."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.now_ns = network.begin()
        #: Called with what the loop is told.
        self.hear: Callable[[bytes], object] = lambda data: None
        #: Called with a host that has crashed.
        self.crashed: Callable[[str], object] = lambda host: None
        #: Those to which something has happened, by file descriptor, until nobody wants to know.
        self.active: dict[int, Socket] = {}
        self._by_descriptor: dict[int, Socket] = {}
        self._descriptors = itertools.count(1_000)
        self._by_number: dict[int, Socket] = {}

    def open(self, host: str, family: int = socket.AF_INET) -> Socket:
        """Return a new socket of ``host``."""
        one = Socket(self, next(self._descriptors), host, family)
        self._by_descriptor[one.fileno()] = one
        return one

    def look_at(self, descriptor: int) -> None:
        """Find out again what is wanted of a socket, and whether it is ready."""
        if (one := self._by_descriptor.get(descriptor)) is not None:
            self.active[descriptor] = one

    def wait(self, until_ns: int | None) -> None:
        """Let time pass until something happens, or until ``until_ns``."""
        self.now_ns, events = self.network.wait(until_ns)
        for event in events:
            self._take(event)

    def note(self, number: int, one: Socket) -> None:
        """Have events about ``number`` reach ``one``."""
        self._by_number[number] = one

    def forget(self, descriptor: int, number: int | None) -> None:
        """Be done with a socket, and with what the network knows it by."""
        self.active.pop(descriptor, None)
        self._by_descriptor.pop(descriptor, None)
        if number is not None:
            self._by_number.pop(number, None)

    def _take(self, event: Event) -> None:
        match event:
            case Told(data):
                self.hear(data)
            case Crashed(host):
                self.crashed(host)
            case Accepted(listener):
                self._give(listener, event)
            case _:
                self._give(event.socket, event)

    def _give(self, number: int, event: Event) -> None:
        if (one := self._by_number.get(number)) is not None:
            one.take(event)
            self.active[one.fileno()] = one


class Socket:
    """A TCP or Unix stream socket, as much of it as asyncio needs."""

    type = socket.SOCK_STREAM
    proto = 0

    def __init__(self, sockets: Sockets, descriptor: int, host: str, family: int) -> None:
        self.family = family
        self.host = host
        #: Called when it is known whether the connection is made.
        self.decided: Callable[[], object] | None = None
        self._sockets = sockets
        self._network = sockets.network
        self._descriptor = descriptor
        self._number: int | None = None
        self._is_listening = False
        self._is_connected = False
        self._has_finished = False
        self._has_ended = False
        self._errno = 0
        self._space = 0
        self._arrived: deque[bytes] = deque()
        self._callers: list[Socket] = []
        self._local: Address = ("0.0.0.0" if family == socket.AF_INET else "", 0)
        self._peer: Address | None = None

    def __repr__(self) -> str:
        return f"<simulated socket {self._descriptor} of {self.host}>"

    def readiness(self) -> int:
        """Return which of READ and WRITE would not block."""
        is_readable = self._arrived or self._has_ended or self._callers or self._errno
        is_writable = self._errno or self._has_finished or (self._is_connected and self._space)
        return (READ if is_readable else 0) | (WRITE if is_writable else 0)

    def take(self, event: Event) -> None:
        """Take in what has happened to this socket."""
        match event:
            case Received(_, data):
                self._arrived.append(data)
            case Acknowledged(_, size):
                self._space += size
            case Ended():
                self._has_ended = True
            case Accepted(_, number, local, peer, space):
                # What it sends may come before anybody asks for it.
                one = self._sockets.open(self.host, self.family)
                one._number, one._local, one._peer = number, local, peer
                one._is_connected, one._space = True, space
                self._sockets.note(number, one)
                self._callers.append(one)
            case Connected(_, space):
                self._is_connected, self._space = True, space
                self._decide()
            case Broken(_, number):
                self._errno, self._has_finished, self._is_connected = number, True, False
                self._decide()

    def fileno(self) -> int:
        """Return a number that no real file has; -1 when closed."""
        return self._descriptor

    def setblocking(self, flag: bool) -> None:
        """Do nothing: it never blocks."""

    def gettimeout(self) -> float:
        """Return 0.0: it never blocks."""
        return 0.0

    def setsockopt(self, *_: Any) -> None:
        """Do nothing: a simulated network is set up elsewhere."""

    def getsockopt(self, level: int, option: int) -> int:
        """Return the pending error for SO_ERROR, and 0 for everything else."""
        if (level, option) != (socket.SOL_SOCKET, socket.SO_ERROR):
            return 0
        number, self._errno = self._errno, 0
        return number

    def getsockname(self) -> Any:
        """Return the own address: a host and a port, or a path."""
        return self._local if self.family == socket.AF_INET else self._local[0]

    def getpeername(self) -> Any:
        """Return the address of the other end. Raises OSError if there is none."""
        if self._peer is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._peer if self.family == socket.AF_INET else self._peer[0]

    def bind(self, address: Address) -> None:
        """Listen at ``address``, from now on. Raises OSError if that cannot be."""
        number, self._local = self._network.listen(self.host, address)
        self._number, self._is_listening = number, True
        self._sockets.note(number, self)

    def listen(self, backlog: int = 0) -> None:
        """Do nothing: it listens since it was bound."""

    def accept(self) -> tuple[Socket, Any]:
        """Return a connection and where it is from. Raises BlockingIOError if there is none."""
        if not self._callers:
            raise BlockingIOError
        caller = self._callers.pop(0)
        return caller, caller.getpeername()

    def connect(self, address: Address) -> None:
        """Begin to connect. Raises BlockingIOError: it is not done yet."""
        self._number, self._local = self._network.connect(self.host, address)
        self._peer = address
        self._sockets.note(self._number, self)
        raise BlockingIOError(errno.EINPROGRESS, os.strerror(errno.EINPROGRESS))

    def recv(self, size: int) -> bytes:
        """Return what has arrived, b"" at the end. Raises BlockingIOError, or what has failed."""
        if not self._arrived:
            # Linux says that the end was heard even where the connection has failed since.
            if self._has_ended:
                return b""
            self._raise_error()
            raise BlockingIOError
        data = self._arrived.popleft()
        if len(data) > size:
            self._arrived.appendleft(data[size:])
            data = data[:size]
        if self._number is not None:
            self._network.consume(self._number, len(data))
        return data

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        """Read into ``buffer``; return how much."""
        view = memoryview(buffer)
        data = self.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def send(self, data: Bytes) -> int:
        """Send what there is room for; return how much. Raises BlockingIOError if there is none."""
        self._raise_error()
        if self._has_finished or self._number is None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        whole = bytes(data)
        if not self._space:
            raise BlockingIOError
        taken = whole[: self._space]
        self._space -= len(taken)
        self._network.send(self._number, taken)
        return len(taken)

    def sendmsg(self, buffers: Iterable[Bytes]) -> int:
        """Send ``buffers`` one after the other; see ``send``."""
        return self.send(b"".join(map(bytes, buffers)))

    def shutdown(self, how: int) -> None:
        """Send no more. Raises OSError if not connected."""
        if not self._is_connected or self._number is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        if how != socket.SHUT_RD:
            self._has_finished = True
            self._network.finish(self._number)

    def close(self) -> None:
        """Be done. Bytes that nobody has read break the connection off, as on Linux."""
        number, self._number = self._number, None
        self._sockets.forget(self._descriptor, number)
        self._descriptor = -1
        if number is None:
            return
        if self._is_listening:
            self._network.stop_listening(number)
            for caller in self._callers:
                caller.close()
        else:
            self._network.close(number, reset=bool(self._arrived))

    def _decide(self) -> None:
        if self.decided is not None:
            self.decided()
            self.decided = None

    def _raise_error(self) -> None:
        if self._errno:
            number, self._errno = self._errno, 0
            # What comes after an error is the end.
            self._has_ended = True
            raise OSError(number, os.strerror(number))

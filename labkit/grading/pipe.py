"""What crosses between the judge and the box, and how. Neither trusts nor judges what it carries.

A frame is a length, the number of the round it belongs to, and a body. In round 0, the box is told
the notebook's cells and announces each before it touches it. Every other round is one check: an
empty body of the judge begins it and ends it, and one of the box says that it is over there, too.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Callable
from multiprocessing.connection import wait

import msgspec

MAX_BODY = 16 * 1024 * 1024
#: How long the rest of a frame may take that has begun to arrive, and how long one may take to
#: send.
FRAME_S = 2.0
_HEAD = struct.Struct("!IQ")


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """A cell of a notebook. ``is_code`` is what the notebook says of it."""

    source: str
    is_code: bool = True


class Prepare(msgspec.Struct, frozen=True):
    """Run ``cells``, which should define ``symbols``. ``skipped`` are not run: by index, why."""

    cells: list[Cell]
    symbols: list[str]
    skipped: dict[int, str]


class Running(msgspec.Struct, frozen=True, tag=True):
    """The cell of this index comes next."""

    cell: int


class Prepared(msgspec.Struct, frozen=True, tag=True):
    """Every cell was run; rounds may come."""


Progress = Running | Prepared

_to_prepare = msgspec.msgpack.Decoder(Prepare)
_progress: msgspec.msgpack.Decoder[Progress] = msgspec.msgpack.Decoder(Progress)


class ForeignData(OSError):
    """The other side sent something that is no frame that was asked for."""


def frame(number: int, body: bytes) -> bytes:
    """Return ``body`` as a frame.

    >>> frame(7, b"Spam").hex(" ")
    '00 00 00 04 00 00 00 00 00 00 00 07 53 70 61 6d'
    """
    return _HEAD.pack(len(body), number) + body


def read_progress(body: bytes) -> Progress:
    """Return what the box announces. Raises ``ForeignData`` if that is no progress."""
    try:
        return _progress.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ForeignData from error


class JudgeEnd:
    """The judge's end: of whoever is at the other, nothing is believed and nothing waited for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def poll(self, timeout: float) -> bool:
        """Wait for a frame for so many seconds; return whether one arrives."""
        return bool(wait([self._connection], timeout))

    def receive(self, number: int) -> bytes:
        """Return the body of the frame that arrives.

        Raises ``ForeignData`` unless that is numbered ``number``, within bounds, and whole; and
        EOFError at the end of the stream.
        """
        ends_s = time.monotonic() + FRAME_S
        size, found = _HEAD.unpack(self._exactly(_HEAD.size, ends_s))
        if found != number or size > MAX_BODY:
            raise ForeignData
        return self._exactly(size, ends_s)

    def send(self, number: int, body: bytes) -> None:
        """Send ``body``. Raises OSError if nobody takes it."""
        self._connection.settimeout(FRAME_S)
        self._connection.sendall(frame(number, body))

    def hang_up(self) -> None:
        """Let nothing more through. May be called from any thread, and again."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Be done with the connection."""
        self._connection.close()

    def _exactly(self, size: int, ends_s: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._connection.settimeout(max(0.001, ends_s - time.monotonic()))
            try:
                piece = self._connection.recv(size - len(data))
            except TimeoutError as error:
                raise ForeignData from error
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)


class BoxEnd:
    """The box's own end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def prepare(self) -> Prepare:
        """Return what the judge sends first."""
        _, body = self.receive() or (0, b"")
        return _to_prepare.decode(body)

    def announce(self, progress: Progress) -> None:
        """Tell the judge where the box is."""
        self.send(0, msgspec.msgpack.encode(progress))

    def receive(self) -> tuple[int, bytes] | None:
        """Return the next number and body, or None when the judge is gone."""
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        size, number = _HEAD.unpack(head)
        return number, self._file.read(size)

    def send(self, number: int, body: bytes) -> None:
        """Send ``body`` in the round ``number``."""
        self._connection.sendall(frame(number, body))

    def let_go(self) -> None:
        """Close the connection in this process, whoever else has it."""
        with contextlib.suppress(OSError):
            os.close(self._connection.detach())


class BoxRound:
    """A pipe that lasts for one round, at the box's end. See ``labkit.simnet.pipe.Pipe``."""

    def __init__(self, end: BoxEnd, number: int) -> None:
        self._end = end
        self._number = number

    def send_bytes(self, data: bytes) -> None:
        """Send a message."""
        self._end.send(self._number, data)

    def recv_bytes(self) -> bytes:
        """Return the next message. Raises EOFError when the round is over."""
        _, body = self._end.receive() or (0, b"")
        if not body:
            raise EOFError
        return body


class JudgeRound:
    """A pipe that lasts for one round, at the judge's end. See ``labkit.simnet.pipe.PolledPipe``.

    ``explain`` says what became of the box, when it is at fault or gone. ``is_sound`` turns false
    for good then.
    """

    def __init__(
        self, end: JudgeEnd, number: int, explain: Callable[[EOFError | OSError], str]
    ) -> None:
        self.is_sound = True
        self._end = end
        self._number = number
        self._explain = explain

    def send_bytes(self, data: bytes) -> None:
        """Send a message. Raises EOFError, with the reason, if nobody takes it."""
        try:
            self._end.send(self._number, data)
        except OSError as error:
            raise self._failed(error) from error

    def recv_bytes(self) -> bytes:
        """Return the next message. Raises EOFError, with the reason, if there is none."""
        try:
            if body := self._end.receive(self._number):
                return body
        except (EOFError, OSError) as error:
            raise self._failed(error) from error
        raise self._failed(None)

    def poll(self, timeout: float) -> bool:
        """Wait for a message for so many seconds; return whether there is one."""
        return self._end.poll(timeout)

    def _failed(self, error: EOFError | OSError | None) -> EOFError:
        self.is_sound = False
        return EOFError("its event loop has ended" if error is None else self._explain(error))

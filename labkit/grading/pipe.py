"""What crosses between the judge and the box, and how. Neither trusts nor judges what it carries.

A frame is a length, the number of the request it belongs to, and a body. The box is first told the
notebook's cells and announces each before it touches it. Then it replies to requests.
"""

from __future__ import annotations

import asyncio
import socket
import struct

import msgspec

from labkit.checks import plain
from labkit.checks.messages import Raised, Reply, Returned, unpack_reply

MAX_BODY = 8 * 1024 * 1024
#: A reply is words and, in one kind of reply, a value; only the value may be large.
MAX_WORDS = 64 * 1024
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
    """Every cell was run; requests may come."""


_to_prepare = msgspec.msgpack.Decoder(Prepare)
_progress: msgspec.msgpack.Decoder[Running | Prepared] = msgspec.msgpack.Decoder(Running | Prepared)


class ForeignData(Exception):
    """The other side sent something that is no frame that was asked for."""


def frame(number: int, body: bytes) -> bytes:
    """Return ``body`` as a frame.

    >>> frame(7, b"Spam").hex(" ")
    '00 00 00 04 00 00 00 00 00 00 00 07 53 70 61 6d'
    """
    return _HEAD.pack(len(body), number) + body


async def read_frame(reader: asyncio.StreamReader, number: int) -> bytes:
    """Return the body of the next frame.

    Raises ``ForeignData`` unless the frame is numbered ``number`` and within bounds, and
    ``EOFError`` at the end of the stream.
    """
    size, found = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    if found != number or size > MAX_BODY:
        raise ForeignData
    return await reader.readexactly(size)


async def read_progress(reader: asyncio.StreamReader) -> Running | Prepared:
    """Return what the box announces next. Raises as ``read_frame`` does."""
    try:
        return _progress.decode(await read_frame(reader, 0))
    except (msgspec.DecodeError, ValueError) as error:
        raise ForeignData from error


def read_reply(body: bytes) -> Reply:
    """Return the reply in ``body``; every value in it can be decoded.

    Raises ``ForeignData`` if it is no reply, or one that no box sends.
    """
    try:
        reply = unpack_reply(body)
        value = reply.value if isinstance(reply, Returned) else b""
        if len(body) - len(value) > MAX_WORDS:
            raise ForeignData
        match reply:
            case Returned(value):
                plain.decode(value)
            case Raised(arguments=arguments):
                plain.decode(arguments)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ForeignData from error
    return reply


class BoxEnd:
    """The box's own end: it waits for requests and sends replies."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def prepare(self) -> Prepare:
        """Return what the judge sends first."""
        _, body = self.receive() or (0, b"")
        return _to_prepare.decode(body)

    def announce(self, progress: Running | Prepared) -> None:
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
        """Reply ``body`` to the request ``number``."""
        self._connection.sendall(frame(number, body))

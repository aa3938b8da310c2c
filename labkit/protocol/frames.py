"""Frames as bits: parse and serialize them (RFC 6455 §5.2).

Knows the layout only: a frame that breaks every rule still parses. The rules are in ``rules``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from labkit.errors import LocalProtocolError

Buffer: TypeAlias = bytes | bytearray | memoryview


class Opcode(IntEnum):
    """What a frame is (RFC 6455 §11.8). 3–7 and 11–15 are reserved."""

    CONT = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Why a connection closes (RFC 6455 §7.4.1 and the IANA registry)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    ABNORMAL = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


_OPCODES = {int(opcode): opcode for opcode in Opcode}


@dataclass(frozen=True)
class Frame:
    """One frame. ``opcode`` is a plain int where it is reserved; ``payload`` is never masked."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False
    mask: bytes | None = None


@dataclass(frozen=True)
class Header:
    """What stands before a payload: ``size`` bytes that announce ``length`` more.

    ``minimal`` is false if the length was written in a longer form than it needs.
    """

    fin: bool
    rsv1: bool
    rsv2: bool
    rsv3: bool
    opcode: int
    masked: bool
    length: int
    mask: bytes | None
    size: int
    minimal: bool


def parse_header(data: Buffer) -> Header | None:
    """Return the header at the start of ``data``, or None if more bytes are needed.

    >>> header = parse_header(bytes.fromhex("81 84 37 fa 21 3d"))
    >>> header.opcode, header.length, header.mask.hex(), header.size
    (<Opcode.TEXT: 1>, 4, '37fa213d', 6)
    """
    if len(data) < 2:
        return None
    first, second = data[0], data[1]
    masked = second >= 0x80
    length = second & 0x7F
    end = {126: 4, 127: 10}.get(length, 2)
    size = end + 4 * masked
    if len(data) < size:
        return None
    minimal = True
    if length == 126:
        (length,) = struct.unpack_from("!H", data, 2)
        minimal = length >= 126
    elif length == 127:
        (length,) = struct.unpack_from("!Q", data, 2)
        minimal = length >= 1 << 16
    return Header(
        fin=first >= 0x80,
        rsv1=bool(first & 0x40),
        rsv2=bool(first & 0x20),
        rsv3=bool(first & 0x10),
        opcode=_OPCODES.get(first & 0x0F, first & 0x0F),
        masked=masked,
        length=length,
        mask=bytes(data[end:size]) if masked else None,
        size=size,
        minimal=minimal,
    )


def apply_mask(data: Buffer, key: bytes) -> bytes:
    """XOR each byte of ``data`` with the repeating 4-byte ``key`` (RFC 6455 §5.3).

    >>> apply_mask(b"Spam", bytes.fromhex("37fa213d")).hex(" ")
    '64 8a 40 50'
    >>> apply_mask(bytes.fromhex("648a4050"), bytes.fromhex("37fa213d"))
    b'Spam'

    Raises LocalProtocolError if the key is not of 4 bytes.
    """
    if len(key) != 4:
        raise LocalProtocolError(
            CloseCode.PROTOCOL_ERROR, f"a masking key has 4 bytes, this one has {len(key)}"
        )
    size = len(data)
    # One XOR of two long integers: some hundred times faster than a loop over the bytes.
    repeated = int.from_bytes((key * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ repeated).to_bytes(size, "little")


def serialize(frame: Frame) -> bytes:
    """Return the bytes of ``frame``, its length in the shortest form.

    >>> serialize(Frame(Opcode.TEXT, b"Spam")).hex(" ")
    '81 04 53 70 61 6d'
    >>> serialize(Frame(Opcode.TEXT, b"Spam", mask=bytes.fromhex("37fa213d"))).hex(" ")
    '81 84 37 fa 21 3d 64 8a 40 50'

    Raises LocalProtocolError if the opcode does not fit in 4 bits, or the key is not of 4 bytes.
    """
    if not 0 <= frame.opcode <= 0xF:
        raise LocalProtocolError(
            CloseCode.PROTOCOL_ERROR, f"an opcode has 4 bits, {frame.opcode} does not fit"
        )
    first = frame.fin << 7 | frame.rsv1 << 6 | frame.rsv2 << 5 | frame.rsv3 << 4 | frame.opcode
    mask_bit = 0x00 if frame.mask is None else 0x80
    length = len(frame.payload)
    if length < 126:
        header = struct.pack("!BB", first, mask_bit | length)
    elif length < 1 << 16:
        header = struct.pack("!BBH", first, mask_bit | 126, length)
    else:
        header = struct.pack("!BBQ", first, mask_bit | 127, length)
    if frame.mask is None:
        return header + frame.payload
    return header + frame.mask + apply_mask(frame.payload, frame.mask)


@dataclass(frozen=True)
class Chunk:
    """A stretch of one frame's payload, unmasked.

    The ``first`` chunk of a frame comes as soon as its header is whole, with what there is of the
    payload, so that a frame can be judged before it has arrived.
    """

    header: Header
    data: bytes
    first: bool
    last: bool


class ChunkParser:
    """Cut a stream of bytes into chunks as they arrive. Holds back only the start of a header."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._header: Header | None = None
        self._key = b""
        self._missing = 0

    def feed(self, data: Buffer) -> None:
        """Take in what arrived."""
        self._buffer += data

    def take(self) -> Chunk | None:
        """Return the next chunk, or None if more bytes are needed."""
        first = self._header is None
        header = self._header or self._take_header()
        if header is None or not (first or self._buffer):
            return None
        data = self._take_payload()
        last = not self._missing
        self._header = None if last else header
        return Chunk(header, data, first=first, last=last)

    def _take_header(self) -> Header | None:
        header = parse_header(self._buffer)
        if header is not None:
            del self._buffer[: header.size]
            self._key = header.mask or b""
            self._missing = header.length
        return header

    def _take_payload(self) -> bytes:
        """Return what there is of the payload, unmasked."""
        with memoryview(self._buffer) as view:
            data = bytes(view[: self._missing])
        del self._buffer[: len(data)]
        self._missing -= len(data)
        if not self._key:
            return data
        shift = len(data) % 4
        key, self._key = self._key, self._key[shift:] + self._key[:shift]
        return apply_mask(data, key)


class FrameParser:
    """Cut a stream of bytes into frames, in whatever pieces it arrives.

    Judges nothing and waits for as many bytes as a header announces: whoever feeds it sets the
    bounds.
    """

    def __init__(self) -> None:
        self._chunks = ChunkParser()
        self._payload = bytearray()

    def feed(self, data: Buffer) -> list[Frame]:
        """Return the frames that ``data`` completes.

        >>> parser = FrameParser()
        >>> parser.feed(bytes.fromhex("81 04 53 70"))
        []
        >>> parser.feed(b"am")[0].payload
        b'Spam'
        """
        frames = []
        self._chunks.feed(data)
        while (chunk := self._chunks.take()) is not None:
            self._payload += chunk.data
            if chunk.last:
                frames.append(_frame(chunk.header, bytes(self._payload)))
                self._payload.clear()
        return frames


def _frame(header: Header, payload: bytes) -> Frame:
    return Frame(
        header.opcode,
        payload,
        fin=header.fin,
        rsv1=header.rsv1,
        rsv2=header.rsv2,
        rsv3=header.rsv3,
        mask=header.mask,
    )

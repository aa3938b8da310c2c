"""Frames put together to messages (RFC 6455 §5.4): order, UTF-8 and size. Compresses nothing.

Text is decoded as it arrives, so that a message goes bad with its first bad byte and not its last.
"""

from __future__ import annotations

import codecs
import io

from labkit.errors import RemoteProtocolError

from .deflate import Inflater
from .frames import Chunk, CloseCode, Header, Opcode

DEFAULT_MAX_SIZE = 1024 * 1024
DEFAULT_MAX_FRAMES = 4096


class MessageAssembler:
    """Assemble one message at a time from the chunks of data frames.

    ``max_size`` bounds a message in bytes, after decompression; ``max_frames`` bounds the frames
    it comes in, empty ones too.
    """

    def __init__(self, *, max_size: int, max_frames: int, inflater: Inflater | None = None) -> None:
        self._max_size = max_size
        self._max_frames = max_frames
        self._inflater = inflater
        self._message: _Text | _Binary | None = None
        self._is_compressed = False
        self._frames = 0
        self._announced = 0

    def begin(self, header: Header) -> None:
        """Take in the header of a data frame, before its payload.

        Raises RemoteProtocolError: with 1002 if the frame is out of order, with 1009 if the
        message gets too long.
        """
        if header.opcode == Opcode.CONT:
            if self._message is None:
                raise RemoteProtocolError(
                    CloseCode.PROTOCOL_ERROR, "a CONT frame continues no message"
                )
        elif self._message is not None:
            raise RemoteProtocolError(
                CloseCode.PROTOCOL_ERROR, "a message begins inside another, expected a CONT frame"
            )
        else:
            self._message = _Text() if header.opcode == Opcode.TEXT else _Binary()
            self._is_compressed = header.rsv1
            self._frames = self._announced = 0
        self._frames += 1
        self._announced += header.length
        if self._frames > self._max_frames:
            raise _too_big(f"a message of more than {self._max_frames} frames")
        limit = _compressed_bound(self._max_size) if self._is_compressed else self._max_size
        if self._announced > limit:
            raise _too_big(f"a message of {self._announced} bytes or more, the limit is {limit}")

    def feed(self, chunk: Chunk) -> str | bytes | None:
        """Take in a stretch of payload; return the message if it ends it.

        Raises RemoteProtocolError: with 1007 if it is not UTF-8 or cannot be decompressed, with
        1009 if the message gets too long.
        """
        message = self._message
        assert message is not None, "begin() comes before feed()"
        ends = chunk.last and chunk.header.fin
        data = chunk.data
        if self._is_compressed:
            assert self._inflater is not None, "RSV1 without compression is refused by its header"
            data = self._inflater.feed(data)
            if ends:
                data += self._inflater.finish()
        message.feed(data, ends=ends)
        if not ends:
            return None
        self._message = None
        return message.value()


class _Text:
    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = io.StringIO()

    def feed(self, data: bytes, *, ends: bool) -> None:
        try:
            self._text.write(self._decoder.decode(data, ends))
        except UnicodeDecodeError as error:
            raise RemoteProtocolError(
                CloseCode.INVALID_DATA, f"a text message is not UTF-8: {error.reason}"
            ) from error

    def value(self) -> str:
        return self._text.getvalue()


class _Binary:
    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes, *, ends: bool) -> None:
        self._data += data

    def value(self) -> bytes:
        return bytes(self._data)


def _compressed_bound(size: int) -> int:
    # What does not compress grows a little. Whoever sends more than this in one message is not
    # compressing, and is stopped before the rest arrives.
    return size + size // 8 + 64


def _too_big(reason: str) -> RemoteProtocolError:
    return RemoteProtocolError(CloseCode.MESSAGE_TOO_BIG, reason)

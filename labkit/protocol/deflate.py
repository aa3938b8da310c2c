"""Compressed messages, as permessage-deflate has them (RFC 7692 §7.2). Knows no frames.

What both sides agree on beforehand is in ``extensions``.
"""

from __future__ import annotations

import zlib

from labkit.errors import RemoteProtocolError

from .frames import CloseCode

DEFAULT_LEVEL = 6

#: zlib ends a flush with an empty block; its last four bytes stay unsent (RFC 7692 §7.2.1).
TAIL = b"\x00\x00\xff\xff"

_EMPTY_FINAL_BLOCK = b"\x03\x00"


class Deflater:
    """Compress messages with a window of ``2 ** window_bits`` bytes.

    With ``takeover``, a message may refer to what stood in those before it.
    """

    def __init__(
        self, window_bits: int, *, takeover: bool = True, level: int = DEFAULT_LEVEL
    ) -> None:
        # zlib cannot compress with a window of 2 ** 8 bytes. At level 0 it only wraps what it is
        # given, which fits any window.
        self._level = level if window_bits > 8 else 0
        self._window_bits = max(window_bits, 9)
        self._takeover = takeover
        self._stream = self._open()

    def compress(self, data: bytes) -> bytes:
        """Return the payload of a compressed message.

        >>> Deflater(15).compress(b"Spam").hex(" ")
        '0a 2e 48 cc 05 00'
        """
        if not data:
            # An empty block again, of which zlib writes only one in a row (RFC 7692 §7.2.3.6).
            return b"\x00"
        compressed = self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        if not self._takeover:
            self._stream = self._open()
        return compressed.removesuffix(TAIL)

    def _open(self) -> zlib._Compress:
        return zlib.compressobj(self._level, zlib.DEFLATED, -self._window_bits)


class Inflater:
    """Decompress messages that were made with a window of ``2 ** window_bits`` bytes."""

    def __init__(self, window_bits: int, *, takeover: bool = True) -> None:
        self._window_bits = window_bits
        self._takeover = takeover
        self._stream = self._open()

    def feed(self, data: bytes, limit: int) -> bytes:
        """Decompress the next stretch of a message, to no more than ``limit`` bytes.

        A kilobyte may stand for a megabyte: no more than the limit and one byte is ever made.

        Raises RemoteProtocolError: with 1007 if it cannot be decompressed, with 1009 if it is
        more than ``limit``.
        """
        made = self._decompress(data, limit + 1)
        # A block may be marked as the last one; then another stream follows (RFC 7692 §7.2.3.4).
        while self._stream.eof and self._stream.unused_data and len(made) <= limit:
            rest, self._stream = self._stream.unused_data, self._open()
            made += self._decompress(rest, limit + 1 - len(made))
        if len(made) > limit:
            raise RemoteProtocolError(
                CloseCode.MESSAGE_TOO_BIG, f"a message inflates to over {limit} bytes more"
            )
        return made

    def finish(self, limit: int) -> bytes:
        """Decompress the end of a message, to no more than ``limit`` bytes.

        >>> inflater = Inflater(15)
        >>> inflater.feed(bytes.fromhex("0a 2e 48 cc 05 00"), 100) + inflater.finish(100)
        b'Spam'

        Raises RemoteProtocolError as ``feed`` does; with 1007 also if the message breaks off.
        """
        made = self.feed(TAIL, limit)
        if not self._stream.eof:
            self._check_boundary()
        if self._stream.eof or not self._takeover:
            self._stream = self._open()
        return made

    def _check_boundary(self) -> None:
        # zlib does not say whether it stands between two blocks. There, and only there, this
        # block ends the stream.
        probe = self._stream.copy()
        try:
            ends = probe.decompress(_EMPTY_FINAL_BLOCK) == b"" and probe.eof
        except zlib.error:
            ends = False
        if not ends:
            raise _corrupt("it breaks off inside a block")

    def _decompress(self, data: bytes, limit: int) -> bytes:
        try:
            return self._stream.decompress(data, limit)
        except zlib.error as error:
            raise _corrupt(str(error)) from error

    def _open(self) -> zlib._Decompress:
        return zlib.decompressobj(-self._window_bits)


def _corrupt(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        CloseCode.INVALID_DATA, f"a compressed message cannot be decompressed: {why}"
    )

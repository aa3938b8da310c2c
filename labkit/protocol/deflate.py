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
        # Tables that match the window: with zlib's usual ones, a small window is four times slower.
        self._memory_level = self._window_bits - 7
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
        return zlib.compressobj(self._level, zlib.DEFLATED, -self._window_bits, self._memory_level)


class Inflater:
    """Decompress messages made with a window of ``2 ** window_bits`` bytes, up to ``max_size``.

    A kilobyte may stand for a megabyte: no more than ``max_size`` and one byte is ever made.
    """

    def __init__(self, window_bits: int, *, max_size: int, takeover: bool = True) -> None:
        self._window_bits = window_bits
        self._takeover = takeover
        self._max_size = self._left = max_size
        self._stream = self._open()

    def feed(self, data: bytes) -> bytes:
        """Decompress the next stretch of a message.

        Raises RemoteProtocolError: with 1007 if it cannot be decompressed, with 1009 if the
        message gets longer than ``max_size``.
        """
        made = self._decompress(data)
        # A block may be marked as the last one; then another stream follows (RFC 7692 §7.2.3.4).
        while self._stream.unused_data:
            rest, self._stream = self._stream.unused_data, self._open()
            made += self._decompress(rest)
        return made

    def finish(self) -> bytes:
        """Decompress the end of a message.

        >>> inflater = Inflater(15, max_size=100)
        >>> inflater.feed(bytes.fromhex("0a 2e 48 cc 05 00")) + inflater.finish()
        b'Spam'

        Raises RemoteProtocolError as ``feed`` does; with 1007 also if the message breaks off.
        """
        made = self.feed(TAIL)
        if not self._stream.eof:
            self._check_boundary()
        if self._stream.eof or not self._takeover:
            self._stream = self._open()
        self._left = self._max_size
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

    def _decompress(self, data: bytes) -> bytes:
        try:
            made = self._stream.decompress(data, self._left + 1)
        except zlib.error as error:
            raise _corrupt(str(error)) from error
        self._left -= len(made)
        if self._left < 0:
            raise RemoteProtocolError(
                CloseCode.MESSAGE_TOO_BIG,
                f"a message inflates to more than the limit of {self._max_size} bytes",
            )
        return made

    def _open(self) -> zlib._Decompress:
        return zlib.decompressobj(-self._window_bits)


def _corrupt(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        CloseCode.INVALID_DATA, f"a compressed message cannot be decompressed: {why}"
    )

"""The sliver of HTTP/1.1 that an opening handshake needs (RFC 9112). Reads heads, never bodies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from labkit.errors import HandshakeError, LocalProtocolError

from .frames import Buffer, CloseCode

Headers: TypeAlias = tuple[tuple[str, str], ...]

MAX_LINE_BYTES = 8 * 1024
MAX_HEADERS = 128

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rf"({TOKEN}) ([!-~]+) HTTP/1\.1")
_STATUS_LINE = re.compile(r"HTTP/1\.1 ([1-9][0-9]{2})(?: ([\t -~\x80-\xff]*))?")
_HEADER = re.compile(rf"({TOKEN}):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
_FIRST_LINE = re.compile(rf"{_REQUEST_LINE.pattern}|{_STATUS_LINE.pattern}")


class Head:
    """What requests and responses share: header fields in order, their names in any case."""

    headers: Headers

    def values(self, name: str) -> list[str]:
        """Return the value of each header field of this name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """Return the value of the first header field of this name, or None."""
        return next(iter(self.values(name)), None)

    def elements(self, name: str) -> list[str]:
        """Return the elements of a comma-separated header field, over all its lines.

        >>> Request("/", (("Connection", "keep-alive, Upgrade"),)).elements("connection")
        ['keep-alive', 'Upgrade']
        """
        parts = ",".join(self.values(name)).split(",")
        return [part.strip() for part in parts if part.strip()]


@dataclass(frozen=True)
class Request(Head):
    """The head of a request: ``GET /chat HTTP/1.1`` and its header fields."""

    target: str
    headers: Headers = ()
    method: str = "GET"

    @classmethod
    def parse(cls, data: bytes) -> Request:
        """Return the request of which ``data`` is the whole head.

        Raises HandshakeError with status 400 if it is not HTTP/1.1.
        """
        line, headers = _parse_head(data, status=400)
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise HandshakeError(400, f"{line[:80]!r} is not a request line of HTTP/1.1")
        return cls(match[2], headers, method=match[1])

    def serialize(self) -> bytes:
        """Return the bytes of the head.

        Raises LocalProtocolError if a field would break the head, with a line end for example.
        """
        return _serialize_head(f"{self.method} {self.target} HTTP/1.1", self.headers)


@dataclass(frozen=True)
class Response(Head):
    """The head of a response, and the body that goes out with it."""

    status: int
    reason: str = ""
    headers: Headers = ()
    body: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Response:
        """Return the response of which ``data`` is the whole head.

        Raises HandshakeError with status 502, as a gateway would answer, if it is not HTTP/1.1.
        """
        line, headers = _parse_head(data, status=502)
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise HandshakeError(502, f"{line[:80]!r} is not a status line of HTTP/1.1")
        return cls(int(match[1]), match[2] or "", headers)

    def serialize(self) -> bytes:
        """Return the bytes of the head and the body.

        Raises LocalProtocolError if a field would break the head, with a line end for example.
        """
        line = f"HTTP/1.1 {self.status} {self.reason}"
        return _serialize_head(line, self.headers) + self.body


class HeadReader:
    """Collect the bytes of one head, and refuse one that is too long while it still arrives."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._line_start = 0
        self._lines = 0

    def feed(self, data: Buffer) -> None:
        """Take in what arrived, and look at nothing yet."""
        self._buffer += data

    def take(self) -> bytes | None:
        """Return the whole head, or None if more bytes are needed.

        Raises HandshakeError with status 431 if a line is too long or there are too many.
        """
        while (end := self._buffer.find(b"\n", self._line_start)) >= 0:
            line = self._buffer[self._line_start : end]
            if not line.removesuffix(b"\r"):
                head = bytes(self._buffer[: end + 1])
                del self._buffer[: end + 1]
                return head
            _check_size(len(line))
            self._line_start = end + 1
            self._lines += 1
            if self._lines > 1 + MAX_HEADERS:
                raise HandshakeError(431, f"the head has more than {MAX_HEADERS} header fields")
        _check_size(len(self._buffer) - self._line_start)
        return None

    def rest(self) -> bytes:
        """Return what came behind the head, and forget it."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest


def _check_size(line: int) -> None:
    if line > MAX_LINE_BYTES:
        raise HandshakeError(431, f"a line of the head is over {MAX_LINE_BYTES:,} bytes")


def _parse_head(data: bytes, *, status: int) -> tuple[str, Headers]:
    if not data.endswith(b"\r\n\r\n"):
        raise HandshakeError(status, "the head does not end with an empty line (CR LF CR LF)")
    line, *lines = data[:-4].decode("latin-1").split("\r\n")
    headers = []
    for field in lines:
        match = _HEADER.fullmatch(field)
        if match is None:
            raise HandshakeError(status, f"{field[:80]!r} is not a header field")
        headers.append((match[1], match[2]))
    return line, tuple(headers)


def _serialize_head(line: str, headers: Headers) -> bytes:
    fields = [f"{name}: {value}" for name, value in headers]
    for text, form in [(line, _FIRST_LINE), *((field, _HEADER) for field in fields)]:
        if not form.fullmatch(text):
            raise LocalProtocolError(
                CloseCode.PROTOCOL_ERROR, f"{text[:80]!r} cannot stand in the head of a handshake"
            )
    return "".join(f"{text}\r\n" for text in [line, *fields, ""]).encode("latin-1")

"""What both sides agree on about compression (RFC 6455 §9.1, RFC 7692 §7.1). Compresses nothing.

permessage-deflate is the one extension spoken here; others are declined.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from labkit.errors import HandshakeError

from .http import TOKEN, Head

HEADER = "Sec-WebSocket-Extensions"
NAME = "permessage-deflate"

_PARAMETER = rf"[ \t]*;[ \t]*({TOKEN})(?:[ \t]*=[ \t]*(?:({TOKEN})|\"({TOKEN})\"))?"
_EXTENSION = re.compile(rf"({TOKEN})((?:{_PARAMETER})*)")
_FLAGS = ("server_no_context_takeover", "client_no_context_takeover")
_WINDOWS = ("server_max_window_bits", "client_max_window_bits")
_WINDOW_BITS = re.compile(r"[89]|1[0-5]")


class Window(NamedTuple):
    """How far back one side refers: 2 ** ``bits`` bytes, and across messages if ``takeover``."""

    bits: int
    takeover: bool


@dataclass(frozen=True)
class Deflate:
    """The four parameters of permessage-deflate (RFC 7692 §7.1).

    A window of None bits is not spoken of, which leaves it at 15.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = None

    @property
    def server(self) -> Window:
        """What the server compresses with."""
        return Window(self.server_max_window_bits or 15, not self.server_no_context_takeover)

    @property
    def client(self) -> Window:
        """What the client compresses with."""
        return Window(self.client_max_window_bits or 15, not self.client_no_context_takeover)


def offer(wanted: Deflate) -> str:
    """Return what a client says to ask for compression.

    >>> offer(Deflate(server_max_window_bits=12))
    'permessage-deflate; server_max_window_bits=12; client_max_window_bits'
    """
    said = serialize(wanted)
    # Without a value: this client can use a smaller window, if the server asks for it.
    return said if wanted.client_max_window_bits else f"{said}; client_max_window_bits"


def serialize(deflate: Deflate) -> str:
    """Return the parameters as they stand in the header of an offer or an answer.

    >>> serialize(Deflate(client_no_context_takeover=True, client_max_window_bits=10))
    'permessage-deflate; client_no_context_takeover; client_max_window_bits=10'
    """
    flags = [name for name in _FLAGS if getattr(deflate, name)]
    windows = [f"{name}={getattr(deflate, name)}" for name in _WINDOWS if getattr(deflate, name)]
    return "; ".join([NAME, *flags, *windows])


def agree(request: Head, wanted: Deflate | None) -> Deflate | None:
    """Return what a server agrees to of what a client offered; None for nothing.

    The first offer that can be met is taken. One with a parameter that is unknown, doubled or out
    of range is passed over (RFC 7692 §7.1).

    Raises HandshakeError with status 400 if the header is malformed.
    """
    for name, parameters in _parse(request, status=400):
        if name == NAME and wanted is not None:
            with suppress(HandshakeError):
                return _meet(_read(parameters, status=400, bare_window=15), wanted)
    return None


def confirm(response: Head, offered: Deflate | None) -> Deflate | None:
    """Return what a server agreed to of what this client offered; None for nothing.

    Raises HandshakeError with status 502 if it agreed to what was not offered.
    """
    extensions = list(_parse(response, status=502))
    if not extensions:
        return None
    if offered is None or [name for name, _ in extensions] != [NAME]:
        names = ", ".join(name for name, _ in extensions)
        raise HandshakeError(502, f"the server agreed to extensions not offered: {names}")
    answer = _read(extensions[0][1], status=502, bare_window=None)
    if offered.server_no_context_takeover and not answer.server_no_context_takeover:
        raise HandshakeError(502, "the server did not agree to server_no_context_takeover")
    if offered.server_max_window_bits and not (
        answer.server_max_window_bits
        and answer.server_max_window_bits <= offered.server_max_window_bits
    ):
        raise HandshakeError(
            502,
            f"the server did not agree to server_max_window_bits={offered.server_max_window_bits}",
        )
    most = offered.client_max_window_bits or 15
    bits = answer.client_max_window_bits or most
    if bits > most:
        raise HandshakeError(502, f"the server asks for {_WINDOWS[1]}={bits}, offered were {most}")
    return Deflate(
        answer.server_no_context_takeover,
        answer.client_no_context_takeover or offered.client_no_context_takeover,
        answer.server_max_window_bits,
        answer.client_max_window_bits or offered.client_max_window_bits,
    )


def _meet(offered: Deflate, wanted: Deflate) -> Deflate:
    """Return the strictest of both; a client's window is bounded only if it offered to."""
    client_bits = offered.client_max_window_bits
    return Deflate(
        offered.server_no_context_takeover or wanted.server_no_context_takeover,
        offered.client_no_context_takeover or wanted.client_no_context_takeover,
        _smaller(offered.server_max_window_bits, wanted.server_max_window_bits),
        client_bits and _smaller(client_bits, wanted.client_max_window_bits),
    )


def _smaller(first: int | None, second: int | None) -> int | None:
    return min((bits for bits in (first, second) if bits), default=None)


def _parse(head: Head, *, status: int) -> list[tuple[str, list[tuple[str, str]]]]:
    extensions = []
    for element in head.elements(HEADER):
        match = _EXTENSION.fullmatch(element)
        if match is None:
            raise HandshakeError(status, f"{element!r} is not an extension")
        found = re.finditer(_PARAMETER, match[2])
        extensions.append((match[1], [(each[1], each[2] or each[3] or "") for each in found]))
    return extensions


def _read(parameters: list[tuple[str, str]], *, status: int, bare_window: int | None) -> Deflate:
    """Return the parameters; ``bare_window`` stands for a client's window without a value."""
    read: dict[str, int] = {}
    for name, value in parameters:
        said = f"{name}={value}" if value else name
        if name in read:
            raise HandshakeError(status, f"{NAME} has the parameter {name} twice")
        if name in _FLAGS and not value:
            read[name] = True
        elif name in _WINDOWS and _WINDOW_BITS.fullmatch(value):
            read[name] = int(value)
        elif name == "client_max_window_bits" and not value and bare_window:
            read[name] = bare_window
        else:
            raise HandshakeError(status, f"{NAME} has no parameter {said!r}")
    return Deflate(
        bool(read.get("server_no_context_takeover")),
        bool(read.get("client_no_context_takeover")),
        read.get("server_max_window_bits"),
        read.get("client_max_window_bits"),
    )

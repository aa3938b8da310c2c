"""Plays a case to one side of a connection and tells in plain words what came of it.

Takes the codec as an argument, so that a codec with a rule removed can be played to as well.
Nothing of labkit is imported: what is expected does not come from what is tested.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeAlias

from .wire import request, response

Codec = Callable[[str], ModuleType]

NAMES = {0: "CONT", 1: "TEXT", 2: "BINARY", 8: "CLOSE", 9: "PING", 10: "PONG"}

#: More events than any case has: a codec that goes round in a circle is stopped.
MAX_EVENTS = 50


@dataclass(frozen=True)
class Send:
    """This side sends an event, given by its name."""

    event: str
    arguments: tuple[object, ...] = ()


@dataclass(frozen=True)
class Together:
    """What has arrived before anybody looks."""

    pieces: tuple[bytes, ...]


@dataclass(frozen=True)
class Ask:
    """A question to the codec's own functions; the answer is shown as it prints."""

    question: Callable[[Codec], object]


END = b""
Step: TypeAlias = bytes | Send | Together | Ask


@dataclass(frozen=True)
class Case:
    """What the peer and this side do, and all that must come of it.

    Bytes are what the peer sends, ``END`` is the end of its stream. A case starts with an ``open``
    connection, or before the handshake (``idle``), or when a client has ``asked`` for it.
    ``agreed`` is what the other side said about extensions.
    """

    steps: tuple[Step, ...]
    expected: tuple[str, ...]
    side: str = "server"
    start: str = "open"
    options: Mapping[str, object] = field(default_factory=dict)
    agreed: str | None = None


def play(
    case: Case, codec: Codec, *, cut: Callable[[bytes], list[bytes]] | None = None
) -> list[str]:
    """Return what came of ``case``; ``cut`` cuts what the peer sends into pieces."""
    connection = _connect(case, codec)
    seen: list[str] = []
    for step in case.steps:
        match step:
            case Send():
                seen += _send(connection, codec, step)
            case Ask(question):
                seen.append(_answer(question, codec))
            case Together(pieces):
                for piece in pieces:
                    connection.receive_data(piece)
                seen += [_tell(event) for event in _events(connection)]
            case data:
                for piece in cut(data) if cut and data else [data]:
                    connection.receive_data(piece)
                    seen += [_tell(event) for event in _events(connection)]
        seen += _told(connection.data_to_send())
    return seen


def _connect(case: Case, codec: Codec) -> Any:
    module, events = codec("connection"), codec("events")
    side = module.Side(case.side)
    options = dict(case.options)
    if "deflate" in options:
        options["deflate"] = codec("extensions").Deflate(**options["deflate"])  # type: ignore[arg-type]
    connection = module.Connection(side, rng=bytes, **options)
    if case.start == "idle":
        return connection
    if case.side == "client":
        connection.send(events.Upgrade("example.com", "/chat"))
        connection.data_to_send()
    if case.start == "asked":
        return connection
    said = [f"Sec-WebSocket-Extensions: {case.agreed}"] if case.agreed else []
    connection.receive_data(request(*said) if case.side == "server" else response(*said))
    _events(connection)
    if case.side == "server":
        connection.send(events.Accept())
    connection.data_to_send()
    return connection


def _events(connection: Any) -> list[object]:
    events = []
    for event in connection.events():
        events.append(event)
        assert len(events) < MAX_EVENTS, "events without end"
    return events


def _send(connection: Any, codec: Codec, step: Send) -> list[str]:
    event = getattr(codec("events"), step.event)(*step.arguments)
    try:
        connection.send(event)
    except Exception as error:
        return [f"{type(error).__name__} {getattr(error, 'code', error)}"]
    return []


def _answer(question: Callable[[Codec], object], codec: Codec) -> str:
    try:
        return f"{question(codec)}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _tell(event: Any) -> str:
    """Return an event in words.

    >>> from labkit.protocol.events import Close, Text
    >>> _tell(Text("Spam")), _tell(Close(1000, "bye"))
    ('Text Spam', 'Close 1000 bye')
    """
    match type(event).__name__:
        case "Failed":
            error = event.error
            status = f"HTTP {error.status}" if hasattr(error, "status") else error.code
            return f"Failed {status}: {error.reason}"
        case "Text" | "Binary":
            return f"{type(event).__name__} {_shown(event.data)}".strip()
        case "Ping" | "Pong":
            return f"{type(event).__name__} {_shown(event.payload)}".strip()
        case "Upgrade":
            return f"Upgrade {event.host} {event.target} from {event.origin}"
        case "Accept":
            return "Accept"
        case name:
            return " ".join(
                [name, *(f"{value}" for value in vars(event).values() if value)]
            ).strip()


def _shown(data: str | bytes) -> str:
    shown = data if isinstance(data, str) else data.decode("latin-1")
    return shown if len(shown) <= 40 else f"{shown[:8]}… {len(shown)}"


def _told(data: bytes) -> Iterator[str]:
    """Yield each thing this side sent, in words."""
    while data:
        if data[:1].isupper() and data[:1].isascii():
            head, _, data = data.partition(b"\r\n\r\n")
            yield _told_head(head.decode("latin-1").split("\r\n"))
            if not head.startswith((b"GET", b"HTTP/1.1 101")):
                return
            continue
        size, start = data[1] & 0x7F, 2
        if size == 126:
            size, start = struct.unpack("!H", data[2:4])[0], 4
        masked = data[1] & 0x80
        key = data[start : start + 4] if masked else b""
        start += len(key)
        payload = bytes(
            byte ^ key[i % 4] if key else byte for i, byte in enumerate(data[start : start + size])
        )
        yield _told_frame(data[0], bool(masked), payload)
        data = data[start + size :]


def _told_head(lines: list[str]) -> str:
    said = [line for line in lines[1:] if line.startswith(("Sec-WebSocket-", "Allow", "X-"))]
    return "; ".join([f"sends {lines[0]}", *said])


def _told_frame(first: int, masked: bool, payload: bytes) -> str:
    name = NAMES.get(first & 0x0F, hex(first))
    marks = [*(["more"] if first < 0x80 else []), *(["RSV1"] if first & 0x40 else [])]
    if first & 0x0F == 8:
        # The words of a reason are this side's own; a case is about the code.
        said = str(int.from_bytes(payload[:2], "big")) if payload else "without a code"
    else:
        said = payload.hex() if first & 0x40 else _shown(payload)
    return " ".join(["sends", "masked" if masked else "unmasked", name, *marks, said]).strip()

"""Reads what is typed into the fields of a client. Connects to nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from labkit.errors import UsageError
from labkit.protocol.http import TOKEN
from labkit.protocol.rules import MAX_CONTROL_BYTES, may_be_sent
from labkit.wire.wording import count, quote

#: More than twice what a server takes unless it is told otherwise (1 MiB).
MAX_CHARACTERS = 2_500_000

#: The code takes two of a close frame's bytes (RFC 6455 §5.5.1).
MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2

#: What a message that is empty is made long with.
FILLER = "x"

_SUBPROTOCOL = re.compile(TOKEN)
_FIELD_VALUE = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Offer:
    """What a client asks for in the opening handshake. An empty ``origin`` is not sent."""

    subprotocols: tuple[str, ...] = ()
    origin: str = ""
    compress: bool = False


def read_offer(subprotocols: str, origin: str, *, compress: bool) -> Offer:
    """Read subprotocols, with commas between them, and an origin (RFC 6455 §4.1).

    >>> read_offer("chat.v2, chat.v1", "", compress=False).subprotocols
    ('chat.v2', 'chat.v1')

    Raises UsageError for what a request cannot carry.
    """
    names = tuple(name.strip() for name in subprotocols.split(",") if name.strip())
    for name in names:
        if not _SUBPROTOCOL.fullmatch(name):
            raise UsageError(
                f"{quote(name)} is not a subprotocol's name; use letters, digits, dots and "
                "hyphens, as in chat.v2, and commas between names"
            )
        if names.count(name) > 1:
            raise UsageError(f"the subprotocol {name} is offered twice; name it once")
    origin = origin.strip()
    if origin and not _FIELD_VALUE.fullmatch(origin):
        raise UsageError(f"{quote(origin)} is not an origin; write one like https://shop.example")
    return Offer(names, origin, compress)


def read_message(text: str, length: str = "") -> str:
    """Return ``text``, repeated or cut to ``length`` characters if that is given.

    >>> read_message("Spam", "10")
    'SpamSpamSp'

    Raises UsageError if there is no such message.
    """
    _require_unicode(text, "message")
    if not length.strip():
        return text
    size = _read_number(length, "length", "leave it empty to send the message as it is")
    if size > MAX_CHARACTERS:
        raise UsageError(f"{count(size, 'character')} are too many; at most {MAX_CHARACTERS:,} go")
    filling = text or FILLER
    return (filling * (size // len(filling) + 1))[:size]


def read_close(code: str, reason: str) -> tuple[int, str]:
    """Read the code and the reason of a close frame; no code is 1000 (RFC 6455 §7.4).

    >>> read_close("", "bye")
    (1000, 'bye')

    Raises UsageError for what a close frame must not carry.
    """
    number = _read_number(code.strip() or "1000", "close code", "1000 is a normal end")
    if not may_be_sent(number):
        raise UsageError(
            f"close code {number} must not be sent (§7.4); use 1000, or one from 3000 to 4999"
        )
    size = len(_require_unicode(reason, "reason"))
    if size > MAX_REASON_BYTES:
        raise UsageError(f"the reason has {size:,} bytes; a close frame holds {MAX_REASON_BYTES}")
    return number, reason


def _read_number(text: str, name: str, remedy: str) -> int:
    # Ten digits are enough for whoever types, and quick for whoever reads.
    if not re.fullmatch(r"[0-9][0-9_,]{0,9}", text.strip()):
        raise UsageError(f"{quote(text)} is not a {name}; {remedy}")
    return int(re.sub("[_,]", "", text.strip()))


def _require_unicode(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A page's strings are UTF-16, which may be cut in the middle of a character.
        raise UsageError(
            f"the {name} holds half a character, which UTF-8 cannot carry; type it again"
        ) from None

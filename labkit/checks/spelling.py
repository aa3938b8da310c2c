"""Spells a call as Python that can be pasted into a cell, if it is not too long. Calls nothing."""

from __future__ import annotations

from labkit.checks import plain

SHOWN_BYTES = 16
SHOWN_CHARS = 60


def spelled(name: str, arguments: tuple[plain.Plain, ...]) -> str:
    """Return the call of ``name`` with ``arguments``.

    >>> print(spelled("ask", ("Spam?", bytes.fromhex("37fa"))))
    ask('Spam?', bytes.fromhex("37 fa"))
    """
    return f"{name}({', '.join(brief(argument) for argument in arguments)})"


def brief(value: plain.Plain) -> str:
    """Return ``value`` as Python, cut if it is long.

    >>> brief(bytes(1000))
    'bytes.fromhex("00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00")… 1,000 bytes'
    """
    if isinstance(value, bytes) and len(value) > SHOWN_BYTES:
        return f"{_literal(value[:SHOWN_BYTES])}… {len(value):,} bytes"
    text = _literal(value) if isinstance(value, bytes) else plain.spell(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 3]}…"


def _literal(data: bytes) -> str:
    if data.isascii() and data.decode().isprintable():
        return repr(data)
    return f'bytes.fromhex("{data.hex(" ")}")'

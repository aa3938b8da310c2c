"""Plain data: what may cross between an answer and its check. Runs no code of the answer's types.

An answer lives in another thread or process than its check. What it returns crosses as
MessagePack, so the check compares plain values of exactly known types and never an object whose
``__eq__`` the learner wrote. Whatever is not plain crosses as the name of its type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

#: None, bool, int, float, str, bytes, and lists, tuples and dicts of them.
Plain = Any

MAX_DEPTH = 20
MAX_BYTES = 4 * 1024 * 1024

_TUPLE, _FOREIGN, _BIG_INT = 1, 2, 3
_SCALARS = (type(None), bool, float, str, bytes)
_SMALL_INTS = range(-(2**63), 2**64)


@dataclass(frozen=True)
class Foreign:
    """Stands for a value that is not plain data. ``description`` reads "a list", "a Frame"."""

    description: str

    def __repr__(self) -> str:
        return f"<{self.description}>"


def encode(value: object) -> bytes:
    """Return ``value`` as MessagePack.

    >>> encode((1, b"Spam")).hex(" ")
    'd7 01 92 01 c4 04 53 70 61 6d'
    """
    encoded = msgspec.msgpack.encode(_to_wire(value, MAX_DEPTH))
    if len(encoded) > MAX_BYTES:
        return encode(Foreign(f"{describe(value)} of {len(encoded):,} bytes, which is too large"))
    return encoded


def decode(data: bytes) -> Plain:
    """Return the value that ``encode`` made ``data`` from.

    Raises ``msgspec.DecodeError`` if ``data`` is anything else.

    >>> decode(bytes.fromhex("d7 01 92 01 c4 04 53 70 61 6d"))
    (1, b'Spam')
    """
    try:
        return msgspec.msgpack.decode(data, ext_hook=_from_extension)
    except (ValueError, TypeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def spell(value: Plain) -> str:
    """Return ``value`` as Python spells it; a number too long for that is named.

    >>> spell((1, b"Spam"))
    "(1, b'Spam')"
    """
    try:
        return repr(value)
    except ValueError:
        return f"<{describe(value)} with a number of thousands of digits>"


def describe(value: object) -> str:
    """Name the type of ``value`` as a person would.

    >>> describe([1]), describe(7), describe(None)
    ('a list', 'an int', 'None')
    """
    if value is None or type(value) is bytes:
        return "None" if value is None else "bytes"
    if isinstance(value, Foreign):
        return value.description
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _to_wire(value: Any, depth: int) -> object:
    # Exact types only: a subclass may carry an `__eq__`, an `__iter__` or a `__len__` of its own.
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is int:
        return value if value in _SMALL_INTS else _extension(_BIG_INT, hex(value))
    if depth == 0:
        return _extension(_FOREIGN, f"{describe(value)} nested too deeply")
    if kind is list:
        return [_to_wire(item, depth - 1) for item in value]
    if kind is tuple:
        return _extension(_TUPLE, [_to_wire(item, depth - 1) for item in value])
    if kind is dict and all(type(key) in (str, int, bytes) for key in value):
        return {key: _to_wire(item, depth - 1) for key, item in value.items()}
    return _extension(_FOREIGN, describe(value)[:200])


def _extension(code: int, content: object) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, msgspec.msgpack.encode(content))


def _from_extension(code: int, content: memoryview) -> Plain:
    value = msgspec.msgpack.decode(content, ext_hook=_from_extension)
    match code, value:
        case 1, list():
            return tuple(value)
        case 2, str():
            return Foreign(value)
        case 3, str():
            return int(value, 16)
    raise msgspec.DecodeError(f"extension {code} holds {describe(value)}")

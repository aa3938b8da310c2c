"""Cases: what a check yields, one for each thing an answer must do. Never raises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from labkit.checks import plain
from labkit.checks.advice import advice
from labkit.checks.messages import NoAnswer, Raised
from labkit.checks.subject import Subject

SHOWN_BYTES = 24
_NO_RETURN = ": is a `return` missing?"
_REMEDIES: dict[tuple[type, type], str] = {
    (bytes, str): ": `.decode()` makes text of bytes",
    (str, bytes): ": `.encode()` makes bytes of text",
    **{(type(None), kind): _NO_RETURN for kind in (bool, bytes, dict, int, list, str, tuple)},
}


@dataclass(frozen=True)
class Case:
    """One thing an answer must do, and whether it does.

    A failed case says what was ``expected`` and what was ``got``. The runner adds the
    circumstances: the last call, what the answer raised in the background and printed, and what
    crossed the wire.
    """

    title: str
    passed: bool
    expected: str = ""
    got: str = ""
    hint: str = ""
    called: str = ""
    raised: str = ""
    printed: str = ""
    wire: str = ""


def equal(got: plain.Plain, expected: plain.Plain, title: str, *, hint: str = "") -> Case:
    """The answer gave ``expected``: the same value, and exactly the same types all through."""
    if same(got, expected):
        return Case(title, passed=True)
    if isinstance(got, NoAnswer):
        hint = advice(str(got), hint)
        return Case(title, passed=False, expected=show(expected), got=str(got), hint=hint)
    if type(got) is not type(expected):
        wrong = f"expected {_kind(expected)}, got {plain.describe(got)}"
        wrong += _REMEDIES.get((type(got), type(expected)), "")
        got_text = wrong if isinstance(got, plain.Foreign) else f"{show(got)}   ({wrong})"
        return Case(title, passed=False, expected=show(expected), got=got_text, hint=hint)
    expected_text, got_text = _show_difference(expected, got)
    return Case(title, passed=False, expected=expected_text, got=got_text, hint=hint)


def saw(got: str | list[str], expected: str | list[str], title: str, *, hint: str = "") -> Case:
    """The other end of a connection saw what was expected, in the words of a transcript."""
    expected_text, got_text = (
        side if isinstance(side, str) else ", then ".join(side) for side in (expected, got)
    )
    hint = advice(got_text, hint)
    return Case(title, got == expected, expected=expected_text, got=got_text, hint=hint)


def raises(
    got: plain.Plain, kind: str, arguments: list[plain.Plain], title: str, *, hint: str = ""
) -> Case:
    """The answer raised ``kind``, and the first of the exception's arguments are ``arguments``."""
    expected = f"{kind}({', '.join(map(repr, arguments))}{', …' if arguments else ''})"
    if not isinstance(got, Raised):
        text = str(got) if isinstance(got, NoAnswer) else f"it returned {show(got)}"
        return Case(title, passed=False, expected=f"it raises {expected}", got=text, hint=hint)
    held = plain.decode(got.arguments)
    agrees = got.kind == kind and same(held[: len(arguments)], arguments)
    return Case(title, agrees, expected=f"it raises {expected}", got=str(got), hint=hint)


async def agrees(
    subject: Subject,
    rows: Iterable[tuple[tuple[plain.Plain, ...], plain.Plain]],
    title: str,
    *,
    hint: str = "",
) -> Case:
    """The function gives the expected value for every row (arguments, expected)."""
    for arguments, expected in rows:
        case = equal(await subject.call(*arguments), expected, title, hint=hint)
        if not case.passed:
            return case
    return Case(title, passed=True)


def same(a: plain.Plain, b: plain.Plain) -> bool:
    """Whether two plain values are equal and of the same types all through.

    >>> same(1, True), same((1,), [1]), same([b"Spam"], [b"Spam"])
    (False, False, True)
    """
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


def show(value: plain.Plain) -> str:
    """Return ``value`` as a learner reads it: bytes in hex, everything else as Python.

    >>> show(b"Spam"), show("Spam")
    ('53 70 61 6d', "'Spam'")
    """
    if isinstance(value, bytes):
        if not value:
            return "b'' (no bytes)"
        tail = f" … ({len(value):,} bytes)" if len(value) > SHOWN_BYTES else ""
        return value[:SHOWN_BYTES].hex(" ") + tail
    text = plain.spell(value)
    return text if len(text) <= 200 else f"{text[:197]}…"


def _show_difference(expected: plain.Plain, got: plain.Plain) -> tuple[str, str]:
    if not isinstance(expected, bytes) or max(len(expected), len(got)) <= SHOWN_BYTES:
        return show(expected), show(got)
    pairs = enumerate(zip_longest(expected, got))
    first = next(i for i, (wanted, found) in pairs if wanted != found)
    start = max(0, first - 4)
    shown = (f"… {side[start : start + 12].hex(' ')} …" for side in (expected, got))
    sizes = (
        f"{len(expected):,} bytes",
        f"{len(got):,} bytes; the first difference is at byte {first}",
    )
    expected_text, got_text = (f"{text}  ({size})" for text, size in zip(shown, sizes, strict=True))
    return expected_text, got_text


def _kind(value: plain.Plain) -> str:
    return "None" if value is None else type(value).__name__

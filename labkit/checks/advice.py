"""Which hint goes with a failed case: the case's own, unless what happened asks for another.

A case expects a certain mistake. An answer that never came so far has made a simpler one.
"""

from __future__ import annotations

import re

_BLOCKS = "nothing else runs while this line does: await something, or use `asyncio.to_thread`"
#: What the text of an error shows, and what to do about it.
_REMEDIES = (
    (
        r"'connect' object (has no attribute|does not support the context manager)",
        "`connect(…)` alone is no connection: `async with connect(…) as connection:`",
    ),
    (
        r"'coroutine' object|'function' object has no attribute|can't be used in 'await'",
        "is an `await` or a pair of parentheses missing, or one too many?",
    ),
    (
        r"(asynchronous context manager|'Timeout' object does not support the context manager)",
        "is it `async with` or `with`?",
    ),
)
_MISTAKES = r"it raised (AttributeError|ImportError|ModuleNotFoundError|NameError|TypeError)\b"


def advice(got: str, hint: str) -> str:
    """Return the hint for an answer of which ``got`` tells; ``hint`` is the case's own.

    >>> advice("it raised NameError: name 'spam' is not defined", "loop over the messages")
    ''
    """
    if "it blocks the event loop" in got:
        return hint if "thread" in hint else _BLOCKS
    if not re.search(_MISTAKES, got):
        return hint
    return next((remedy for text, remedy in _REMEDIES if re.search(text, got)), "")

"""An error in a few lines: what failed, and the reader's own lines. Prints nothing."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from labkit.kernel.places import Place, Places

#: A recursion passes the same line a thousand times; its first and last lines tell enough.
MOST_PLACES = 6


def describe(what: str, error: BaseException, places: Places) -> str:
    """Say ``what`` happened, why and where; once for each error of a group."""
    return "".join(f"{what}: {explain(leaf, places)}" for leaf in leaves(error))


def explain(error: BaseException, places: Places) -> str:
    """Say what ``error`` is, and which lines of the reader it passed, the outermost first.

    An error that passed none is placed by the innermost line of the library.
    """
    passed = [_at(place) for place in places.of_traceback(error.__traceback__)]
    if len(passed) > MOST_PLACES:
        half = MOST_PLACES // 2
        left_out = f"  … {len(passed) - MOST_PLACES} more lines\n"
        passed = [*passed[:half], left_out, *passed[-half:]]
    return f"{headline(error)}\n" + ("".join(passed) or _innermost(error.__traceback__))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors that a group holds, at whatever depth; or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def headline(error: BaseException) -> str:
    """Return the error's type and text, as the last line of a traceback has it.

    >>> headline(ValueError("no name given"))
    'ValueError: no name given'
    """
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _at(place: Place) -> str:
    function = "" if place.function.startswith("<module") else f", in {place.function}"
    return f"  {place.cell}, line {place.line}{function}\n    {place.source}\n"


def _innermost(trace: TracebackType | None) -> str:
    """Return the line of a library in which an error arose that passed no line of the reader."""
    steps = list(traceback.walk_tb(trace))
    if not steps:
        return ""
    frame, line = steps[-1]
    code = frame.f_code
    source = linecache.getline(code.co_filename, line).strip()
    return f"  {Path(code.co_filename).name}, line {line}, in {code.co_name}\n    {source}\n"

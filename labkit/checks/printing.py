"""Keeps what answers print, up to a bound, and what Python says of coroutines nobody awaits."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from labkit.checks import tracing

MAX_PRINTED = 2000
_NEVER_AWAITED = "coroutine .* was never awaited"


class Printed(io.StringIO):
    """What was printed and not taken yet."""

    def write(self, text: str) -> int:
        """Keep ``text`` as far as there is room, and say that all was written."""
        super().write(text[: max(0, MAX_PRINTED - self.tell())])
        return len(text)

    def take(self) -> str:
        """Return what was printed, and forget it."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


@contextlib.contextmanager
def kept(printed: Printed, code: Mapping[str, Any]) -> Iterator[None]:
    """Let ``printed`` hear what is printed.

    Python says only once of each line that a coroutine was never awaited, and whoever runs it may
    have chosen not to hear it. Here it is said each time, with the line of ``code``.
    """
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
    ):
        show = warnings.showwarning

        def tell(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if category is RuntimeWarning and "was never awaited" in str(message):
                place = tracing.innermost(tracing.outwards(sys._getframe()), code)
                first = str(message).partition("\n")[0]
                printed.write(f"{first}{f' ({place})' if place else ''}\n")
            else:
                show(message, category, filename, lineno, file, line)

        warnings.filterwarnings("always", _NEVER_AWAITED, RuntimeWarning)
        warnings.showwarning = tell
        yield

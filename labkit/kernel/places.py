"""Where in the reader's own cells some code stands. Knows no code but that of cells."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from types import CodeType, FrameType, TracebackType
from typing import Any

from labkit.simnet.waiting import suspended

#: How many letters of a line a sentence quotes.
LONGEST = 72


@dataclass(frozen=True)
class Place:
    """A line of a cell."""

    cell: str
    line: int
    source: str
    function: str

    def __str__(self) -> str:
        source = self.source
        if len(source) > LONGEST:
            source = source[: LONGEST - 1] + "…"
        return f"{self.cell}, line {self.line}: `{source}`"


class Places:
    """Finds the lines of cells. ``compiler`` is IPython's, which knows the file of every cell."""

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler

    def at(self, frame: FrameType, line: int | None = None) -> Place | None:
        """Return where ``frame`` stands, if that is in a cell."""
        return self.of_code(frame.f_code, line or frame.f_lineno)

    def of_code(self, code: CodeType, line: int | None = None) -> Place | None:
        """Return a line of ``code``, its first by default, if that is in a cell."""
        named = self._compiler.format_code_name(code.co_filename)
        if named is None:
            return None
        # IPython says "In[4]".
        cell = f"cell {named[1].removeprefix('In')}"
        number = line or code.co_firstlineno
        source = linecache.getline(code.co_filename, number).strip()
        return Place(cell, number, source, code.co_name)

    def of_traceback(self, trace: TracebackType | None) -> list[Place]:
        """Return the lines of cells that an exception passed, outermost first."""
        return self._all(traceback.walk_tb(trace))

    def of_frame(self, frame: FrameType | None) -> Place | None:
        """Return the innermost line of a cell from which ``frame`` was called."""
        return next(iter(self._all(traceback.walk_stack(frame))), None) if frame else None

    def of_coroutine(self, coroutine: object) -> Place | None:
        """Return the innermost line of a cell at which ``coroutine`` is suspended."""
        return next(reversed(self._all((f, f.f_lineno) for f in suspended(coroutine))), None)

    def frames_of(self, coroutine: object) -> list[FrameType]:
        """Return the frames of cells in which ``coroutine`` is suspended, outermost first."""
        return [frame for frame in suspended(coroutine) if self.at(frame)]

    def _all(self, steps: Iterable[tuple[FrameType, int]]) -> list[Place]:
        return [place for frame, line in steps if (place := self.at(frame, line))]

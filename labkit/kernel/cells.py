"""Which cell runs, and which cell something in the background belongs to. Runs none."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One run of a cell. ``id`` stays the same when the cell is run again, ``count`` does not.

    ``shows_late_output`` says whether its front end still shows what is printed after it ended.
    """

    id: str
    count: int
    shows_late_output: bool

    def __str__(self) -> str:
        return f"cell [{self.count}]"


#: The cell that the current code belongs to. Tasks, callbacks and connections that a cell starts
#: run in a copy of its context, and so do those that they start in turn.
current: ContextVar[Cell | None] = ContextVar("current", default=None)


def identify(front_end_id: str | None, source: str, count: int) -> Cell:
    """Return the cell that is about to run.

    JupyterLab and VS Code name their cells; nbclient, nbval and consoles do not, and read no output
    that comes after the cell has ended. Without a name, a cell is known by its source.
    """
    id = front_end_id or hashlib.sha256(source.encode()).hexdigest()
    return Cell(id, count, shows_late_output=front_end_id is not None)

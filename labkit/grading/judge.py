"""Judges a notebook: its exercises one after another, in a box. Writes nothing down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType

from labkit.checks.registry import Exercise
from labkit.checks.report import Report
from labkit.checks.runner import judge
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.grading.notebook import Notebook
from labkit.grading.pipe import Cell
from labkit.grading.process import Box

TIMEOUT_S = 60.0


async def judge_notebook(
    notebook: Notebook,
    exercises: Sequence[Exercise],
    *,
    seed: Callable[[Exercise], str] = lambda exercise: exercise.id,
    timeout_s: float = TIMEOUT_S,
    observe: Callable[[Report], None] = lambda report: None,
) -> list[Report]:
    """Return the verdict on each of ``exercises``, in order.

    ``seed`` chooses an exercise's random inputs; by default they are those of a notebook's own
    ``check``. ``timeout_s`` is for all exercises together: the one at which it runs out, and those
    after it, are timeouts. ``observe`` hears each verdict as it comes.
    """
    ends = asyncio.get_running_loop().time() + timeout_s
    reports: list[Report] = []
    async with Boxes(notebook.cells, [one.symbol for one in exercises]) as boxes:
        for one in exercises:
            try:
                async with asyncio.timeout_at(ends):
                    subject = Subject(one.symbol, await boxes.usable())
                    report = await judge(one, subject, World(seed(one)))
            except TimeoutError:
                why = f"the {timeout_s:g} s that a notebook has were over"
                report = Report(one.id, one.symbol, "timeout", 0.0, one.points, message=why)
            reports.append(report)
            observe(report)
    return reports


class Boxes:
    """The boxes of one notebook, one at a time.

    A box that an exercise has ended or hung costs that exercise and no other; a cell that a box
    did not survive is left out in the next.
    """

    def __init__(self, cells: Sequence[Cell], symbols: Sequence[str]) -> None:
        self._cells = cells
        self._symbols = symbols
        self._skipped: dict[int, str] = {}
        self._box: Box | None = None

    async def __aenter__(self) -> Boxes:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    async def usable(self) -> Box:
        """Return a box with the notebook's answers: the last one, if it is still good.

        A notebook that ends every box gets one that says so to whatever it is asked.
        """
        while self._box is None or not self._box.is_usable:
            await self._close()
            self._box = await Box.start()
            ended = await self._box.prepare(self._cells, self._symbols, self._skipped)
            if ended is not None:
                cell, why = ended
                if cell in self._skipped or not 0 <= cell < len(self._cells):
                    break
                self._skipped[cell] = why
        return self._box

    async def _close(self) -> None:
        if self._box is not None:
            await self._box.close()
            self._box = None

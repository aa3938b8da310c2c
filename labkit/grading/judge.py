"""Judges a notebook: its exercises one after another, in a box. Writes nothing down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from labkit.checks import runner
from labkit.checks.registry import Exercise
from labkit.checks.report import Report
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
    ends_s = time.monotonic() + timeout_s
    reports: list[Report] = []
    symbols = [one.symbol for one in exercises]
    with Boxes(notebook.cells, symbols) as boxes, ThreadPoolExecutor(1, "labkit-judge") as thread:
        for one in exercises:
            judging = thread.submit(_judged, boxes, one, seed(one), ends_s)
            report = await _in_time(judging, boxes, ends_s)
            if report is None or time.monotonic() >= ends_s:
                why = f"the {timeout_s:g} s that a notebook has were over"
                report = Report(one.id, one.symbol, "timeout", 0.0, one.points, message=why)
            reports.append(report)
            observe(report)
    return reports


def _judged(boxes: Boxes, exercise: Exercise, seed: str, ends_s: float) -> Report | None:
    """Return the verdict; None when there is no time for one."""
    if time.monotonic() >= ends_s:
        return None
    with boxes.usable().round() as pipe:
        left_s = min(ends_s - time.monotonic(), runner.LIMIT_S)
        return runner.judge(exercise, pipe, seed=seed, limit_s=left_s)


async def _in_time(judging: Future[Report | None], boxes: Boxes, ends_s: float) -> Report | None:
    """Let others judge meanwhile. Who stops waiting ends the box, and so what the thread does."""
    verdict = asyncio.wrap_future(judging)
    try:
        await asyncio.wait([verdict], timeout=ends_s - time.monotonic())
    finally:
        if not verdict.done():
            boxes.kill()
            await asyncio.wait([verdict])
    return verdict.result()


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
        self._is_over = False

    def __enter__(self) -> Boxes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def usable(self) -> Box:
        """Return a box with the notebook's answers: the last one, if it is still good.

        A notebook that ends every box gets one that says so to whatever it is asked.
        """
        while self._box is None or not (self._box.is_usable or self._is_over):
            self._close()
            self._box = Box.start()
            if self._is_over:
                self._box.kill()
            ended = self._box.prepare(self._cells, self._symbols, self._skipped)
            if ended is not None:
                cell, why = ended
                if cell in self._skipped or not 0 <= cell < len(self._cells):
                    break
                self._skipped[cell] = why
        return self._box

    def kill(self) -> None:
        """End the box that there is, and every other. May be called from any thread."""
        self._is_over = True
        box = self._box
        if box is not None:
            box.kill()

    def _close(self) -> None:
        if self._box is not None:
            self._box.close()
            self._box = None

"""Notices that a notebook was saved, and tells which verdicts that changed. Prints nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from labkit.checks.registry import exercises
from labkit.checks.report import Report
from labkit.grading.folder import check_notebook, notebooks_in

INTERVAL_S = 0.5


async def saves(
    folder: Path,
    *,
    interval_s: float = INTERVAL_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncIterator[tuple[str, Path]]:
    """Yield every lesson's notebook in ``folder``, and again whenever it was saved.

    Raises ``UsageError`` as ``notebooks_in`` does.
    """
    seen: dict[Path, tuple[int, int]] = {}
    while True:
        for lesson, path in notebooks_in(folder).items():
            try:
                status = path.stat()
            except FileNotFoundError:
                # It is being replaced by what was saved: the next look finds it.
                continue
            stamp = (status.st_mtime_ns, status.st_size)
            if seen.get(path) != stamp:
                seen[path] = stamp
                yield lesson, path
        await sleep(interval_s)


class Watch:
    """The verdicts so far, to tell what a save has changed."""

    def __init__(self) -> None:
        self._known: dict[str, Report] = {}

    async def check(self, lesson: str, path: Path) -> list[Report]:
        """Check the notebook; return the verdicts that are not as they were the last time.

        Raises ``CourseError`` where the notebook cannot be read or is not the lesson's.
        """
        reports = await check_notebook(path, list(exercises(lesson).values()))
        changed = [report for report in reports if self._known.get(report.exercise) != report]
        self._known |= {report.exercise: report for report in reports}
        return changed

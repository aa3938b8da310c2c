"""Runs a learner's coroutines as tasks that can be asked about and ended. Judges nothing."""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.checks import tracing
from labkit.checks.answer_loop import Tasks, offspring
from labkit.checks.messages import Raised, Returned, Unwritten, Waiting

Outcome = Returned | Raised | Unwritten
# A client that is cancelled says goodbye to its server first. Cancelled again, it stops waiting
# for an answer.
ENDING_ATTEMPTS = 3
ENDING_S = 0.05


class Runs:
    """The tasks, by handle. ``code`` is the globals of the learner's cells."""

    def __init__(self, code: Mapping[str, Any]) -> None:
        self._code = code
        self._runs: dict[int, _Run] = {}

    def start(self, handle: int, coroutine: Coroutine[Any, Any, object]) -> None:
        """Make a task of ``coroutine``."""
        started: Tasks = weakref.WeakSet()
        context = contextvars.copy_context()
        context.run(offspring.set, started)
        task = asyncio.get_running_loop().create_task(self._run(coroutine), context=context)
        self._runs[handle] = _Run(task, started, coroutine)

    async def outcome(self, handle: int, within_s: float) -> Outcome | Waiting:
        """Return what becomes of the task within some seconds, or where it waits."""
        run = self._runs[handle]
        await asyncio.wait([run.task], timeout=within_s)
        if run.task.done():
            return run.task.result()
        return Waiting(tracing.innermost(tracing.awaiting(run.coroutine), self._code))

    async def abandon(self, handle: int) -> Outcome | None:
        """End the task and whatever it has started, in bounded time; return what it came to."""
        run = self._runs.pop(handle, None)
        for _ in range(ENDING_ATTEMPTS):
            unfinished = [] if run is None else run.unfinished()
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished, timeout=ENDING_S)
        return run.task.result() if run is not None and run.task.done() else None

    async def _run(self, coroutine: Coroutine[Any, Any, object]) -> Outcome:
        # Whoever starts it hears that before its first step, which may block the loop.
        await asyncio.sleep(0)
        try:
            return tracing.returned(await coroutine, remedy="is an `await` missing?")
        except BaseException as error:
            # SystemExit and KeyboardInterrupt too: a task that raises them ends its whole loop.
            return tracing.report(error, self._code)


@dataclass(frozen=True)
class _Run:
    task: asyncio.Task[Outcome]
    started: Tasks
    coroutine: Coroutine[Any, Any, object]

    def unfinished(self) -> list[asyncio.Task[Any]]:
        return [task for task in (self.task, *self.started) if not task.done()]

"""Which tasks the cells have started, and where each waits. Ends none of them."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from labkit.errors import UsageError
from labkit.kernel.belongings import Belongings, Origin, Task
from labkit.kernel.cells import Cell, current
from labkit.kernel.names import library_of
from labkit.kernel.part import Notebook, Part

if TYPE_CHECKING:
    from labkit.kernel.table import Table

#: How exact "since when" is. A task whose wait is shorter than this is at work.
LOOK_EVERY_S = 0.5
#: The share of the loop's time that may be spent on looking.
SHARE = 0.01

_notebook: Notebook | None = None
_patience: Patience | None = None


class Patience:
    """Knows since when each task waits for what it waits for, by looking every now and then."""

    def __init__(self, loop: asyncio.AbstractEventLoop, belongings: Belongings) -> None:
        self._loop = loop
        self._belongings = belongings
        self._timer: asyncio.TimerHandle | None = None
        self._seen: WeakKeyDictionary[Task, tuple[Callable[[], object], float]] = (
            WeakKeyDictionary()
        )

    def begin(self) -> None:
        """Look from now on, for as long as there are tasks."""
        if self._timer is None:
            self._schedule(LOOK_EVERY_S)

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def since(self, task: Task, origin: Origin) -> float:
        """Return since when ``task`` waits for what it waits for, on the loop's clock."""
        self._look_at(task, origin)
        return self._seen[task][1]

    def _look(self) -> None:
        began = self._loop.time()
        self._timer = None
        tasks = list(self._belongings.tasks())
        for task, origin in tasks:
            self._look_at(task, origin)
        if tasks:
            self._schedule(max(LOOK_EVERY_S, (self._loop.time() - began) / SHARE))

    def _look_at(self, task: Task, origin: Origin) -> None:
        # asyncio tells by this attribute alone what a task awaits; a future is awaited once, so
        # that as long as it stays the same the task has not moved.
        awaited = getattr(task, "_fut_waiter", None)
        if (seen := self._seen.get(task)) is None:
            self._seen[task] = (_reference(awaited), origin.started_at)
        elif awaited is None or seen[0]() is not awaited:
            self._seen[task] = (_reference(awaited), self._loop.time())

    def _schedule(self, delay_s: float) -> None:
        # In a context of its own: the timer belongs to no cell.
        Context().run(self._start_timer, delay_s)

    def _start_timer(self, delay_s: float) -> None:
        self._timer = self._loop.call_later(delay_s, self._look)


class Tasks(Part):
    """Notes which cell has started which task, when the task is made. Costs its steps nothing."""

    def __init__(self, notebook: Notebook) -> None:
        super().__init__(notebook)
        self._patience = Patience(notebook.loop, notebook.belongings)

    def install(self) -> None:
        """Take part in the making of tasks."""
        global _notebook, _patience
        self._previous = self.notebook.loop.get_task_factory()
        self.notebook.loop.set_task_factory(self._make)
        _notebook, _patience = self.notebook, self._patience

    def remove(self) -> None:
        """Take part no more, if nobody else has taken over."""
        global _notebook, _patience
        if self.notebook.loop.get_task_factory() == self._make:
            self.notebook.loop.set_task_factory(self._previous)
        self._patience.end()
        _notebook = _patience = None

    def cell_starts(self, cell: Cell) -> None:
        """Note that the task in which a cell runs is not one that the cell has started."""
        if (run := asyncio.current_task(self.notebook.loop)) is not None:
            self.notebook.belongings.forget_task(run)

    def _make(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **options: Any,
    ) -> Any:
        if self._previous is not None:
            task: Any = self._previous(loop, coroutine, **options)
        else:
            # By this name, when it is needed: nest_asyncio puts another class there.
            task = asyncio.Task(coroutine, loop=loop, **options)
        context = options.get("context")
        cell = current.get() if context is None else context.get(current)
        # The kernel's own work for a message that comes while a cell runs is not the cell's.
        is_own = library_of(coroutine) != "ipykernel"
        if cell is not None and is_own and isinstance(task, asyncio.Task):
            parent = asyncio.current_task(loop)
            self.notebook.belongings.note_task(task, cell, parent, loop.time())
            self._patience.begin()
        return task


def tasks() -> Table:
    """Return a table of the tasks that the notebook's cells have started and that still run.

    It says where each waits, on what and since when; and which servers and connections are open.

    Raises UsageError where the extension is not loaded.
    """
    # Every notebook loads the extension; few ask for the table.
    from labkit.kernel.table import Table, open_things, rows

    if _notebook is None or _patience is None:
        raise UsageError("labkit.tasks() needs the extension; load it first: %load_ext labkit")
    now = _notebook.loop.time()
    waiting = [
        (task, origin, now - _patience.since(task, origin))
        for task, origin in _notebook.belongings.tasks()
    ]
    return Table(rows(waiting, _notebook.places), open_things(_notebook.belongings))


def _reference(awaited: object) -> Callable[[], object]:
    try:
        return weakref.ref(awaited)
    except TypeError:
        return lambda: None

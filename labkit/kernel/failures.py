"""Shows the errors of the background at once, once and in short. Handles none of them.

They come from tasks, callbacks, handlers of connections, and threads.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from contextvars import copy_context
from typing import Any

from labkit.kernel.belongings import Origin, Task
from labkit.kernel.cells import Cell, current
from labkit.kernel.names import name_of
from labkit.kernel.part import Notebook, Part
from labkit.kernel.places import Place
from labkit.kernel.wording import describe

#: How many rounds of the loop whoever awaits a task may take to ask for its error. A task group or
#: an `await` takes none, `asyncio.wait` and what is built on it one or two.
ROUNDS = 10

#: A cell that never runs: in its context, what is printed goes where the background's output goes.
BACKGROUND = Cell("background", 0, shows_late_output=True)


class Failures(Part):
    """Listens wherever asyncio, logging and threading leave an error that nobody handles."""

    def __init__(self, notebook: Notebook) -> None:
        super().__init__(notebook)
        self._log = LastResort(self)

    def install(self) -> None:
        """Begin to listen."""
        loop = self.notebook.loop
        self.notebook.belongings.on_task = self._watch
        self._previous_handler = loop.get_exception_handler()
        loop.set_exception_handler(self._loop_failed)
        self._previous_log, logging.lastResort = logging.lastResort, self._log
        self._previous_hook, threading.excepthook = threading.excepthook, self._thread_failed

    def remove(self) -> None:
        """Leave alone whatever somebody else has put in place meanwhile."""
        loop = self.notebook.loop
        self.notebook.belongings.on_task = None
        if loop.get_exception_handler() == self._loop_failed:
            loop.set_exception_handler(self._previous_handler)
        if logging.lastResort is self._log:
            logging.lastResort = self._previous_log
        if threading.excepthook == self._thread_failed:
            threading.excepthook = self._previous_hook

    def show(self, what: str, error: BaseException) -> None:
        """Print ``what`` happened, and why."""
        _print(describe(what, error, self.notebook.places))

    def _watch(self, task: Task, origin: Origin) -> None:
        task.add_done_callback(lambda task: self._look(task, origin, ROUNDS))

    def _look(self, task: Task, origin: Origin, rounds: int) -> None:
        # asyncio's own mark of an error that nobody has asked for.
        if not getattr(task, "_log_traceback", False):
            return
        if rounds:
            self.notebook.loop.call_soon(self._look, task, origin, rounds - 1)
        elif (error := task.exception()) is not None and not isinstance(error, KeyboardInterrupt):
            # An interrupt is shown by the cell that it ends.
            name = name_of(task, self.notebook.places)
            self.show(f"Task `{name}` of {origin.cell} failed", error)

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle what asyncio would log: failed callbacks, tasks dropped while they wait."""
        error, task = context.get("exception"), context.get("task")
        places = self.notebook.places
        if isinstance(error, asyncio.CancelledError):
            # asyncio's own callback of a stream's handler stumbles over its cancellation.
            return
        if error is not None and places.of_traceback(error.__traceback__):
            self.show(_what(context), error)
        elif task is not None and (place := self._written(task)) is not None:
            _print(
                f"Task `{name_of(task, places)}` ({place}) was lost while it waited: nothing "
                "referred to it; keep it in a variable, `task = asyncio.create_task(...)`\n"
            )
        elif self._previous_handler is not None:
            self._previous_handler(loop, context)
        else:
            loop.default_exception_handler(context)

    def _written(self, task: Task) -> Place | None:
        """Return where the coroutine of ``task`` is written, if that is in a cell."""
        code = getattr(task.get_coro(), "cr_code", None)
        return self.notebook.places.of_code(code) if code is not None else None

    def _thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        error, thread = failed.exc_value, failed.thread
        if error is None or isinstance(error, SystemExit):
            return
        if not self.notebook.places.of_traceback(failed.exc_traceback):
            self._previous_hook(failed)
        else:
            name = repr(thread.name) if thread is not None else "that has ended"
            self.show(f"Thread {name} failed", error)


class LastResort(logging.Handler):
    """Writes what is logged where nobody has configured logging; an error in short."""

    def __init__(self, failures: Failures) -> None:
        super().__init__(logging.WARNING)
        self._failures = failures

    def emit(self, record: logging.LogRecord) -> None:
        """Print ``record``, unless it says no more than that a peer has closed its connection."""
        try:
            error = record.exc_info[1] if record.exc_info else None
            text = record.getMessage()
            if error is None:
                print(text, file=sys.stderr)
            elif not _is_connection_closed(error):
                self._failures.show(text, error)
        except Exception:
            self.handleError(record)


def _print(text: str) -> None:
    # asyncio reports from anywhere, even from a garbage collection in the kernel's own code.
    context = copy_context()
    context.run(current.set, BACKGROUND)
    context.run(print, text, end="", file=sys.stderr)


def _what(context: dict[str, Any]) -> str:
    """Name what failed; asyncio's own message names its internals."""
    if "handle" in context:
        return "A callback failed"
    if "transport" in context:
        return "A connection handler failed"
    return "Something in the background failed"


def _is_connection_closed(error: BaseException) -> bool:
    # A handler of the `websockets` library ends so when its peer leaves.
    library = sys.modules.get("websockets.exceptions")
    return library is not None and isinstance(error, library.ConnectionClosed)

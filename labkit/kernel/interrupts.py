"""An interrupt ends what it is meant for: the running cell, or what blocks the loop. Nothing else.

ipykernel cancels a cell that awaits, but only when its loop wakes, and cannot end what blocks the
loop while a cell awaits or while none runs. Does not watch for blocking by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any, NoReturn

from labkit.kernel.cells import Cell, current
from labkit.kernel.part import Notebook, Part
from labkit.kernel.places import Place
from labkit.kernel.showing import show_with
from labkit.kernel.stacks import Activity, activity, raise_at_next_line
from labkit.kernel.wakeup import WakeUp


class Interrupts(Part):
    """Handles SIGINT for as long as the extension is loaded, whether or not a cell runs.

    The first interrupt of a cell that awaits cancels it. If a cell catches that and goes on, the
    next interrupt raises KeyboardInterrupt once more, behind what caught the first. Code that keeps
    the loop from coming round is broken off by an exception: KeyboardInterrupt in a cell,
    CancelledError in a task or callback of the background, where a KeyboardInterrupt would end the
    kernel.
    """

    def __init__(self, notebook: Notebook) -> None:
        super().__init__(notebook)
        self._process = os.getpid()
        self._forget_cell()
        #: An interrupt came, and nothing has shown yet that it took effect.
        self._is_pending = False
        #: The next signal is no new interrupt: it breaks off what blocks the loop.
        self._is_overdue = False
        self._has_said = False

    def _forget_cell(self) -> None:
        #: A message is being handled, and if it is a cell's, the cell has not started yet.
        self._is_preparing = False
        self._came_early = False
        self._dispatcher: asyncio.Task[Any] | None = None
        #: The task of a cell that awaits. Other cells run inside the kernel's own.
        self._task: asyncio.Task[Any] | None = None
        self._is_to_cancel = False
        self._cancellations = 0
        #: How often the cell was interrupted that does not await.
        self._raised = 0
        self._insists = False

    def install(self) -> None:
        """Take SIGINT over from ipykernel, and show a cancelled cell as an interrupted one."""
        kernel, shell = self.notebook.kernel, self.notebook.shell
        self._wakeup = WakeUp(
            self.notebook.loop,
            came_round=self._came_round,
            overdue=self._break_off_soon,
            unheard=interrupt_main_thread,
        )
        # Upstream they let SIGINT raise anywhere during a message, and ignore it between messages.
        self._hooks = kernel.pre_handler_hook, kernel.post_handler_hook
        kernel.pre_handler_hook, kernel.post_handler_hook = self._message_comes, self._message_goes
        self._show_no_longer = show_with(shell, (asyncio.CancelledError,), self._show)
        loop = self.notebook.loop
        # Who handles SIGINT in the loop would hear it beside the kernel: python-socketio's clients
        # do, and end the loop. The instance's own method goes, and the class's shows again.
        loop.remove_signal_handler(signal.SIGINT)
        self._add_signal_handler = loop.add_signal_handler
        loop.add_signal_handler = self._add_other_handler  # type: ignore[assignment]
        self._take_signal()

    def _add_other_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        if sig != signal.SIGINT:
            self._add_signal_handler(sig, callback, *args)

    def remove(self) -> None:
        """Give SIGINT back. The cell that unloads the extension runs as ipykernel runs cells."""
        kernel = self.notebook.kernel
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._show_no_longer()
        kernel.pre_handler_hook, kernel.post_handler_hook = self._hooks
        del self.notebook.loop.add_signal_handler
        self._wakeup.close()
        self._is_pending = False

    def _take_signal(self) -> None:
        signal.signal(signal.SIGINT, self._handle)
        self._wakeup.arm()

    def _message_comes(self) -> None:
        self._take_signal()
        self._forget_cell()
        self._is_preparing = True

    def _message_goes(self) -> None:
        self._take_signal()
        self._forget_cell()

    async def before_cell(self, cell: Cell) -> None:
        """Remember which task handles the message of ``cell``."""
        self._dispatcher = asyncio.current_task()

    def cell_starts(self, cell: Cell) -> None:
        """Tell a cell that awaits, which has its own task and SIGINT handler, from others."""
        self._is_preparing = False
        task = asyncio.current_task()
        self._task = None if task is self._dispatcher else task
        self._take_signal()
        came_early, self._came_early = self._came_early, False
        if came_early:
            self._ask()

    def cell_ends(self, cell: Cell) -> None:
        """Let no interrupt of ``cell`` reach the next one."""
        if self._insists:
            sys.settrace(self._previous_trace)
        self._is_pending = False
        self._forget_cell()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            # A fork has no thread and no loop of ours: the copy of the cell ends.
            signal.default_int_handler(signum, frame)
        self._wakeup.poke()
        is_overdue, self._is_overdue = self._is_overdue, False
        if is_overdue:
            if self._is_pending:
                self._break_off(frame)
            return
        doing = activity(frame, self.notebook.places)
        if doing is Activity.CELL and self._task is None:
            self._raised += 1
            if self._raised > 1:
                self._insist([step for step, _ in traceback.walk_stack(frame)])
            self._raise(frame, after="")
        elif doing is Activity.NESTED:
            # Raised here, in the middle of a task's step, it could leave that task stranded, and
            # with it the inner loop.
            self._is_pending = True
            self._has_said = False
            # The loop inside may be another one, while the notebook's stands still.
            inside = asyncio._get_running_loop() or self.notebook.loop
            inside.call_soon_threadsafe(self._end_nested)
        else:
            self._ask()

    def _ask(self) -> None:
        """Have the cell end at an ``await``. Called wherever the signal happened to interrupt."""
        self._is_pending = True
        self._has_said = False
        if self._is_preparing:
            # It is meant for the cell, which others prepare.
            self._came_early = True
        elif self._task is not None:
            self._is_to_cancel = True
            self.notebook.loop.call_soon_threadsafe(self._cancel, self._task)
        self._wakeup.poke()

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        if task is not self._task or task.done() or not self._is_to_cancel:
            return
        self._is_to_cancel = False
        self._cancellations += 1
        task.cancel()
        if self._cancellations > 1:
            self._insist(self.notebook.places.frames_of(task.get_coro()))

    def _insist(self, frames: Sequence[FrameType]) -> None:
        """End a cell that caught an interrupt and went on: raise where it cannot expect it."""
        if not self._insists:
            self._insists, self._previous_trace = True, sys.gettrace()
        places = self.notebook.places
        own = [frame for frame in frames if places.at(frame)]
        raise_at_next_line(own, lambda frame: interruption([places.at(frame)]))

    def _end_nested(self) -> None:
        frame = sys._getframe()
        if activity(frame, self.notebook.places) is Activity.NESTED:
            self._raise(frame, after="")
        elif self._is_pending:
            self._ask()

    def _came_round(self) -> None:
        self._is_pending = False

    def _break_off_soon(self) -> None:
        if not self._is_pending:
            return
        self._is_overdue = True
        interrupt_main_thread()

    def _break_off(self, frame: FrameType | None) -> None:
        match activity(frame, self.notebook.places):
            case Activity.KERNEL:
                return
            case Activity.BACKGROUND:
                place = self.notebook.places.of_frame(frame)
                self._say(str(place or f"a callback of {current.get()}"))
                raise asyncio.CancelledError
            case _:
                self._raise(frame, after=", which blocked the event loop")

    def _raise(self, frame: FrameType | None, *, after: str) -> NoReturn:
        self._is_pending = self._is_to_cancel = False
        raise interruption([self.notebook.places.of_frame(frame)], after=after)

    def _say(self, what: str) -> None:
        if not self._has_said:
            self._has_said = True
            text = f"interrupted: {what} blocked the event loop\n"
            # Not from here, in the middle of whatever ran.
            self.notebook.loop.call_soon_threadsafe(sys.stderr.write, text)

    def _show(self, error: BaseException, trace: TracebackType | None) -> None:
        shell = self.notebook.shell
        if self._cancellations == 0:
            shell.showtraceback(running_compiled_code=True)
            return
        interrupted = interruption(self.notebook.places.of_traceback(trace))
        # The reply names the same error as the output does.
        shell.displayhook.exec_result.error_in_exec = interrupted
        shell.showtraceback((KeyboardInterrupt, interrupted, trace))


def interrupt_main_thread() -> None:
    """Send SIGINT to the main thread, where it ends a call that waits, as ``time.sleep`` does."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def interruption(places: Sequence[Place | None], *, after: str = "") -> KeyboardInterrupt:
    """Return the error that says where a cell was, outermost line first, in a line or two."""
    known = [place for place in places if place]
    text = f"interrupted at {known[-1]}{after}" if known else "interrupted"
    error = KeyboardInterrupt(text)
    lines = [f"KeyboardInterrupt: {text}"]
    if len(known) > 1:
        lines.append(f"  called from {known[0]}")
    # IPython asks an exception for its traceback before it formats one.
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    return error

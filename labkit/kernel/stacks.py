"""What the kernel's main thread does at a moment, read from its stack, and what it does next."""

from __future__ import annotations

import enum
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from labkit.kernel.cells import current
from labkit.kernel.places import Places


class Activity(enum.Enum):
    """Who would meet an exception that is raised in the main thread now."""

    CELL = "the code of the running cell"
    NESTED = "a loop that the running cell runs inside the kernel's own, as nest_asyncio lets it"
    MESSAGE = "the kernel's answer to a message that runs no cell: a completion, a widget"
    SHIELDED = "code of IPython that shows a KeyboardInterrupt and goes on"
    BACKGROUND = "a task or a callback that a cell started"
    KERNEL = "the kernel itself: an exception could end it, or leave a cell without its reply"


_RUN_CODE = "IPython.core.interactiveshell.run_code"
_RUN_ASYNC_CELL = "IPython.core.interactiveshell.run_cell_async"
_EXECUTE = "ipykernel.kernelbase.execute_request"
_DISPATCH = "ipykernel.kernelbase.dispatch_shell"
_SHIELDS = {
    "IPython.core.interactiveshell._run_cell",
    "IPython.core.interactiveshell.showtraceback",
    "IPython.core.events.trigger",
}


def activity(frame: FrameType | None, places: Places) -> Activity:
    """Say what runs in ``frame``. Called in the context of what runs, as a signal's handler is."""
    is_background = current.get() is not None
    is_nested = runs_cell = False
    inner: FrameType | None = None
    for step, _ in traceback.walk_stack(frame):
        match _name(step):
            case name if name == _RUN_CODE and inner and places.at(inner):
                return Activity.NESTED if is_nested else Activity.CELL
            case name if name in _SHIELDS:
                return Activity.SHIELDED
            case name if name == _EXECUTE:
                return Activity.KERNEL
            case name if name == _DISPATCH:
                return Activity.MESSAGE
            case name if name == _RUN_ASYNC_CELL:
                runs_cell = True
        is_nested |= step.f_code.co_name in {"run_forever", "run_until_complete"}
        is_background |= places.at(step) is not None
        inner = step
    return Activity.BACKGROUND if is_background and not runs_cell else Activity.KERNEL


def imports(frame: FrameType | None) -> bool:
    """Say whether ``frame`` is part of an import."""
    return any(
        step.f_code.co_filename.startswith("<frozen importlib._bootstrap")
        for step, _ in traceback.walk_stack(frame)
    )


def _name(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}"


def raise_at_next_line(
    frames: Sequence[FrameType], error: Callable[[FrameType], BaseException]
) -> None:
    """Raise ``error`` in the first of ``frames`` that runs its next line.

    Only tracing, made for debuggers, can raise in a coroutine anything but what its task throws.
    """

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame not in frames:
            return None
        if event == "line":
            sys.settrace(None)
            raise error(frame)
        return trace

    for frame in frames:
        frame.f_trace = trace
    sys.settrace(trace)

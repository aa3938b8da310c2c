"""Notices from another thread that an answer blocks its event loop. Ends nothing.

Counted in looks and in processor time, not in time that passes: on a busy machine a right answer
may stand still for want of a processor.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

from labkit.checks import tracing
from labkit.simnet.virtual import VirtualLoop

LOOK_S = 0.01
#: Between two turns of the loop, so many looks that find the answer at the same instruction, as in
#: `time.sleep`, or so much work: more than any exercise asks for.
LOOKS = 5
BUSY_S = 0.05


class Standstill:
    """Looks at ``thread``, which runs a loop. ``code`` is the globals of the learner's cells."""

    def __init__(self, thread: Thread, code: Mapping[str, Any]) -> None:
        self._thread = thread
        self._code = code
        self._turn: int | None = None
        self._since_s = time.monotonic()
        self._lasts_s = 0.0
        self._begin()

    def lasts_s(self) -> float:
        """Return for how long, at the last look, the loop had neither turned nor rested."""
        return self._lasts_s

    def look(self, loop: VirtualLoop) -> bool:
        """Return whether one line of the learner's code is what ``loop`` cannot get past."""
        if loop.is_resting or loop.turns != self._turn:
            self._turn = loop.turns
            self._since_s = time.monotonic()
            self._begin()
        self._lasts_s = 0.0 if loop.is_resting else time.monotonic() - self._since_s
        frame = sys._current_frames().get(self._thread.ident or 0)
        steps = [] if loop.is_resting else list(tracing.outwards(frame))
        # An import is slow once, and nobody's fault.
        if tracing.innermost(steps, self._code) is None or any(map(_imports, steps)):
            self._begin()
            return False
        if frame is not None and not _wants_processor(self._thread):
            self._seen[id(frame), frame.f_lasti] += 1
        is_busy = _processor_s(self._thread) - self._began_s >= BUSY_S
        return is_busy or max(self._seen.values(), default=0) > LOOKS

    def _begin(self) -> None:
        self._seen: Counter[tuple[int, int]] = Counter()
        self._began_s = _processor_s(self._thread)


def _imports(step: tuple[FrameType, int]) -> bool:
    return step[0].f_code.co_filename.startswith("<frozen importlib._bootstrap")


def _wants_processor(thread: Thread) -> bool:
    """Whether the thread runs or would run if it could; False where the system does not tell."""
    try:
        status = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
    except OSError:
        return False
    # proc(5): the state comes behind the name, which is in parentheses.
    return status.rpartition(")")[2].split()[0] == "R"


def _processor_s(thread: Thread) -> float:
    """Return how long the thread has had a processor; 0.0 where the system does not tell."""
    if not hasattr(time, "pthread_getcpuclockid") or not thread.is_alive():
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident or 0))

"""Says, while it happens, which line keeps the event loop from coming round. Ends nothing."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from types import FrameType

from labkit.kernel.part import Notebook, Part
from labkit.kernel.places import Places
from labkit.kernel.stacks import imports

#: A loop that has not come round for so long is blocked.
BLOCKED_S = 2.0
PERIOD_S = 0.5


class BlockingWatch(Part):
    """A thread that asks the loop twice a second to answer, while something in it waits."""

    def __init__(self, notebook: Notebook) -> None:
        super().__init__(notebook)
        self._ended = threading.Event()

    def install(self) -> None:
        """Start watching."""
        self._thread = threading.Thread(target=self._watch, name="labkit-blocking", daemon=True)
        self._thread.start()

    def remove(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(PERIOD_S):
            if self._who_waits():
                answered = threading.Event()
                try:
                    self.notebook.loop.call_soon_threadsafe(answered.set)
                except RuntimeError:
                    return  # The loop is closed: the kernel ends.
                self._await_answer(answered)

    def _await_answer(self, answered: threading.Event) -> None:
        """Wait for the loop, and say once what keeps it from answering."""
        since = time.monotonic()
        has_said = False
        while not answered.wait(PERIOD_S) and not self._ended.is_set():
            frame = sys._current_frames().get(threading.main_thread().ident or 0)
            if imports(frame):
                since = time.monotonic()
            elif not has_said and time.monotonic() - since >= BLOCKED_S:
                has_said = self._say(frame)

    def _say(self, frame: FrameType | None) -> bool:
        place = self.notebook.places.of_frame(frame)
        waiting = self._who_waits()
        if place is None or not waiting:
            return False
        remedy = find_remedy(place.source, modules_below(frame, self.notebook.places))
        running, latest = self.notebook.running, self.notebook.latest
        # How long a computation takes depends on the machine; what is stored must not.
        if remedy is None or (remedy is COMPUTATION and latest and not latest.shows_late_output):
            return True
        print(
            f"{place} has blocked the event loop for {BLOCKED_S:.0f} s, "
            f"and with it {waiting} of this notebook. "
            f"Interrupt the {'cell' if running else 'kernel'}, or use {remedy}.",
            file=sys.stderr,
        )
        return True

    def _who_waits(self) -> str:
        """Count what the loop serves beside the code that runs: "1 server and 2 tasks", or ""."""
        belongings = self.notebook.belongings
        try:
            runs = asyncio.current_task(self.notebook.loop)
            counts = {
                "server": sum(1 for _ in belongings.servers()),
                "connection": sum(1 for _ in belongings.connections()),
                "task": sum(o.is_root and task is not runs for task, o in belongings.tasks()),
            }
        except RuntimeError:
            return ""  # They changed meanwhile: the loop lives, or the next look will tell.
        parts = [f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts.items() if n]
        return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


COMPUTATION = (
    "`await asyncio.to_thread(…)` for a computation, or `await asyncio.sleep(0)` now and then "
    "in a loop"
)
#: What waits for something outside. Whatever else keeps the loop waiting computes.
WAITING = {
    *("http", "httpcore", "httpx", "requests", "urllib", "urllib3", "websockets"),
    *("queue", "select", "selectors", "socket", "ssl", "subprocess", "threading"),
    # `input` asks the front end.
    "ipykernel",
}


def find_remedy(source: str, modules: Sequence[str]) -> str | None:
    """Return what to use instead of what ``source`` calls; None if that is labkit's own affair.

    ``modules`` are those of the functions that ``source`` is in the middle of.

    >>> find_remedy("time.sleep(10)", [])
    '`await asyncio.sleep(10)`'
    >>> find_remedy("answer = requests.get(url, timeout=5)", ["socket", "requests"])
    '`await asyncio.to_thread(requests.get, url, timeout=5)`'
    """
    # A check has its own deadline, and its own words for an answer that blocks.
    if "labkit" in modules:
        return None
    if not modules and (slept := re.search(r"\bsleep\(([^()]*)\)", source)):
        return f"`await asyncio.sleep({slept[1]})`"
    if "concurrent" in modules:
        return "`await asyncio.wrap_future(…)` instead of `.result()`"
    return f"`await {_in_thread(source)}`" if WAITING.intersection(modules) else COMPUTATION


def _in_thread(source: str) -> str:
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        statements = []
    match statements:
        case [ast.Expr(value=ast.Call() as call) | ast.Assign(value=ast.Call() as call)]:
            keywords = [ast.unparse(keyword) for keyword in call.keywords]
            arguments = [ast.unparse(part) for part in (call.func, *call.args)] + keywords
            return f"asyncio.to_thread({', '.join(arguments)})"
        case _:
            return "asyncio.to_thread(…)"


def modules_below(frame: FrameType | None, places: Places) -> list[str]:
    """Return the packages of the functions between ``frame`` and the line of a cell."""
    modules = []
    for step, _ in traceback.walk_stack(frame):
        if places.at(step):
            break
        modules.append(str(step.f_globals.get("__name__")).partition(".")[0])
    return modules

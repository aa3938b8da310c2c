"""Runs a notebook's cells as forgivingly as is fair. Runs inside the box; judges nothing.

An answer counts wherever it stands: in a copied, moved, retyped or split cell. A cell that fails
or hangs costs what only it defines.
"""

from __future__ import annotations

import asyncio
import inspect
import linecache
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from types import CodeType, FrameType, ModuleType
from typing import Any

from labkit.grading.pipe import Cell
from labkit.grading.sources import compiled, is_indented, names_in, parsed, stubs_in

DEADLINE_S = 2.0
# A cell may catch what interrupts it once, but not every one that follows.
REPEAT_S = 0.05
MAX_TEXT = 200


class OutOfTime(BaseException):
    """Thrown into a cell that does not end."""


class Notebook:
    """The namespace that the cells share, and what became of each cell.

    ``symbols`` are the names that answers have. ``announce`` is called with a cell's index before
    the cell is touched, so that whoever watches knows which one a dead process died of.
    """

    def __init__(
        self,
        symbols: Collection[str],
        *,
        announce: Callable[[int], None],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.module = ModuleType("__main__")
        self.namespace = vars(self.module)
        self._symbols = symbols
        self._announce = announce
        self._deadline_s = deadline_s
        self._sources: dict[int, str] = {}
        self._failures: dict[int, str] = {}
        self._lacking: set[int] = set()
        self._written: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()

    def run(self, cells: Sequence[Cell], skipped: Mapping[int, str]) -> None:
        """Run the cells in order; then again, those that lacked a name that a later one defines."""
        # Dataclasses, enums and type hints look for their module there.
        sys.modules["__main__"] = self.module
        asyncio.set_event_loop(self._loop)
        signal.signal(signal.SIGALRM, _interrupt)
        for index, cell in enumerate(cells):
            if index in skipped:
                self._sources[index], self._failures[index] = cell.source, skipped[index]
                continue
            self._announce(index)
            if cell.is_code or self._is_retyped_answer(cell.source):
                self._run(index, self._joined(cell.source))
        tried: set[int] = set()
        while self._lacking and self._lacking != tried:
            tried = set(self._lacking)
            for index in sorted(tried):
                self._announce(index)
                self._run(index, self._sources[index])

    def answers(self) -> dict[str, Any]:
        """Return the object of every symbol that a cell defined."""
        return {name: self.namespace[name] for name in self._symbols if name in self.namespace}

    def absent(self) -> dict[str, str]:
        """Return, for every symbol without an answer whose cell failed, what stopped the cell."""
        return {
            symbol: f"`{symbol}` is not defined: {self._failures[index]}"
            for index in sorted(self._failures)
            for symbol in names_in(self._sources[index]).intersection(self._symbols)
            if symbol not in self._written
        }

    def _is_retyped_answer(self, source: str) -> bool:
        return bool(names_in(source).intersection(self._symbols)) and parsed(source) is not None

    def _joined(self, source: str) -> str:
        """Return the source, after that of the cell before it if it is the second half of that."""
        if not self._sources or not is_indented(source):
            return source
        before = max(self._sources)
        joined = f"{self._sources[before]}\n{source}"
        if parsed(joined) is None:
            return source
        del self._sources[before]
        self._failures.pop(before, None)
        self._lacking.discard(before)
        return joined

    def _run(self, index: int, source: str) -> None:
        self._sources[index] = source
        self._failures.pop(index, None)
        self._lacking.discard(index)
        name = f"<cell {index + 1}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        before = self.answers()
        try:
            self._execute(compiled(source, name))
        except OutOfTime as error:
            line = self._line_of(error)
            self._failures[index] = f"its cell did not end within {self._deadline_s:g} s{line}"
        except BaseException as error:
            if isinstance(error, NameError):
                self._lacking.add(index)
            self._failures[index] = f"its cell stopped with {_told(error)}{self._line_of(error)}"
        self._keep_written(before, stubs_in(source))

    def _execute(self, code: CodeType) -> None:
        task = self._loop.create_task(_evaluated(code, self.namespace))
        signal.setitimer(signal.ITIMER_REAL, self._deadline_s, REPEAT_S)
        try:
            self._loop.run_until_complete(task)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            task.cancel()

    def _keep_written(self, before: Mapping[str, Any], stubs: Collection[str]) -> None:
        """Keep an answer that was written from the stub of the same name in a later cell."""
        for symbol, answer in self.answers().items():
            if answer is before.get(symbol):
                continue
            if symbol not in stubs:
                self._written[symbol] = answer
            elif symbol in self._written:
                self.namespace[symbol] = self._written[symbol]

    def _line_of(self, error: BaseException) -> str:
        if isinstance(error, SyntaxError):
            return f" (line {error.lineno})"
        line, trace = 0, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals is self.namespace:
                line = trace.tb_lineno
            trace = trace.tb_next
        return f" (line {line})" if line else ""


async def _evaluated(code: CodeType, namespace: dict[str, Any]) -> None:
    # In a running loop, as a kernel runs a cell. Code with a top-level await makes a coroutine.
    result = eval(code, namespace)
    if inspect.iscoroutine(result):
        await result


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise OutOfTime


def _told(error: BaseException) -> str:
    kind = type(error).__name__
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:
        text = ""
    return f"{kind}: {text[:MAX_TEXT]}" if text else kind

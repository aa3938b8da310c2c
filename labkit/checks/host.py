"""Runs a learner's answer where it can be late, loud or wrong without harm. Judges nothing.

The answer gets a thread and an event loop of its own. Requests come in from outside; one that is
not answered in time is reported as stalled, with the line it hangs at, and the answer is stopped:
at once if it loops in Python, at the end of the blocking call if it sleeps in C.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import ctypes
import inspect
import io
import sys
import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from labkit.checks import plain, tracing
from labkit.checks.listening import AnswerLoop, Listener
from labkit.checks.messages import (
    Call,
    Gone,
    Invoke,
    Listening,
    Missing,
    New,
    Raised,
    Reply,
    Request,
    Returned,
    Serve,
    Settle,
    Settled,
    Stalled,
    StopServing,
    Unwritten,
)

DEADLINE_S = 2.0
MAX_PRINTED = 2000
# What arrives on a socket is read in one round of the loop and acted on in the next few.
SETTLING_ROUNDS = 10


class Interrupted(BaseException):
    """Thrown into an answer that is out of time."""


class Host:
    """A thread and a loop in which ``answers``, by symbol, run. Use it as a context manager.

    ``code`` is the globals of the learner's cells: a frame that has them is a line of theirs.
    ``absent`` says, for a symbol that is not there, why: what stopped its cell.
    What the answers print is kept, up to a bound, and goes with the replies.
    """

    def __init__(
        self,
        answers: Mapping[str, Any],
        *,
        code: Mapping[str, Any],
        absent: Mapping[str, str] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._answers = answers
        self._code = code
        self._absent = absent or {}
        self._deadline_s = deadline_s
        self._objects: dict[int, Any] = {}
        self._listener = Listener()
        self._gone: Gone | None = None
        self._printed = _BoundedText()
        self._redirected = contextlib.ExitStack()
        self._loop = AnswerLoop()
        self._thread = threading.Thread(target=self._run, name="labkit-answer", daemon=True)

    def __enter__(self) -> Host:
        self._redirected.enter_context(contextlib.redirect_stdout(self._printed))
        self._redirected.enter_context(contextlib.redirect_stderr(self._printed))
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._gone is None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(self._deadline_s)
        self._redirected.close()

    def answer(self, request: Request) -> Reply:
        """Carry out ``request`` and return its reply, within the deadline."""
        if self._gone is not None:
            return self._gone
        pending = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
        try:
            reply = pending.result(self._deadline_s)
        except concurrent.futures.TimeoutError:
            reply = self._give_up(pending)
        if isinstance(reply, Returned | Raised | Stalled):
            reply = msgspec.structs.replace(reply, printed=self._printed.take())
        return reply

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        # An `Interrupted` may land anywhere; whatever it ends, the thread ends quietly.
        with contextlib.suppress(Interrupted):
            self._loop.run_forever()
            unfinished = asyncio.all_tasks(self._loop)
            for task in unfinished:
                task.cancel()
            if unfinished:
                self._loop.run_until_complete(asyncio.wait(unfinished, timeout=0.5))
            self._loop.close()

    def _give_up(self, pending: concurrent.futures.Future[Reply]) -> Stalled:
        thread_id = self._thread.ident or 0
        steps = tracing.outwards(sys._current_frames().get(thread_id))
        stalled = Stalled(self._deadline_s, tracing.innermost(steps, self._code))
        self._gone = Gone("it was not asked again, because an earlier call never returned")
        pending.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread_id), ctypes.py_object(Interrupted)
        )
        return stalled

    async def _answer(self, request: Request) -> Reply:
        try:
            match request:
                case Call(symbol, arguments):
                    return self._call(symbol, plain.decode(arguments))
                case New(symbol, arguments, handle):
                    return self._new(symbol, plain.decode(arguments), handle)
                case Invoke(handle, method, arguments):
                    return self._invoke(handle, method, plain.decode(arguments))
                case Serve(symbol):
                    return await self._serve(symbol)
                case Settle():
                    return await self._settle()
                case StopServing():
                    await self._listener.stop()
                    return await self._settle()
        except Interrupted:
            raise
        except BaseException as error:
            return tracing.report(error, self._code)

    def _find(self, symbol: str) -> Missing | Unwritten | None:
        if symbol in self._absent:
            return Missing(self._absent[symbol])
        if symbol not in self._answers:
            return Unwritten(f"no cell defines `{symbol}`")
        if not callable(self._answers[symbol]):
            what = plain.describe(self._answers[symbol])
            return Missing(f"`{symbol}` is {what}: give the function or class itself, without ()")
        return None

    def _call(self, symbol: str, arguments: list[Any]) -> Reply:
        return self._find(symbol) or _returned(self._answers[symbol](*arguments))

    def _new(self, symbol: str, arguments: list[Any], handle: int) -> Reply:
        missing = self._find(symbol)
        if missing is not None:
            return missing
        self._objects[handle] = self._answers[symbol](*arguments)
        return Returned(plain.encode(None))

    def _invoke(self, handle: int, method: str, arguments: list[Any]) -> Reply:
        target = self._objects[handle]
        if not callable(getattr(target, method, None)):
            return Missing(f"`{type(target).__name__}` has no method `{method}`")
        return _returned(getattr(target, method)(*arguments))

    async def _serve(self, symbol: str) -> Reply:
        missing = self._find(symbol)
        if missing is not None:
            return missing
        handler = self._answers[symbol]
        if not inspect.iscoroutinefunction(handler):
            return Missing(f"`{symbol}` is not a coroutine function: write `async def {symbol}`")
        return Listening(await self._listener.start(handler))

    async def _settle(self) -> Settled:
        for _ in range(SETTLING_ROUNDS):
            await asyncio.sleep(0)
        errors, self._listener.errors = self._listener.errors, []
        raised = [tracing.report(error, self._code) for error in errors]
        return Settled(self._loop.has_timers(), raised)


class _BoundedText(io.StringIO):
    def write(self, text: str) -> int:
        super().write(text[: max(0, MAX_PRINTED - self.tell())])
        return len(text)

    def take(self) -> str:
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


def _returned(value: object) -> Returned:
    if inspect.iscoroutine(value):
        value.close()
        value = plain.Foreign("a coroutine: write `def`, not `async def`, for this one")
    return Returned(plain.encode(value))

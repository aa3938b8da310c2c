"""Runs a learner's answer where it can be late, loud or wrong without harm. Judges nothing.

The answer gets a thread and an event loop of its own. Requests come in from outside; one that is
not answered in time is reported as stalled, with the line it hangs at, and the answer is stopped
when its check is over: at once if it loops in Python, at the end of the call if it sleeps in C.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from labkit.checks import plain, printing, tracing
from labkit.checks.answer_loop import AnswerLoop
from labkit.checks.listening import Listener
from labkit.checks.messages import (
    Abandon,
    Call,
    Gone,
    Invoke,
    Listening,
    Missing,
    New,
    Outcome,
    Raised,
    Reply,
    Request,
    Returned,
    Serve,
    Settle,
    Settled,
    Stalled,
    Start,
    Started,
    StopServing,
    Unwritten,
    Waiting,
)
from labkit.checks.runs import Runs
from labkit.checks.standstill import LOOK_S, LOOKS, Standstill
from labkit.simnet.interruption import Interrupted, interrupt

DEADLINE_S = 2.0
# An answer that computes without end lets the check have its turn after so long.
SWITCH_S = 0.0005
MAX_ERRORS = 10


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
        self._lets_others_run = False
        self._errors: list[BaseException] = []
        self._listener = Listener(self._overhear)
        self._runs = Runs(code)
        self._gone: Gone | None = None
        self._printed = printing.Printed()
        self._resources = contextlib.ExitStack()
        self._loop = AnswerLoop()
        self._loop.set_exception_handler(self._overhear_loop)
        self._thread = threading.Thread(target=self._run, name="labkit-answer", daemon=True)

    def __enter__(self) -> Host:
        self._resources.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(SWITCH_S)
        self._resources.enter_context(printing.kept(self._printed, self._code))
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._gone is None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(self._deadline_s)
            self._gone = Gone("it was not asked again, because its check had ended")
        elif self._thread.is_alive():
            # Not before the check is over: a client that is interrupted says goodbye.
            interrupt(self._thread.ident or 0)
        self._resources.close()

    def answer(self, request: Request) -> Reply:
        """Carry out ``request`` and return its reply, within the deadline."""
        if self._gone is not None:
            return self._gone
        pending = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
        reply = self._reply_in_time(pending, request)
        if isinstance(reply, Returned | Raised | Stalled | Waiting | Settled):
            reply = msgspec.structs.replace(reply, printed=self._printed.take())
        return reply

    def _reply_in_time(self, pending: concurrent.futures.Future[Reply], request: Request) -> Reply:
        """Return the reply, or that there is none within the deadline.

        A loop that was only asked to let others run, and does not come past a line of the
        learner's code, is not waited for any longer: that line blocks it.
        """
        must_let_others_run = self._lets_others_run and isinstance(request, Settle | Outcome)
        ends = time.monotonic() + self._deadline_s
        standstill = Standstill(self._thread, self._loop, self._code)
        while True:
            try:
                return pending.result(LOOK_S)
            except concurrent.futures.TimeoutError:
                pass
            if standstill.look() and must_let_others_run:
                return self._give_up(pending, LOOK_S * LOOKS)
            if time.monotonic() >= ends:
                return self._give_up(pending, self._deadline_s)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        # An `Interrupted` may land anywhere; whatever it ends, the thread ends quietly.
        with contextlib.suppress(Interrupted):
            self._run_until_stopped()
            unfinished = asyncio.all_tasks(self._loop)
            for task in unfinished:
                task.cancel()
            if unfinished:
                self._loop.run_until_complete(asyncio.wait(unfinished, timeout=0.5))
            self._loop.close()

    def _run_until_stopped(self) -> None:
        while True:
            try:
                return self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                # A background task of the answer has ended the round; the next one begins.
                self._overhear(error)

    def _overhear(self, error: BaseException) -> None:
        """Keep what was raised where nobody listens: in handlers and background tasks."""
        if len(self._errors) < MAX_ERRORS:
            self._errors.append(error)

    def _overhear_loop(self, loop: object, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self._overhear(error)

    def _give_up(self, pending: concurrent.futures.Future[Reply], seconds: float) -> Stalled:
        steps = tracing.outwards(sys._current_frames().get(self._thread.ident or 0))
        stalled = Stalled(seconds, tracing.blocking(list(steps), self._code))
        self._gone = Gone("it was not asked again, because an earlier call never returned")
        pending.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
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
                case Serve(symbol, over_websocket):
                    return await self._serve(symbol, over_websocket=over_websocket)
                case Start(symbol, arguments, handle):
                    return self._start(symbol, plain.decode(arguments), handle)
                case Outcome(handle):
                    return self._runs.outcome(handle)
                case Abandon(handle):
                    await self._runs.abandon(handle)
                    return await self._settle()
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

    def _find_coroutine_function(self, symbol: str) -> Missing | Unwritten | None:
        missing = self._find(symbol)
        if missing is None and not inspect.iscoroutinefunction(self._answers[symbol]):
            return Missing(f"`{symbol}` is not a coroutine function: write `async def {symbol}`")
        return missing

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

    async def _serve(self, symbol: str, *, over_websocket: bool) -> Reply:
        missing = self._find_coroutine_function(symbol)
        if missing is not None:
            return missing
        listener, handler = self._listener, self._answers[symbol]
        self._lets_others_run = over_websocket
        start = listener.start_websocket if over_websocket else listener.start
        return Listening(await start(handler))

    def _start(self, symbol: str, arguments: list[Any], handle: int) -> Reply:
        missing = self._find_coroutine_function(symbol)
        if missing is not None:
            return missing
        self._lets_others_run = True
        self._runs.start(handle, self._answers[symbol](*arguments))
        return Started()

    async def _settle(self) -> Settled:
        wakes_s = await self._loop.settle()
        errors, self._errors = self._errors, []
        return Settled(wakes_s, [tracing.report(error, self._code) for error in errors])


def _returned(value: object) -> Returned:
    return tracing.returned(value, remedy="write `def`, not `async def`, for this one")

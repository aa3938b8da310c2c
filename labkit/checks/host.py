"""Runs a learner's answer where it can be late, loud or wrong without harm. Judges nothing.

The answer gets a thread and an event loop of its own, at the far end of a pipe; the world with its
network and its clock is at the other end, with the check. Requests come in beside the network. An
answer that does not come back is reported as stalled, with the line it hangs at, and is stopped
when its check is over: at once if it loops in Python, at the end of the call if it sleeps in C.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from labkit.checks import plain, printing, tracing
from labkit.checks.answer_loop import AnswerLoop
from labkit.checks.listening import Listener
from labkit.checks.messages import (
    Abandon,
    Call,
    Done,
    Invoke,
    Leave,
    Listening,
    Missing,
    New,
    Outcome,
    Overhear,
    Overheard,
    Raised,
    Reply,
    Request,
    Returned,
    Serve,
    Stalled,
    Start,
    Started,
    StopServing,
    Unwritten,
    Waiting,
    pack,
    unpack_request,
)
from labkit.checks.runs import Runs
from labkit.checks.standstill import LOOK_S, LOOKS, Standstill
from labkit.errors import Blocked
from labkit.simnet.habitat import inhabited
from labkit.simnet.interruption import Interrupted, interrupt
from labkit.simnet.pipe import Gone, Pipe
from labkit.simnet.remote import RemoteNetwork

#: How long an answer may compute, in real seconds.
DEADLINE_S = 2.0
# An answer that computes without end lets the check have its turn after so long.
SWITCH_S = 0.0005
MAX_ERRORS = 10
#: How long tasks may take to end, in virtual seconds.
LEAVE_S = 0.5


class Host:
    """A thread and a loop in which ``answers``, by symbol, run. Use it as a context manager.

    The world is at the other end of ``pipe``. ``code`` is the globals of the learner's cells: a
    frame that has them is a line of theirs. ``absent`` says, for a symbol that is not there, why:
    what stopped its cell. What the answers print is kept, up to a bound, and goes with the replies.
    """

    def __init__(
        self,
        pipe: Pipe,
        answers: Mapping[str, Any],
        *,
        code: Mapping[str, Any],
        absent: Mapping[str, str] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._network = RemoteNetwork(pipe)
        self._answers = answers
        self._code = code
        self._absent = absent or {}
        self._deadline_s = deadline_s
        self._objects: dict[int, Any] = {}
        self._errors: list[BaseException] = []
        self._listener = Listener(self._overhear)
        self._runs = Runs(code)
        self._printed = printing.Printed()
        self._resources = contextlib.ExitStack()
        self._loop: AnswerLoop | None = None
        self._requests: set[asyncio.Task[None]] = set()
        #: Whether the answer did not come back; then it is not asked again.
        self.has_stalled = False
        self._must_be_quick = False
        self._thread = threading.Thread(target=self._run, name="labkit-answer", daemon=True)

    def __enter__(self) -> Host:
        self._resources.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(SWITCH_S)
        self._resources.enter_context(printing.kept(self._printed, self._code))
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._thread.is_alive() and not self.has_stalled:
            self._thread.join(self._deadline_s)
        if self._thread.is_alive():
            # Not before the check is over: a client that is interrupted says goodbye.
            interrupt(self._thread.ident or 0)
        self._resources.close()

    def watch(self) -> None:
        """Look after the answer until its check is over, or it has stalled."""
        standstill = Standstill(self._thread, self._code)
        while self._thread.is_alive() and not self.has_stalled:
            self._thread.join(LOOK_S)
            if self._loop is None:
                continue
            if standstill.look(self._loop) and self._must_be_quick:
                self._give_up(LOOK_S * LOOKS)
            elif standstill.lasts_s() >= self._deadline_s:
                self._give_up(self._deadline_s)

    def _give_up(self, seconds: float) -> None:
        assert self._loop is not None
        stuck = self._loop.threads.stuck
        steps = tracing.outwards(sys._current_frames().get((stuck or self._thread).ident or 0))
        place = tracing.blocking(list(steps), self._code)
        blocks_loop = stuck is None and self._loop.lets_others_run
        stalled = Stalled(seconds, place, self._printed.take(), blocks_loop)
        with contextlib.suppress(Gone):
            self._network.give_up(pack(0, stalled))
        # Not before: whoever watches may end this thread then.
        self.has_stalled = True

    def _run(self) -> None:
        # An `Interrupted` may land anywhere; whatever it ends, the thread ends quietly. When the
        # world is gone, the check is over.
        with contextlib.suppress(Interrupted, Gone):
            self._loop = AnswerLoop(
                self._network,
                patience_s=self._deadline_s,
                hear=self._hear,
                blocked=partial(self._give_up, self._deadline_s),
            )
            self._loop.set_exception_handler(self._overhear_loop)
            asyncio.set_event_loop(self._loop)
            with contextlib.closing(self._loop), inhabited(self._loop, "answer"):
                self._run_until_stopped(self._loop)

    def _run_until_stopped(self, loop: AnswerLoop) -> None:
        while True:
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                # A background task of the answer has ended the round; the next one begins.
                self._overhear(error)
            except Blocked:
                # A thread of its own, for which it waits, may never end.
                if not self.has_stalled:
                    self._give_up(self._deadline_s)
                return

    def _hear(self, data: bytes) -> None:
        number, request = unpack_request(data)
        assert self._loop is not None
        task = self._loop.create_task(self._reply(self._loop, number, request))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _reply(self, loop: AnswerLoop, number: int, request: Request) -> None:
        reply = await self._answer(request)
        if loop.ahead_s:
            seconds, loop.ahead_s = loop.ahead_s, 0.0
            await asyncio.sleep(seconds)
        if isinstance(reply, Returned | Raised | Waiting | Overheard):
            reply = msgspec.structs.replace(reply, printed=self._printed.take())
        loop.tell(pack(number, reply))

    def _overhear(self, error: BaseException) -> None:
        """Keep what was raised where nobody listens: in handlers and background tasks."""
        if len(self._errors) < MAX_ERRORS:
            self._errors.append(error)

    def _overhear_loop(self, loop: object, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self._overhear(error)

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
                case Outcome(handle, within_s):
                    return await self._runs.outcome(handle, within_s)
                case Abandon(handle):
                    return await self._runs.abandon(handle) or Done()
                case Overhear():
                    return self._overheard()
                case StopServing():
                    await self._listener.stop()
                    return Done()
                case Leave():
                    await self._leave()
                    return Done()
        except (Interrupted, Blocked):
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
        self._let_others_run(quickly=over_websocket)
        start = listener.start_websocket if over_websocket else listener.start
        return Listening(await start(handler))

    def _start(self, symbol: str, arguments: list[Any], handle: int) -> Reply:
        missing = self._find_coroutine_function(symbol)
        if missing is not None:
            return missing
        self._let_others_run(quickly=True)
        self._runs.start(handle, self._answers[symbol](*arguments))
        return Started()

    def _let_others_run(self, *, quickly: bool) -> None:
        assert self._loop is not None
        self._loop.lets_others_run = True
        self._must_be_quick = quickly

    def _overheard(self) -> Overheard:
        errors, self._errors = self._errors, []
        return Overheard([tracing.report(error, self._code) for error in errors])

    async def _leave(self) -> None:
        unfinished = asyncio.all_tasks() - self._requests
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished, timeout=LEAVE_S)


def _returned(value: object) -> Returned:
    return tracing.returned(value, remedy="write `def`, not `async def`, for this one")

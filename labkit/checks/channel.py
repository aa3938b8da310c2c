"""The check's way to an answer, beside the simulated network. Always gets a reply.

An answer that stalls, ends or says what nobody asked for is not asked again: whatever it is asked
after that, the reply is what became of it.
"""

from __future__ import annotations

import asyncio
import itertools
import math

import msgspec

from labkit.checks.messages import Gone, Outcome, Reply, Request, Stalled, pack, unpack_reply
from labkit.simnet.pipe import PolledPipe
from labkit.simnet.remote import RemoteLoop
from labkit.simnet.world import World

#: An answer's host ends it after its deadline, and says so. Who says nothing for so long, in real
#: seconds, has no host any more.
SILENCE_S = 3.0
#: What an answer that rests has not replied in so many virtual seconds, it never will.
REPLY_S = 60.0
FOREIGN = "it wrote to the grader's own connection"
AT_REST = "its event loop has come to rest without a reply"


class Channel:
    """Asks the answer at the far end of ``pipe``, which lives in ``network``.

    All that it does may take ``limit_s`` real seconds.
    """

    def __init__(self, network: World, pipe: PolledPipe, *, limit_s: float = math.inf) -> None:
        self._network = network
        self._answer = RemoteLoop(
            network, pipe, patience_s=SILENCE_S, limit_s=limit_s, hear=self._hear
        )
        network.others.append(self._answer)
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._failure: Stalled | Gone | None = None

    @property
    def left_s(self) -> float:
        """How much of its real time the answer has not used."""
        return self._answer.left_s

    async def ask(self, request: Request) -> Reply:
        """Return the reply to ``request``, or why there is none."""
        if self._failure is not None:
            return self._failure
        within_s = request.within_s if isinstance(request, Outcome) else 0.0
        number = next(self._numbers)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        self._answer.tell(pack(number, request))
        try:
            async with asyncio.timeout(REPLY_S + within_s):
                return await reply
        except TimeoutError:
            return self._fail(self._reason())

    def _reason(self) -> Stalled | Gone:
        if self._answer.is_silent:
            return Stalled(SILENCE_S)
        return Gone(self._answer.gone or AT_REST)

    def _hear(self, data: bytes) -> None:
        if self._failure is not None:
            return
        try:
            number, reply = unpack_reply(data)
        except msgspec.DecodeError:
            self._fail(Gone(FOREIGN))
        else:
            if number in self._replies:
                _take(self._replies.pop(number), reply)
            elif isinstance(reply, Stalled):
                self._fail(reply)
            else:
                self._fail(Gone(FOREIGN))
        self._network.alert()

    def _fail(self, failure: Stalled | Gone) -> Stalled | Gone:
        self._failure = failure
        self._answer.leave_alone(str(failure))
        for awaited in self._replies.values():
            _take(awaited, failure)
        self._replies.clear()
        return failure


def _take(awaited: asyncio.Future[Reply], reply: Reply) -> None:
    # Whoever asked may have been cancelled meanwhile.
    if not awaited.done():
        awaited.set_result(reply)

"""What a check hears of an answer that replies, fails, keeps silent or says what it may not."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from labkit.checks.channel import AT_REST, FOREIGN, REPLY_S, SILENCE_S, Channel
from labkit.checks.messages import (
    Done,
    Gone,
    Leave,
    Overhear,
    Overheard,
    Place,
    Reply,
    Stalled,
    pack,
    unpack_request,
)
from labkit.simnet import remote
from labkit.simnet.loop import SimLoop
from labkit.simnet.process import Process
from labkit.simnet.schedule import NS, nanoseconds
from labkit.simnet.world import World

#: What an answer does when it is resumed: it is given what it was told, and returns what it calls.
Turn = Callable[[list[bytes]], list[tuple[str, Any]]]

REST = ("wait", (None,))
STALLED = Stalled(2.0, Place(3, "while True: pass"))


def says(number: int, reply: Reply) -> tuple[str, tuple[bytes]]:
    return "tell", (pack(number, reply),)


def rests(told: list[bytes]) -> list[tuple[str, Any]]:
    return [REST]


def replies(told: list[bytes]) -> list[tuple[str, Any]]:
    return [*(says(unpack_request(data)[0], Done()) for data in told), REST]


class Answer:
    """The near end of a pipe to an answer whose turns are ``turns``; without one, it is silent.

    Nobody waits for it: ``waited_s`` says what it was given. Where it is ``ended``, so is the pipe.
    """

    def __init__(self, *turns: Turn, ended: str | None = None) -> None:
        self.resumed = 0
        self.waited_s: list[float] = []
        self._turns = deque(turns)
        self._ended = ended
        self._said: deque[bytes] = deque()

    def send_bytes(self, data: bytes) -> None:
        self.resumed += 1
        _, events = msgspec.msgpack.decode(data)
        if self._turns:
            calls = self._turns.popleft()([told for _, told in events])
            self._said.append(msgspec.msgpack.encode(calls))

    def poll(self, timeout: float) -> bool:
        self.waited_s.append(timeout)
        return bool(self._said) or self._ended is not None

    def recv_bytes(self) -> bytes:
        if self._said:
            return self._said.popleft()
        raise EOFError(self._ended)


class Check:
    """The world in which ``answer`` is asked."""

    def __init__(self, answer: Answer, *, limit_s: float = math.inf) -> None:
        self.world = World()
        self.channel = Channel(self.world, answer, limit_s=limit_s)
        self.runner = asyncio.Runner(loop_factory=lambda: SimLoop(Process(self.world)))

    def ask(self) -> Reply:
        return self.runner.run(self.channel.ask(Overhear()))

    def ask_twice(self) -> list[Reply]:
        async def both() -> list[Reply]:
            ask = self.channel.ask
            return list(await asyncio.gather(ask(Overhear()), ask(Leave())))

        return self.runner.run(both())


@contextlib.contextmanager
def checking(answer: Answer, *, limit_s: float = math.inf) -> Iterator[Check]:
    check = Check(answer, limit_s=limit_s)
    with check.runner:
        yield check


def test_a_request_gets_its_reply_and_no_time_passes() -> None:
    with checking(Answer(replies)) as check:
        assert check.ask() == Done()
        assert check.world.schedule.now_ns == 0


def test_replies_that_come_in_another_order_reach_those_who_asked() -> None:
    def answer(told: list[bytes]) -> list[tuple[str, Any]]:
        numbers = {type(request): number for number, request in map(unpack_request, told)}
        return [says(numbers[Leave], Done()), says(numbers[Overhear], Overheard()), REST]

    with checking(Answer(answer)) as check:
        assert check.ask_twice() == [Overheard(), Done()]


def test_a_reply_may_take_virtual_time() -> None:
    def later(told: list[bytes]) -> list[tuple[str, Any]]:
        return [("wait", (50 * NS,))]

    def reply(told: list[bytes]) -> list[tuple[str, Any]]:
        return [says(1, Done()), REST]

    with checking(Answer(later, reply)) as check:
        assert check.ask() == Done()
        assert check.world.schedule.now_ns == 50 * NS


def test_an_answer_that_rests_without_a_reply_is_gone_when_a_virtual_minute_is_over() -> None:
    with checking(Answer(rests)) as check:
        assert check.ask() == Gone(AT_REST)
        assert check.world.schedule.now_ns == nanoseconds(REPLY_S)


def test_an_answer_that_goes_on_without_a_reply_is_gone_too() -> None:
    def goes_on(told: list[bytes]) -> list[tuple[str, Any]]:
        return [("wait", (check.world.schedule.now_ns + NS,))]

    with checking(Answer(*[goes_on] * 100)) as check:
        assert check.ask() == Gone(AT_REST)
        assert check.world.schedule.now_ns == nanoseconds(REPLY_S)


@pytest.mark.parametrize(
    ("ended", "why"),
    [("", "its process has ended"), ("the process of the answer ended (SIGKILL)",) * 2],
)
def test_an_answer_whose_process_has_ended_is_gone_and_says_why(ended: str, why: str) -> None:
    with checking(Answer(ended=ended)) as check:
        assert check.ask() == Gone(why)


def test_what_an_answer_said_before_its_process_ended_still_counts() -> None:
    with checking(Answer(replies, ended="")) as check:
        assert check.ask() == Done()
        assert check.ask() == Gone("its process has ended")


def test_an_answer_that_keeps_silent_has_stalled() -> None:
    answer = Answer()
    with checking(answer) as check:
        assert check.ask() == Stalled(SILENCE_S)
    assert answer.waited_s == [SILENCE_S]


def test_an_answer_that_has_stalled_says_so_whoever_asked() -> None:
    def stall(told: list[bytes]) -> list[tuple[str, Any]]:
        return [says(0, STALLED), REST]

    with checking(Answer(stall)) as check:
        assert check.ask_twice() == [STALLED, STALLED]


@pytest.mark.parametrize(
    "said",
    [
        ("tell", (b"Spam",)),
        ("tell", (msgspec.msgpack.encode((1, ["Spam"])),)),
        says(0, Done()),
        says(2, Done()),
    ],
    ids=["no MessagePack", "no reply", "no request has the number 0", "nor the number 2"],
)
def test_an_answer_that_says_what_nobody_asked_for_is_not_believed(said: tuple[str, Any]) -> None:
    def forge(told: list[bytes]) -> list[tuple[str, Any]]:
        return [said, says(1, Done()), REST]

    with checking(Answer(forge)) as check:
        assert check.ask() == Gone(FOREIGN)


def test_a_second_reply_to_the_same_request_is_not_believed() -> None:
    def twice(told: list[bytes]) -> list[tuple[str, Any]]:
        return [says(1, Done()), says(1, Overheard()), REST]

    with checking(Answer(twice)) as check:
        assert check.ask() == Done()
        assert check.ask() == Gone(FOREIGN)


def test_an_answer_that_says_what_no_loop_may_say_is_gone() -> None:
    with checking(Answer(lambda told: [("exec", ("print()",))])) as check:
        reply = check.ask()
    assert isinstance(reply, Gone)
    assert reply.why.startswith("it said what a loop may not say")


@pytest.mark.parametrize("failure", [STALLED, Gone(FOREIGN), Gone(AT_REST)], ids=str)
def test_who_has_failed_is_not_resumed_and_the_failure_is_every_later_reply(
    failure: Stalled | Gone,
) -> None:
    wakes = ("wait", (70 * NS,))
    fails: dict[Stalled | Gone, Turn] = {
        STALLED: lambda told: [says(0, STALLED), wakes],
        Gone(FOREIGN): lambda told: [says(7, Done()), wakes],
        Gone(AT_REST): lambda told: [wakes],
    }
    answer = Answer(fails[failure], replies, replies)
    with checking(answer) as check:
        assert [check.ask(), check.ask(), *check.ask_twice()] == [failure] * 4
        check.runner.run(asyncio.sleep(100))
    assert answer.resumed == 1


def test_the_first_failure_is_the_one_that_is_told() -> None:
    def fail(told: list[bytes]) -> list[tuple[str, Any]]:
        return [says(0, STALLED), says(0, Stalled(9.0)), says(9, Done()), REST]

    with checking(Answer(fail)) as check:
        assert check.ask() == STALLED
        assert check.ask() == STALLED


def test_a_reply_to_whoever_has_stopped_waiting_is_no_failure() -> None:
    def later(told: list[bytes]) -> list[tuple[str, Any]]:
        return [("wait", (2 * NS,))]

    def reply(told: list[bytes]) -> list[tuple[str, Any]]:
        return [says(1, Done()), REST]

    async def ask() -> Reply:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await check.channel.ask(Overhear())
        await asyncio.sleep(2)
        return await check.channel.ask(Overhear())

    with checking(Answer(later, reply, replies)) as check:
        assert check.runner.run(ask()) == Done()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The real clock, which stands still unless it is set."""
    now = [0.0]
    monkeypatch.setattr(remote, "real_time", lambda: now[0])
    return now


def test_the_real_time_that_an_answer_takes_counts_against_its_limit(clock: list[float]) -> None:
    class Slow(Answer):
        def poll(self, timeout: float) -> bool:
            clock[0] += 1.25
            return super().poll(timeout)

    with checking(Slow(replies), limit_s=10) as check:
        check.ask()
        assert check.channel.left_s == 8.75


def test_the_real_time_that_a_check_takes_does_not_count(clock: list[float]) -> None:
    with checking(Answer(replies, replies), limit_s=10) as check:
        check.ask()
        clock[0] += 100
        check.ask()
        assert check.channel.left_s == 10


def test_an_answer_is_not_waited_for_when_its_limit_is_over(clock: list[float]) -> None:
    class Slow(Answer):
        def poll(self, timeout: float) -> bool:
            clock[0] += min(timeout, 2.0)
            return super().poll(timeout)

    answer = Slow(replies, replies)
    with checking(answer, limit_s=5) as check:
        assert [check.ask(), check.ask()] == [Done(), Done()]
        assert isinstance(check.ask(), Stalled)
        assert check.channel.left_s == 0
    assert answer.waited_s == [SILENCE_S, SILENCE_S, 1.0]

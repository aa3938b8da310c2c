from collections.abc import Sequence

import pytest

from labkit.checks import plain
from labkit.checks.messages import (
    Abandon,
    Call,
    Done,
    Gone,
    Invoke,
    Listening,
    Missing,
    New,
    Outcome,
    Overhear,
    Overheard,
    Place,
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
)
from labkit.checks.subject import HORIZON_S, NotWritten, Subject

from .conversation import Conversation, hosting

WAITING = Waiting(Place(3, "await connection.recv()"))
ERROR = Raised("KeyError", "'x'", plain.encode(["x"]))
STALLED = Stalled(2.0, Place(3, "time.sleep(9)"), blocks_loop=True)
STUB = Unwritten("the cell still holds the stub")


class Scripted:
    """A channel that gives ``replies`` in order and remembers what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[Request] = []

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        return self.replies.pop(0)


def returned(value: plain.Plain, printed: str = "") -> Returned:
    return Returned(plain.encode(value), printed)


async def test_a_call_returns_the_value() -> None:
    channel = Scripted(returned(b"Spam"))
    assert await Subject("f", channel).call(1, b"x") == b"Spam"
    assert channel.asked == [Call("f", plain.encode([1, b"x"]))]


async def test_a_call_that_failed_returns_why_and_so_does_the_call_it_goes_into() -> None:
    stalled = Stalled(2.0)
    channel = Scripted(stalled)
    subject = Subject("f", channel)
    assert await subject.call(await subject.call(1), 2) == stalled
    assert len(channel.asked) == 1
    assert subject.stalled


async def test_a_stub_ends_the_check() -> None:
    with pytest.raises(NotWritten, match="stub"):
        await Subject("f", Scripted(Unwritten("the cell still holds the stub"))).call()


async def test_a_value_that_is_no_plain_data_is_no_answer() -> None:
    value = await Subject("f", Scripted(Returned(b"\xc1"))).call()
    assert value == Gone("it sent a value that is not plain data")


async def test_a_reply_of_the_wrong_kind_is_no_answer() -> None:
    assert isinstance(await Subject("f", Scripted(Listening(80))).call(), Gone)


async def test_the_last_call_and_what_was_printed_are_kept() -> None:
    subject = Subject("f", Scripted(returned(None, "a\n"), returned(None, "b\n")))
    await subject.call(1, b"x")
    await subject.call(bytes(100))
    assert subject.called.startswith('f(bytes.fromhex("00 00')
    assert len(subject.called) < 100
    assert subject.printed == "a\nb\n"


async def test_each_object_has_a_handle_of_its_own() -> None:
    channel = Scripted(returned(None), returned(None), returned(7))
    subject = Subject("f", channel)
    await subject.new()
    second = await subject.new(5)
    assert await second.invoke("add", 2) == 7
    assert isinstance(channel.asked[1], New)
    assert channel.asked[2] == Invoke(channel.asked[1].handle, "add", plain.encode([2]))


async def test_an_object_that_could_not_be_made_answers_nothing() -> None:
    made = await Subject("f", Scripted(Gone("it ended"))).new()
    assert await made.invoke("add", 2) == Gone("it ended")


class Staged:
    """A channel that gives what ``replies`` has for a kind of request; of several, one a time."""

    def __init__(self, **replies: Reply | Sequence[Reply]) -> None:
        self.replies: dict[str, Reply | Sequence[Reply]] = {
            "Abandon": Done(),
            "Overhear": Overheard(),
            "Serve": Listening(80),
            "Start": Started(),
            "StopServing": Done(),
            **replies,
        }
        self.asked: list[Request] = []

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        kind = type(request).__name__
        reply = self.replies[kind]
        if not isinstance(reply, Sequence):
            return reply
        self.replies[kind] = reply[1:] or reply
        return reply[0]

    def asked_for(self, kind: type[Request]) -> int:
        return sum(isinstance(request, kind) for request in self.asked)


async def test_a_task_is_started_asked_and_abandoned() -> None:
    channel = Staged(Outcome=returned("Spam"))
    async with Subject("f", channel).run(1) as running:
        assert await running.outcome() == "Spam"
    assert channel.asked == [
        Start("f", plain.encode([1]), 0),
        Outcome(0, HORIZON_S),
        Abandon(0),
    ]


async def test_a_task_is_asked_until_it_has_ended_and_then_no_more() -> None:
    channel = Staged(Outcome=[WAITING, returned("Spam")])
    async with Subject("f", channel).run() as running:
        outcomes = [await running.outcome(within_s) for within_s in (0.0, 2.5, 1.0)]
    assert outcomes == [WAITING, "Spam", "Spam"]
    assert channel.asked[1:-1] == [Outcome(0, 0.0), Outcome(0, 2.5)]


def in_virtual_time(conversation: Conversation, *, sleeps_s: float) -> tuple[plain.Plain, float]:
    """Return what a task that sleeps comes to, and how many virtual seconds that took."""

    async def look() -> plain.Plain:
        async with Subject("f", conversation.channel).run(sleeps_s) as running:
            return await running.outcome()

    outcome = conversation.run(look())
    return outcome, conversation.network.schedule.now_ns / 1e9


SLEEPER = """
    import asyncio
    async def f(seconds):
        await asyncio.sleep(seconds)
        return "Spam"
"""


def test_a_timer_of_the_answer_is_waited_for() -> None:
    with hosting(SLEEPER) as conversation:
        outcome, took_s = in_virtual_time(conversation, sleeps_s=7.0)
    assert (outcome, round(took_s, 2)) == ("Spam", 7.0)


def test_a_timer_beyond_the_horizon_is_not_waited_for() -> None:
    with hosting(SLEEPER) as conversation:
        outcome, took_s = in_virtual_time(conversation, sleeps_s=20.0)
    assert str(outcome) == "it waits at line 4: `await asyncio.sleep(seconds)`"
    assert HORIZON_S <= took_s < HORIZON_S + 1


async def test_why_a_task_does_nothing_is_told_in_words() -> None:
    known: list[tuple[Reply, str]] = [
        (WAITING, "nothing: it waits at line 3: `await connection.recv()`"),
        (returned("Spam"), "nothing: it returned 'Spam'"),
        (ERROR, "nothing: it raised KeyError: 'x'"),
        (STALLED, "it blocks the event loop at line 3: `time.sleep(9)`"),
    ]
    for reply, why in known:
        async with Subject("f", Staged(Outcome=reply)).run() as running:
            assert await running.silence() == why


async def test_whoever_asks_why_a_task_does_nothing_hears_what_happened_in_the_background() -> None:
    subject = Subject("f", Staged(Outcome=WAITING, Overhear=Overheard([ERROR], "hello\n")))
    async with subject.run() as running:
        await running.silence()
    assert (subject.raised, subject.printed) == ([ERROR], "hello\n")


async def test_a_task_that_could_not_be_started_has_no_outcome() -> None:
    missing = Missing("`f` is not a coroutine function: write `async def f`")
    channel = Staged(Start=missing)
    async with Subject("f", channel).run() as running:
        assert await running.outcome() == missing
        assert await running.cancel() == missing
        assert await running.silence() == f"nothing: {missing}"
    assert not channel.asked_for(Outcome)


async def test_a_task_that_would_get_no_answer_as_an_argument_is_not_started() -> None:
    channel = Staged()
    async with Subject("f", channel).run("ws://127.0.0.1", STALLED) as running:
        assert await running.outcome() == STALLED
    assert not channel.asked_for(Start)


def test_a_task_that_blocks_its_loop_stays_that_way() -> None:
    blocks = "import time\nasync def f():\n    time.sleep(9)"

    async def look(subject: Subject) -> list[plain.Plain]:
        async with subject.run() as running:
            return [await running.silence(), await running.silence(), str(await running.outcome())]

    with hosting(blocks) as conversation:
        subject = Subject("f", conversation.channel)
        told = conversation.run(look(subject))
    assert told == ["it blocks the event loop at line 3: `time.sleep(9)`"] * 3
    assert subject.stalled


async def test_what_a_task_raises_is_noted_unless_the_check_has_heard_it() -> None:
    for asks, raised in ((False, [ERROR]), (True, [])):
        subject = Subject("f", Staged(Outcome=ERROR))
        async with subject.run() as running:
            await (running.outcome() if asks else running.silence())
            running.note()
            running.note()
        assert subject.raised == raised


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (ERROR, ERROR),
        (returned(None), None),
        (Done(), Gone("it goes on, though it was cancelled")),
        (STALLED, STALLED),
    ],
)
async def test_who_cancels_a_task_is_told_what_it_came_to(
    reply: Reply, outcome: plain.Plain
) -> None:
    async with Subject("f", Staged(Outcome=WAITING, Abandon=reply)).run() as running:
        await running.outcome()
        assert await running.cancel() == outcome


async def test_a_task_that_was_cancelled_is_not_asked_again() -> None:
    channel = Staged(Abandon=ERROR)
    async with Subject("f", channel).run() as running:
        await running.cancel()
        assert await running.outcome() == Gone("it was cancelled")
        assert await running.silence() == "nothing: it was cancelled"
    assert not channel.asked_for(Outcome)


async def test_a_task_that_has_ended_cannot_be_cancelled() -> None:
    channel = Staged(Outcome=returned("Spam"))
    async with Subject("f", channel).run() as running:
        await running.outcome()
        assert await running.cancel() == "Spam"
        assert not channel.asked_for(Abandon)


def test_a_task_is_cancelled_as_a_timeout_does_it() -> None:
    waits = "import asyncio\nasync def f():\n    await asyncio.Event().wait()"

    async def look(subject: Subject) -> plain.Plain:
        async with subject.run() as running:
            await running.outcome(0.0)
            return await running.cancel()

    with hosting(waits) as conversation:
        cancelled = conversation.run(look(Subject("f", conversation.channel)))
    assert str(cancelled).startswith("it raised CancelledError")


async def test_what_a_handler_hangs_at_is_not_forgotten() -> None:
    async with Subject("f", Staged(Overhear=STALLED)).serve() as served:
        assert [await served.silence() for _ in range(2)] == [str(STALLED)] * 2


async def test_who_cannot_serve_tells_why() -> None:
    missing = Missing("`f` is not a coroutine function: write `async def f`")
    channel = Staged(Serve=missing)
    async with Subject("f", channel).serve() as served:
        assert (served.port, served.why) == (None, str(missing))
    assert not channel.asked_for(StopServing)


async def test_a_stub_that_is_run_ends_the_check() -> None:
    channel = Staged(Outcome=STUB)
    with pytest.raises(NotWritten, match="stub"):
        async with Subject("f", channel).run() as running:
            await running.outcome()
    assert channel.asked[-1] == Abandon(0)


async def test_a_stub_that_serves_ends_the_check() -> None:
    channel = Staged(Overhear=Overheard([ERROR, STUB]))
    with pytest.raises(NotWritten, match="stub"):
        async with Subject("f", channel).serve() as served:
            await served.silence()
    assert channel.asked[-1] == StopServing()


async def test_how_a_task_was_called_belongs_to_each_of_its_cases() -> None:
    subject = Subject("f", Staged(Outcome=WAITING))
    async with subject.run("ws://127.0.0.1:8000/kitchen", "Spam?") as running:
        for _ in range(2):
            await running.outcome()
            assert subject.called == "f('ws://127.0.0.1:8000/kitchen', 'Spam?')"
            subject.forget_circumstances()


async def test_what_handlers_raise_and_print_is_kept() -> None:
    channel = Staged(Overhear=Overheard([ERROR], "hello\n"))
    subject = Subject("f", channel)
    async with subject.serve(websocket=True) as served:
        assert await served.silence() == "nothing: it waits for more"
    assert (subject.raised, subject.printed) == ([ERROR], "hello\n")
    assert channel.asked == [Serve("f", over_websocket=True), Overhear(), StopServing()]


async def test_why_nothing_is_overheard_is_told() -> None:
    subject = Subject("f", Staged(Overhear=[Gone("it ended"), Done()]))
    assert await subject.overhear() == Gone("it ended")
    assert await subject.overhear() == Gone("it sent a reply of the wrong kind")
    assert subject.raised == []

from collections.abc import Sequence

import pytest

from labkit.checks import plain
from labkit.checks.messages import (
    Abandon,
    Call,
    Gone,
    Invoke,
    Listening,
    Missing,
    New,
    Outcome,
    Place,
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
from labkit.checks.subject import NotWritten, Subject


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
            "Settle": Settled(None),
            "StopServing": Settled(None),
        } | replies
        self.replies |= {"Abandon": Settled(None), "Start": replies.get("Start", Started())}
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


WAITING = Waiting(Place(3, "await connection.recv()"))


async def test_a_task_is_started_asked_and_abandoned() -> None:
    channel = Staged(Outcome=returned("Spam"))
    async with Subject("f", channel).run(1) as running:
        assert await running.outcome() == "Spam"
    assert channel.asked[0] == Start("f", plain.encode([1]), 0)
    assert channel.asked[-1] == Abandon(0)


async def test_the_outcome_of_a_task_that_is_not_done_yet_is_waited_for() -> None:
    channel = Staged(Outcome=[WAITING, WAITING, returned("Spam")])
    async with Subject("f", channel).run() as running:
        assert await running.outcome() == "Spam"


async def test_the_outcome_of_a_task_that_waits_for_ever_is_where_it_waits() -> None:
    async with Subject("f", Staged(Outcome=WAITING)).run() as running:
        outcome = await running.outcome()
    assert outcome == WAITING
    assert str(outcome) == "it waits at line 3: `await connection.recv()`"


async def test_a_timer_of_the_answer_is_waited_for() -> None:
    outcomes: list[Reply] = [*[WAITING] * 12, returned("Spam")]
    channel = Staged(Settle=[Settled(0.1), Settled(None)], Outcome=outcomes)
    async with Subject("f", channel).run() as running:
        assert await running.outcome() == "Spam"
    assert channel.asked_for(Settle) == 1


@pytest.mark.parametrize("wakes_s", [20.0, float("inf"), float("nan")])
async def test_a_timer_beyond_the_horizon_is_not_waited_for(wakes_s: float) -> None:
    channel = Staged(Settle=Settled(wakes_s), Outcome=WAITING)
    async with Subject("f", channel).run() as running:
        assert await running.outcome() == WAITING
    assert channel.asked_for(Settle) == 1


async def test_why_a_task_does_nothing_is_told_in_words() -> None:
    error = Raised("KeyError", "'x'", plain.encode(["x"]))
    known: list[tuple[Reply, str]] = [
        (WAITING, "nothing: it waits at line 3: `await connection.recv()`"),
        (returned("Spam"), "nothing: it returned 'Spam'"),
        (error, "nothing: it raised KeyError: 'x'"),
    ]
    for reply, why in known:
        async with Subject("f", Staged(Outcome=reply)).run() as running:
            assert (await running.settle()).why == why


async def test_a_task_that_could_not_be_started_has_no_outcome() -> None:
    missing = Missing("`f` is not a coroutine function: write `async def f`")
    channel = Staged(Start=missing)
    async with Subject("f", channel).run() as running:
        assert await running.outcome() == missing
        assert (await running.settle()).why == f"nothing: {missing}"
    assert not channel.asked_for(Outcome)


async def test_a_task_that_blocks_its_loop_stays_that_way() -> None:
    stalled, gone = Stalled(2.0, Place(3, "time.sleep(9)")), Gone("it was not asked again")
    channel = Staged(Settle=[stalled, gone], Outcome=gone)
    subject = Subject("f", channel)
    blocked = Stalled(2.0, Place(3, "time.sleep(9)"), blocks_loop=True)
    async with subject.run() as running:
        for _ in range(2):
            assert (await running.settle()).why == f"nothing: {blocked}"
        assert await running.outcome() == blocked
    assert subject.stalled


async def test_what_a_task_raises_is_noted_unless_the_check_has_heard_it() -> None:
    error = Raised("KeyError", "'x'", plain.encode(["x"]))
    for asks, raised in ((False, [error]), (True, [])):
        subject = Subject("f", Staged(Outcome=error))
        async with subject.run() as running:
            await (running.outcome() if asks else running.settle())
            running.note()
            running.note()
        assert subject.raised == raised


async def test_what_a_handler_hangs_at_is_not_forgotten() -> None:
    stalled, gone = Stalled(2.0), Gone("it was not asked again")
    channel = Staged(Serve=Listening(80), Settle=[stalled, gone])
    async with Subject("f", channel).serve() as served:
        assert [(await served.settle()).why for _ in range(2)] == [str(stalled)] * 2


async def test_a_stub_that_is_run_ends_the_check() -> None:
    channel = Staged(Outcome=Unwritten("the cell still holds the stub"))
    with pytest.raises(NotWritten, match="stub"):
        async with Subject("f", channel).run() as running:
            await running.outcome()
    assert channel.asked[-1] == Abandon(0)


async def test_how_a_task_was_called_belongs_to_each_of_its_cases_without_the_port() -> None:
    subject = Subject("f", Staged(Outcome=WAITING))
    async with subject.run("ws://127.0.0.1:54321/kitchen", "Spam?") as running:
        for _ in range(2):
            await running.outcome()
            assert subject.called == "f('ws://127.0.0.1:PORT/kitchen', 'Spam?')"
            subject.forget_circumstances()


async def test_what_handlers_raise_and_print_is_kept_when_they_settle() -> None:
    error = Raised("KeyError", "'x'", plain.encode(["x"]))
    channel = Staged(Serve=Listening(80), Settle=Settled(5.0, [error], "hello\n"))
    subject = Subject("f", channel)
    async with subject.serve(websocket=True) as served:
        rest = await served.settle()
    assert (rest.why, rest.wakes_s) == ("nothing: it waits for more", 5.0)
    assert (subject.raised, subject.printed) == ([error], "hello\n")
    assert channel.asked == [Serve("f", over_websocket=True), Settle(), StopServing()]

import pytest

from labkit.checks import plain
from labkit.checks.messages import (
    Call,
    Gone,
    Invoke,
    New,
    Reply,
    Request,
    Returned,
    Stalled,
    Unwritten,
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
    from labkit.checks.messages import Listening

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

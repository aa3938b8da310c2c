import asyncio
import linecache
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from labkit.checks import plain
from labkit.checks.host import Host
from labkit.checks.messages import (
    Call,
    Gone,
    Invoke,
    Listening,
    Missing,
    New,
    Place,
    Raised,
    Reply,
    Returned,
    Serve,
    Settle,
    Settled,
    Stalled,
    StopServing,
    Unwritten,
)

NO_ARGUMENTS = plain.encode([])


@contextmanager
def hosting(source: str, *, deadline_s: float = 0.2) -> Iterator[Host]:
    """Host the names that ``source`` defines, as a cell would."""
    source = textwrap.dedent(source)
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    code: dict[str, Any] = {}
    exec(compile(source, "<cell>", "exec"), code)
    with Host(code, code=code, deadline_s=deadline_s) as host:
        yield host


def call(host: Host, *arguments: object) -> Reply:
    return host.answer(Call("f", plain.encode(list(arguments))))


def value_of(reply: Reply) -> plain.Plain:
    assert isinstance(reply, Returned), reply
    return plain.decode(reply.value)


def test_a_function_returns_its_value() -> None:
    with hosting("def f(a, b): return a + b") as host:
        assert value_of(call(host, 1, 2)) == 3


def test_an_exception_is_told_with_its_arguments_and_the_learners_own_line() -> None:
    with hosting("import json\ndef f():\n    return json.loads('{')") as host:
        reply = call(host)
    assert isinstance(reply, Raised)
    assert (reply.kind, reply.place) == ("JSONDecodeError", Place(3, "return json.loads('{')"))


def test_what_an_answer_prints_goes_with_its_reply_up_to_a_bound() -> None:
    with hosting("def f(n):\n    print('x' * n)") as host:
        assert call(host, 3) == Returned(plain.encode(None), "xxx\n")
        reply = call(host, 10**6)
    assert isinstance(reply, Returned)
    assert len(reply.printed) == 2000


def test_printing_works_as_before_when_the_host_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with hosting("def f(): print('inside')") as host:
        call(host)
    print("outside")
    assert capsys.readouterr().out == "outside\n"


def test_the_stub_is_told_from_a_wrong_answer() -> None:
    with hosting("def f(): raise NotImplementedError('exercise 01.1')") as host:
        assert call(host) == Unwritten("the cell still holds the stub")
    with hosting("def f(): raise NotImplementedError('later')") as host:
        assert isinstance(call(host), Raised)


def test_a_name_that_no_cell_defines_is_an_answer_not_written() -> None:
    with hosting("") as host:
        assert call(host) == Unwritten("no cell defines `f`")


def test_a_name_whose_cell_failed_says_so() -> None:
    with Host({}, code={}, absent={"f": "its cell stopped with SyntaxError"}) as host:
        assert call(host) == Missing("its cell stopped with SyntaxError")


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def f():\n    while True:\n        pass", {2, 3}),
        ("import time\ndef f():\n    time.sleep(1)", {3}),
        ("import threading\ndef f():\n    threading.Event().wait(1)", {3}),
    ],
)
def test_an_answer_that_does_not_return_is_named_with_its_line(source: str, line: set[int]) -> None:
    with hosting(source) as host:
        reply = call(host)
        assert isinstance(reply, Stalled)
        assert reply.place is not None
        assert reply.place.line in line
        assert isinstance(call(host), Gone)


def test_a_busy_loop_is_ended() -> None:
    with hosting("def f():\n    while True: pass") as host:
        call(host)
        thread = next(t for t in threading.enumerate() if t.name == "labkit-answer")
    thread.join(5)
    assert not thread.is_alive()


def test_sys_exit_ends_nothing_but_its_call() -> None:
    with hosting("import sys\ndef f(n): return sys.exit() if n else 'here'") as host:
        assert isinstance(call(host, 1), Raised)
        assert value_of(call(host, 0)) == "here"


def test_a_coroutine_that_nobody_awaits_is_no_value() -> None:
    with hosting("async def f(): return 1") as host:
        assert "write `def`" in value_of(call(host)).description


def test_an_object_is_made_and_its_methods_are_called() -> None:
    source = """
        class f:
            def __init__(self, start): self.total = start
            def add(self, n):
                self.total += n
                return self.total
    """
    with hosting(source) as host:
        host.answer(New("f", plain.encode([5]), 0))
        host.answer(New("f", plain.encode([50]), 1))
        assert value_of(host.answer(Invoke(0, "add", plain.encode([2])))) == 7
        assert value_of(host.answer(Invoke(1, "add", plain.encode([2])))) == 52
        missing = host.answer(Invoke(0, "subtract", NO_ARGUMENTS))
    assert missing == Missing("`f` has no method `subtract`")


async def test_a_stream_handler_serves_on_loopback_until_it_is_stopped() -> None:
    source = """
        async def f(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
    """
    with hosting(source) as host:
        listening = await asyncio.to_thread(host.answer, Serve("f"))
        assert isinstance(listening, Listening)
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        writer.write(b"spam\n")
        assert await reader.read() == b"SPAM\n"
        writer.close()
        assert await asyncio.to_thread(host.answer, StopServing()) == Settled(False, [])
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", listening.port)


async def test_what_a_handler_raises_is_told_when_it_settles() -> None:
    with hosting("async def f(reader, writer):\n    {}['key']") as host:
        listening = await asyncio.to_thread(host.answer, Serve("f"))
        assert isinstance(listening, Listening)
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        assert await reader.read() == b""
        writer.close()
        settled = await asyncio.to_thread(host.answer, Settle())
    assert isinstance(settled, Settled)
    assert [str(raised) for raised in settled.raised] == [
        "it raised KeyError: 'key' (line 2: `{}['key']`)"
    ]


async def test_a_settled_answer_says_whether_a_timer_will_wake_it() -> None:
    source = """
        import asyncio
        async def f(reader, writer):
            writer.write(await reader.readline())
            await asyncio.sleep(60)
    """
    with hosting(source) as host:
        listening = await asyncio.to_thread(host.answer, Serve("f"))
        assert isinstance(listening, Listening)
        assert await asyncio.to_thread(host.answer, Settle()) == Settled(False, [])
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        writer.write(b"spam\n")
        assert await reader.readline() == b"spam\n"
        assert await asyncio.to_thread(host.answer, Settle()) == Settled(True, [])
        writer.close()


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    with hosting("def f(): return 1", deadline_s=2) as host:
        call(host)
    assert set(threading.enumerate()) <= before

import asyncio
import linecache
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets import connect

from labkit.checks import plain
from labkit.checks.host import Host
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


TRACED = """
import sys, time
from labkit.checks import plain
from labkit.checks.host import Host
from labkit.checks.messages import Call

def f():
    time.sleep(1000)

with Host({"f": f}, code=globals(), deadline_s=0.05) as host:
    host.answer(Call("f", plain.encode([])))
sys.settrace(lambda frame, event, argument: None)
(lambda: None)()
sys.settrace(None)
print("goes on")
"""


def test_code_that_is_traced_goes_on_while_an_answer_sleeps() -> None:
    # In a process of its own: where it does not, nothing but its end helps.
    done = subprocess.run(
        [sys.executable, "-c", TRACED], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "goes on\n"


def test_an_answer_that_is_back_from_its_call_is_ended() -> None:
    with hosting("import time\ndef f():\n    while True: time.sleep(0.5)") as host:
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
        assert await asyncio.to_thread(host.answer, StopServing()) == Settled(None)
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


async def test_a_settled_answer_says_when_a_timer_will_wake_it() -> None:
    source = """
        import asyncio
        async def f(reader, writer):
            writer.write(await reader.readline())
            await asyncio.sleep(60)
    """
    with hosting(source) as host:
        listening = await asyncio.to_thread(host.answer, Serve("f"))
        assert isinstance(listening, Listening)
        assert await asyncio.to_thread(host.answer, Settle()) == Settled(None)
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        writer.write(b"spam\n")
        assert await reader.readline() == b"spam\n"
        settled = await asyncio.to_thread(host.answer, Settle())
        assert isinstance(settled, Settled)
        assert settled.wakes_s is not None
        assert 0 < settled.wakes_s <= 60
        writer.close()


async def test_what_a_handler_prints_goes_with_the_settling() -> None:
    with hosting("async def f(reader, writer):\n    print('hello')") as host:
        listening = await asyncio.to_thread(host.answer, Serve("f"))
        assert isinstance(listening, Listening)
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        assert await reader.read() == b""
        writer.close()
        assert await asyncio.to_thread(host.answer, Settle()) == Settled(None, [], "hello\n")


async def test_a_handler_of_the_library_serves_websockets() -> None:
    with hosting("async def f(connection):\n    await connection.send('Spam')") as host:
        listening = await asyncio.to_thread(host.answer, Serve("f", over_websocket=True))
        assert isinstance(listening, Listening)
        async with connect(f"ws://127.0.0.1:{listening.port}", proxy=None) as client:
            assert await client.recv() == "Spam"


def run(host: Host, *arguments: object) -> Reply:
    """Start the answer, and let it come as far as it can."""
    host.answer(Start("f", plain.encode(list(arguments)), 0))
    host.answer(Settle())
    return host.answer(Outcome(0))


def test_a_coroutine_is_started_and_its_value_told_afterwards() -> None:
    with hosting("async def f(a, b):\n    print('hello')\n    return a + b") as host:
        assert host.answer(Start("f", plain.encode([1, 2]), 0)) == Started()
        assert host.answer(Settle()) == Settled(None, [], "hello\n")
        assert value_of(host.answer(Outcome(0))) == 3


def test_a_coroutine_that_waits_is_told_with_the_learners_own_line() -> None:
    source = """
        import asyncio
        async def f():
            async with asyncio.TaskGroup():
                await wait()
        async def wait():
            await asyncio.gather(asyncio.Event().wait())
    """
    with hosting(source) as host:
        place = Place(7, "await asyncio.gather(asyncio.Event().wait())")
        assert run(host) == Waiting(place)


def test_a_coroutine_that_blocks_its_loop_is_named_with_its_line() -> None:
    with hosting("import time\nasync def f():\n    time.sleep(1)") as host:
        host.answer(Start("f", NO_ARGUMENTS, 0))
        reply = host.answer(Outcome(0))
        assert isinstance(reply, Stalled)
        assert reply.place == Place(3, "time.sleep(1)")


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)", "KeyboardInterrupt()"])
def test_what_a_coroutine_raises_ends_nothing_but_itself(error: str) -> None:
    with hosting(f"async def f(n):\n    if n: raise {error}\n    return 'here'") as host:
        reply = run(host, 1)
        assert isinstance(reply, Raised)
        assert reply.place == Place(2, f"if n: raise {error}")
        assert value_of(run(host, 0)) == "here"


def test_a_stub_that_is_a_coroutine_is_not_written_yet() -> None:
    with hosting("async def f(): raise NotImplementedError('exercise 02.2')") as host:
        assert run(host) == Unwritten("the cell still holds the stub")


def test_only_a_coroutine_function_can_be_started() -> None:
    with hosting("def f(): pass") as host:
        missing = Missing("`f` is not a coroutine function: write `async def f`")
        assert host.answer(Start("f", NO_ARGUMENTS, 0)) == missing


def test_a_coroutine_in_place_of_a_value_lacks_an_await() -> None:
    with hosting("import asyncio\nasync def f(): return asyncio.sleep(1)") as host:
        assert value_of(run(host)).description == "a coroutine: is an `await` missing?"


def test_what_is_abandoned_is_cancelled_with_all_it_has_started() -> None:
    source = """
        import asyncio
        async def f():
            asyncio.create_task(wait("task"))
            await wait("answer")
        async def wait(name):
            try:
                await asyncio.Event().wait()
            finally:
                print(f"{name} ended")
    """
    with hosting(source) as host:
        run(host)
        # A task that is cancelled before it begins has nothing to clean up.
        host.answer(Settle())
        settled = host.answer(Abandon(0))
        assert isinstance(settled, Settled)
        assert sorted(settled.printed.splitlines()) == ["answer ended", "task ended"]


@pytest.mark.parametrize("error", ["KeyError('key')", "SystemExit(3)"])
def test_what_a_background_task_raises_is_told_when_it_settles(error: str) -> None:
    source = f"""
        import asyncio
        async def f():
            asyncio.create_task(fail())
        async def fail():
            raise {error}
    """
    with hosting(source) as host:
        host.answer(Start("f", NO_ARGUMENTS, 0))
        settled = host.answer(Settle())
        assert isinstance(settled, Settled)
        assert [type(one).__name__ for one in settled.raised] == ["Raised"]
        assert value_of(host.answer(Outcome(0))) is None


def test_a_call_that_is_not_awaited_is_told_with_its_line_each_time() -> None:
    source = "import asyncio\nasync def f():\n    asyncio.sleep(1)"
    with hosting(source) as host:
        for _ in range(2):
            host.answer(Start("f", NO_ARGUMENTS, 0))
            settled = host.answer(Settle())
            assert isinstance(settled, Settled)
            assert settled.printed == (
                "coroutine 'sleep' was never awaited (line 3: `asyncio.sleep(1)`)\n"
            )


def test_who_asks_after_the_end_is_told_so() -> None:
    with hosting("def f(): return 1") as host:
        pass
    assert call(host) == Gone("it was not asked again, because its check had ended")


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    with hosting("def f(): return 1", deadline_s=2) as host:
        call(host)
    assert set(threading.enumerate()) <= before

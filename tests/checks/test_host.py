import asyncio
import multiprocessing
import subprocess
import sys
import threading

import msgspec
import pytest
from websockets import connect

from labkit.checks import plain
from labkit.checks.channel import FOREIGN
from labkit.checks.host import MAX_ERRORS, Host
from labkit.checks.messages import (
    Abandon,
    Call,
    Done,
    Gone,
    Invoke,
    Leave,
    Listening,
    Missing,
    New,
    Outcome,
    Overhear,
    Overheard,
    Place,
    Raised,
    Reply,
    Returned,
    Serve,
    Stalled,
    Start,
    Started,
    StopServing,
    Unwritten,
    Waiting,
    pack,
)
from labkit.simnet.schedule import seconds

from .conversation import Conversation, hosting

NO_ARGUMENTS = plain.encode([])


def call(answer: Conversation, *arguments: object) -> Reply:
    return answer.ask(Call("f", plain.encode(list(arguments))))


def value_of(reply: Reply) -> plain.Plain:
    assert isinstance(reply, Returned), reply
    return plain.decode(reply.value)


def now_s(answer: Conversation) -> float:
    return seconds(answer.network.schedule.now_ns)


def answering_thread() -> threading.Thread:
    return next(thread for thread in threading.enumerate() if thread.name == "labkit-answer")


def test_a_function_returns_its_value() -> None:
    with hosting("def f(a, b): return a + b") as answer:
        assert value_of(call(answer, 1, 2)) == 3


def test_an_exception_is_told_with_its_arguments_and_the_learners_own_line() -> None:
    with hosting("import json\ndef f():\n    return json.loads('{')") as answer:
        reply = call(answer)
    assert isinstance(reply, Raised)
    assert (reply.kind, reply.place) == ("JSONDecodeError", Place(3, "return json.loads('{')"))


def test_what_an_answer_prints_goes_with_its_reply_up_to_a_bound() -> None:
    with hosting("def f(n):\n    print('x' * n)") as answer:
        assert call(answer, 3) == Returned(plain.encode(None), "xxx\n")
        reply = call(answer, 10**6)
    assert isinstance(reply, Returned)
    assert len(reply.printed) == 2000


def test_printing_works_as_before_when_the_host_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with hosting("def f(): print('inside')") as answer:
        call(answer)
    print("outside")
    assert capsys.readouterr().out == "outside\n"


def test_the_stub_is_told_from_a_wrong_answer() -> None:
    with hosting("def f(): raise NotImplementedError('exercise 01.1')") as answer:
        assert call(answer) == Unwritten("the cell still holds the stub")
    with hosting("def f(): raise NotImplementedError('later')") as answer:
        assert isinstance(call(answer), Raised)


def test_a_name_that_no_cell_defines_is_an_answer_not_written() -> None:
    with hosting("") as answer:
        assert call(answer) == Unwritten("no cell defines `f`")


def test_a_name_whose_cell_failed_says_so() -> None:
    with hosting("", absent={"f": "its cell stopped with SyntaxError"}) as answer:
        assert call(answer) == Missing("its cell stopped with SyntaxError")


def test_what_cannot_be_called_is_no_function() -> None:
    with hosting("f = 3") as answer:
        missing = Missing("`f` is an int: give the function or class itself, without ()")
        assert call(answer) == missing


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def f():\n    while True:\n        pass", {2, 3}),
        ("import time\ndef f():\n    time.sleep(1000)", {3}),
        ("import threading\ndef f():\n    threading.Event().wait(1000)", {3}),
        ("import queue\ndef f():\n    queue.SimpleQueue().get(timeout=1)", {3}),
    ],
)
def test_an_answer_that_does_not_return_is_named_with_its_line(source: str, line: set[int]) -> None:
    with hosting(source) as answer:
        reply = call(answer)
    assert isinstance(reply, Stalled)
    assert reply.place is not None
    assert reply.place.line in line
    assert not reply.blocks_loop


def test_whatever_is_asked_of_an_answer_that_stalled_the_reply_is_that_it_did() -> None:
    with hosting("import time\ndef f():\n    time.sleep(1000)") as answer:
        stalled = call(answer)
        assert isinstance(stalled, Stalled)
        assert call(answer) == answer.ask(Overhear()) == stalled


def test_what_a_function_sleeps_for_is_slept_in_virtual_time() -> None:
    source = "import time\ndef f():\n    time.sleep(25)\n    return time.monotonic()"
    with hosting(source, deadline_s=30) as answer:
        assert value_of(call(answer)) == now_s(answer) == 25
        assert value_of(call(answer)) == now_s(answer) == 50


def test_naps_that_take_too_long_together_are_a_stall() -> None:
    source = "import time\ndef f():\n    for _ in range(4): time.sleep(0.1)"
    with hosting(source, deadline_s=0.3) as answer:
        assert call(answer) == Stalled(0.3, Place(3, "for _ in range(4): time.sleep(0.1)"))


def test_what_an_answer_printed_before_it_stalled_is_told() -> None:
    with hosting("import time\ndef f():\n    print('hello')\n    time.sleep(1000)") as answer:
        reply = call(answer)
    assert isinstance(reply, Stalled)
    assert reply.printed == "hello\n"


def test_an_answer_that_catches_what_ends_its_sleep_has_stalled_all_the_same() -> None:
    source = """
        import time
        def f():
            try:
                time.sleep(1000)
            except BaseException:
                return "rested"
    """
    with hosting(source) as answer:
        assert call(answer) == Stalled(0.3, Place(5, "time.sleep(1000)"))


def test_the_last_words_of_an_answer_are_said_before_its_host_is_done() -> None:
    # Whoever watches the host may end the thread that says them, as soon as it is done.
    near, far = multiprocessing.Pipe()
    code: dict[str, object] = {}
    exec("import time\ndef f(): time.sleep(1000)", code)
    words: list[tuple[bool, bytes]] = []

    class Tapped:
        poll, recv_bytes = far.poll, far.recv_bytes

        def send_bytes(self, data: bytes) -> None:
            words.append((host.has_stalled, data))

    with near, far, Host(Tapped(), code, code=code) as host:
        request = pack(1, Call("f", NO_ARGUMENTS))
        near.send_bytes(msgspec.msgpack.encode((0, [("Told", request)])))
        host.watch()
    assert [has_stalled for has_stalled, _ in words] == [False]
    assert b"Stalled" in words[0][1]
    assert host.has_stalled


def test_a_busy_loop_is_ended() -> None:
    with hosting("def f():\n    while True: pass") as answer:
        thread = answering_thread()
        call(answer)
    thread.join(5)
    assert not thread.is_alive()


TRACED = """
import _thread, sys
from multiprocessing import Pipe
import msgspec
from labkit.checks import plain
from labkit.checks.host import Host
from labkit.checks.messages import Call, pack

def f():
    with (lock := _thread.allocate_lock()):
        lock.acquire(timeout=1000)

near, far = Pipe()
request = pack(1, Call("f", plain.encode([])))
near.send_bytes(msgspec.msgpack.encode((0, [("Told", request)])))
with far, Host(far, {"f": f}, code=globals(), deadline_s=0.05) as host:
    host.watch()
sys.settrace(lambda frame, event, argument: None)
(lambda: None)()
sys.settrace(None)
print("goes on")
"""


def test_code_that_is_traced_goes_on_while_an_answer_waits() -> None:
    # In a process of its own: where it does not, nothing but its end helps.
    assert run_in_a_process(TRACED) == "goes on\n"


CLINGING = """
import asyncio, gc
from multiprocessing import Pipe
import msgspec
from labkit.checks import plain
from labkit.checks.host import Host
from labkit.checks.messages import Call, Start, pack

async def f():
    while True:
        try:
            await asyncio.sleep(1)
        except BaseException:
            pass

def busy():
    while True: pass

near, far = Pipe()
requests = [Start("f", plain.encode([]), 0), Call("busy", plain.encode([]))]
told = [("Told", pack(number, request)) for number, request in enumerate(requests, 1)]
near.send_bytes(msgspec.msgpack.encode((0, told)))
with far, Host(far, {"f": f, "busy": busy}, code=globals(), deadline_s=0.05) as host:
    host.watch()
host._thread.join()
gc.collect()
print("goes on")
"""


def test_a_task_that_catches_everything_is_run_by_nobody_afterwards() -> None:
    # Python would have it clean up, in whatever thread forgets it, and wait for that.
    assert run_in_a_process(CLINGING) == "goes on\n"


def run_in_a_process(source: str) -> str:
    command = [sys.executable, "-c", source]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def test_an_answer_that_is_back_from_its_call_is_ended() -> None:
    source = """
        import _thread
        def f():
            lock = _thread.allocate_lock()
            while True:
                lock.acquire(timeout=0.5)
    """
    with hosting(source) as answer:
        thread = answering_thread()
        call(answer)
    thread.join(5)
    assert not thread.is_alive()


def test_sys_exit_ends_nothing_but_its_call() -> None:
    with hosting("import sys\ndef f(n): return sys.exit() if n else 'here'") as answer:
        assert isinstance(call(answer, 1), Raised)
        assert value_of(call(answer, 0)) == "here"


def test_an_answer_that_stops_its_loop_is_asked_on() -> None:
    source = "import asyncio\ndef f():\n    asyncio.get_running_loop().stop()\n    return 'here'"
    with hosting(source) as answer:
        assert value_of(call(answer)) == "here"
        assert value_of(call(answer)) == "here"


def test_an_answer_that_speaks_for_its_host_is_not_believed_and_time_goes_on() -> None:
    source = """
        import asyncio
        async def f():
            asyncio.get_running_loop().tell(b"Spam")
            await asyncio.sleep(5)
    """
    with hosting(source) as answer:
        assert run(answer) == Gone(FOREIGN)
        answer.run(asyncio.sleep(10))
        assert answer.ask(Overhear()) == Gone(FOREIGN)


def test_a_coroutine_that_nobody_awaits_is_no_value() -> None:
    with hosting("async def f(): return 1") as answer:
        assert "write `def`" in value_of(call(answer)).description


def test_an_object_is_made_and_its_methods_are_called() -> None:
    source = """
        class f:
            def __init__(self, start): self.total = start
            def add(self, n):
                self.total += n
                return self.total
    """
    with hosting(source) as answer:
        answer.ask(New("f", plain.encode([5]), 0))
        answer.ask(New("f", plain.encode([50]), 1))
        assert value_of(answer.ask(Invoke(0, "add", plain.encode([2])))) == 7
        assert value_of(answer.ask(Invoke(1, "add", plain.encode([2])))) == 52
        missing = answer.ask(Invoke(0, "subtract", NO_ARGUMENTS))
    assert missing == Missing("`f` has no method `subtract`")


def serve(answer: Conversation, *, over_websocket: bool = False) -> int:
    listening = answer.ask(Serve("f", over_websocket=over_websocket))
    assert isinstance(listening, Listening), listening
    return listening.port


async def exchange(port: int, data: bytes = b"") -> bytes:
    """Connect, send, and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    received = await reader.read()
    writer.close()
    return received


def test_a_stream_handler_serves_on_loopback_until_it_is_stopped() -> None:
    source = """
        async def f(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
    """
    with hosting(source) as answer:
        port = serve(answer)
        assert answer.run(exchange(port, b"spam\n")) == b"SPAM\n"
        assert answer.ask(StopServing()) == Done()
        with pytest.raises(ConnectionRefusedError):
            answer.run(exchange(port))


def test_what_a_handler_raises_is_overheard_once() -> None:
    with hosting("async def f(reader, writer):\n    {}['key']") as answer:
        assert answer.run(exchange(serve(answer))) == b""
        overheard = answer.ask(Overhear())
        assert isinstance(overheard, Overheard)
        assert [str(raised) for raised in overheard.raised] == [
            "it raised KeyError: 'key' (line 2: `{}['key']`)"
        ]
        assert answer.ask(Overhear()) == Overheard()


def test_of_what_is_raised_in_the_background_the_first_is_told() -> None:
    source = """
        import asyncio
        async def fail(n):
            raise KeyError(n)
        async def f():
            for n in range(20):
                asyncio.create_task(fail(n))
    """
    with hosting(source) as answer:
        run(answer)
        overheard = answer.ask(Overhear())
    assert isinstance(overheard, Overheard)
    assert [getattr(one, "text", "") for one in overheard.raised] == list(
        map(str, range(MAX_ERRORS))
    )


def test_a_handler_that_waits_an_hour_is_waited_for_without_one() -> None:
    source = """
        import asyncio
        async def f(reader, writer):
            await asyncio.sleep(3600)
            writer.write(b"at last")
    """
    with hosting(source) as answer:
        assert answer.run(exchange(serve(answer))) == b"at last"
        assert now_s(answer) == 3600


def test_what_a_handler_prints_is_overheard() -> None:
    with hosting("async def f(reader, writer):\n    print('hello')") as answer:
        assert answer.run(exchange(serve(answer))) == b""
        assert answer.ask(Overhear()) == Overheard([], "hello\n")


@pytest.mark.parametrize("call", ["time.sleep(0.001)", "threading.Event().wait()"])
def test_a_handler_that_blocks_its_loop_is_named_with_its_line(call: str) -> None:
    source = f"import threading, time\nasync def f(reader, writer):\n    {call}"
    with hosting(source) as answer:
        port = serve(answer)

        async def visit() -> Reply:
            await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(1)
            return await answer.channel.ask(Overhear())

        reply = answer.run(visit())
    assert str(reply) == f"it blocks the event loop at line 3: `{call}`"


def test_a_handler_of_the_library_serves_websockets() -> None:
    async def visit(port: int) -> str | bytes:
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
            return await client.recv()

    with hosting("async def f(connection):\n    await connection.send('Spam')") as answer:
        assert answer.run(visit(serve(answer, over_websocket=True))) == "Spam"


def run(answer: Conversation, *arguments: object, within_s: float = 1.0) -> Reply:
    """Start the answer, and let it come as far as it does within some virtual seconds."""
    answer.ask(Start("f", plain.encode(list(arguments)), 0))
    return answer.ask(Outcome(0, within_s))


def test_a_coroutine_is_started_and_its_value_told_afterwards() -> None:
    with hosting("async def f(a, b):\n    print('hello')\n    return a + b") as answer:
        assert answer.ask(Start("f", plain.encode([1, 2]), 0)) == Started()
        assert answer.ask(Outcome(0)) == Returned(plain.encode(3), "hello\n")


def test_a_coroutine_that_waits_is_told_with_the_learners_own_line() -> None:
    source = """
        import asyncio
        async def f():
            async with asyncio.TaskGroup():
                await wait()
        async def wait():
            await asyncio.gather(asyncio.Event().wait())
    """
    with hosting(source) as answer:
        place = Place(7, "await asyncio.gather(asyncio.Event().wait())")
        assert run(answer) == Waiting(place)


def test_an_outcome_is_told_as_soon_as_there_is_one_and_else_when_its_time_is_over() -> None:
    with hosting("import asyncio\nasync def f():\n    await asyncio.sleep(30)") as answer:
        assert isinstance(run(answer, within_s=20), Waiting)
        assert now_s(answer) == 20
        assert value_of(answer.ask(Outcome(0, 20))) is None
        assert now_s(answer) == 30


def test_a_coroutine_that_never_rests_is_told_to_wait() -> None:
    source = "import asyncio\nasync def f():\n    while True: await asyncio.sleep(0)"
    with hosting(source) as answer:
        assert run(answer) == Waiting(Place(3, "while True: await asyncio.sleep(0)"))


@pytest.mark.parametrize("call", ["time.sleep(0.001)", "while True: pass"])
def test_a_coroutine_that_blocks_its_loop_is_named_with_its_line(call: str) -> None:
    with hosting(f"import time\nasync def f():\n    {call}", deadline_s=30) as answer:
        reply = run(answer)
    assert str(reply) == f"it blocks the event loop at line 3: `{call}`"


def test_a_coroutine_may_sleep_in_a_thread() -> None:
    source = "import asyncio, time\nasync def f(): await asyncio.to_thread(time.sleep, 30)"
    with hosting(source) as answer:
        assert value_of(run(answer, within_s=40)) is None
        assert now_s(answer) == 30


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)", "KeyboardInterrupt()"])
def test_what_a_coroutine_raises_ends_nothing_but_itself(error: str) -> None:
    with hosting(f"async def f(n):\n    if n: raise {error}\n    return 'here'") as answer:
        reply = run(answer, 1)
        assert isinstance(reply, Raised)
        assert reply.place == Place(2, f"if n: raise {error}")
        assert value_of(run(answer, 0)) == "here"


def test_a_stub_that_is_a_coroutine_is_not_written_yet() -> None:
    with hosting("async def f(): raise NotImplementedError('exercise 02.2')") as answer:
        assert run(answer) == Unwritten("the cell still holds the stub")


@pytest.mark.parametrize("request_", [Start("f", NO_ARGUMENTS, 0), Serve("f")])
def test_only_a_coroutine_function_can_be_started(request_: Start | Serve) -> None:
    with hosting("def f(): pass") as answer:
        missing = Missing("`f` is not a coroutine function: write `async def f`")
        assert answer.ask(request_) == missing


def test_a_coroutine_in_place_of_a_value_lacks_an_await() -> None:
    with hosting("import asyncio\nasync def f(): return asyncio.sleep(1)") as answer:
        assert value_of(run(answer)).description == "a coroutine: is an `await` missing?"


def test_what_is_abandoned_is_cancelled_with_all_it_has_started() -> None:
    source = """
        import asyncio
        async def f():
            task = asyncio.create_task(wait("task"))
            await wait("answer")
        async def wait(name):
            try:
                await asyncio.Event().wait()
            finally:
                print(f"{name} ended")
    """
    with hosting(source) as answer:
        run(answer)
        abandoned = answer.ask(Abandon(0))
        assert isinstance(abandoned, Raised)
        assert abandoned.kind == "CancelledError"
        assert sorted(abandoned.printed.splitlines()) == ["answer ended", "task ended"]


def test_what_an_answer_comes_to_when_it_is_abandoned_is_told() -> None:
    source = """
        import asyncio
        async def f():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return "Spam"
    """
    with hosting(source) as answer:
        run(answer)
        assert value_of(answer.ask(Abandon(0))) == "Spam"


def test_an_answer_that_goes_on_though_it_is_abandoned_comes_to_nothing() -> None:
    source = """
        import asyncio
        async def f():
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    pass
    """
    with hosting(source) as answer:
        run(answer)
        assert answer.ask(Abandon(0)) == Done()


@pytest.mark.parametrize("error", ["KeyError('key')", "SystemExit(3)"])
def test_what_a_background_task_raises_is_overheard(error: str) -> None:
    source = f"""
        import asyncio
        async def f():
            asyncio.create_task(fail())
        async def fail():
            raise {error}
    """
    with hosting(source) as answer:
        assert value_of(run(answer)) is None
        overheard = answer.ask(Overhear())
    assert isinstance(overheard, Overheard)
    assert [type(one).__name__ for one in overheard.raised] == ["Raised"]


def test_a_call_that_is_not_awaited_is_told_with_its_line_each_time() -> None:
    source = "import asyncio\nasync def f():\n    asyncio.sleep(1)"
    with hosting(source) as answer:
        for _ in range(2):
            reply = run(answer)
            assert isinstance(reply, Returned)
            assert reply.printed == (
                "coroutine 'sleep' was never awaited (line 3: `asyncio.sleep(1)`)\n"
            )


def test_what_still_runs_when_the_check_is_over_is_ended() -> None:
    source = """
        import asyncio
        async def f():
            await asyncio.shield(asyncio.create_task(wait()))
        async def wait():
            try:
                await asyncio.sleep(3600)
            finally:
                print("ended")
    """
    with hosting(source) as answer:
        run(answer)
        assert answer.ask(Leave()) == Done()
        assert answer.ask(Overhear()) == Overheard([], "ended\n")


def test_an_answer_that_does_not_leave_is_left() -> None:
    source = """
        import asyncio
        async def f():
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass
    """
    with hosting(source) as answer:
        run(answer)
        before_s = now_s(answer)
        assert answer.ask(Leave()) == Done()
        assert now_s(answer) - before_s == 0.5


def test_the_same_answer_meets_the_same_chance_in_every_round() -> None:
    source = "import os, random\ndef f(): return [random.random(), os.urandom(4).hex()]"
    met: list[plain.Plain] = []
    for _ in range(2):
        with hosting(source) as answer:
            met.append(value_of(call(answer)))
    assert met[0] == met[1]


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    with hosting("def f(): return 1", deadline_s=2) as answer:
        call(answer)
    assert set(threading.enumerate()) <= before

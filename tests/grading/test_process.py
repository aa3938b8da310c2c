"""labkit.grading.process: a box that dies, hangs or lies costs what it must, and leaves nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from labkit.checks import plain
from labkit.checks.messages import Call, Gone, Raised, Returned, Stalled
from labkit.grading import process
from labkit.grading.pipe import Cell
from labkit.grading.process import Box

Open = Callable[..., Awaitable[Box]]
ASK = Call("f", plain.encode([]))


@pytest.fixture
async def open_box(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    boxes: list[Box] = []

    async def start(*cells: str) -> Box:
        boxes.append(await Box.start())
        assert await boxes[-1].prepare([Cell(cell) for cell in cells], ["f"], {}) is None
        return boxes[-1]

    yield start
    for box in boxes:
        await box.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A killed child of a killed parent may be waiting for whoever inherited it.
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


async def test_an_answer_is_asked_and_asked_again(open_box: Open) -> None:
    box = await open_box("n = 0\ndef f():\n    global n\n    n += 1\n    return n")
    replies = [await box.ask(ASK), await box.ask(ASK)]
    assert replies == [Returned(plain.encode(1)), Returned(plain.encode(2))]
    assert box.is_usable


async def test_an_error_of_the_answer_is_told_and_the_box_goes_on(open_box: Open) -> None:
    box = await open_box("def f():\n    raise ValueError('no')")
    reply = await box.ask(ASK)
    assert isinstance(reply, Raised)
    assert str(reply) == "it raised ValueError: no (line 2: `raise ValueError('no')`)"
    assert box.is_usable


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("os._exit(3)", "the process of the answer ended (exit 3)"),
        ("os.kill(os.getpid(), 11)", "the process of the answer ended (SIGSEGV)"),
        ("os.closerange(0, 100)", "the process of the answer ended (SIGKILL)"),
    ],
)
async def test_an_answer_that_ends_its_process_is_gone(open_box: Open, body: str, why: str) -> None:
    box = await open_box(f"import os\ndef f():\n    {body}")
    assert await box.ask(ASK) == Gone(why)
    assert await box.ask(ASK) == Gone(why)
    assert not box.is_usable


async def test_an_answer_that_loops_is_stalled_and_the_box_is_done(open_box: Open) -> None:
    box = await open_box("def f():\n    while True: pass")
    reply = await box.ask(ASK)
    assert str(reply) == "it did not return within 2 s, still at line 2: `while True: pass`"
    assert await box.ask(ASK) == Gone(
        "it was not asked again, because an earlier call never returned"
    )
    assert not box.is_usable


async def test_an_answer_that_never_lets_go_of_the_interpreter_is_stalled(open_box: Open) -> None:
    box = await open_box("import itertools\ndef f():\n    return sum(itertools.repeat(1))")
    assert await box.ask(ASK) == Stalled(2.0)
    assert not box.is_usable


FIND_SOCKETS = """\
import os, stat, struct
def sockets():
    for fd in range(3, 100):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                yield fd
        except OSError:
            pass
"""


@pytest.mark.parametrize(
    "garbage",
    [
        "b'\\xff' * 100",
        "struct.pack('!IQ', 2**32 - 1, 1)",
        "struct.pack('!IQ', 3, 1) + b'abc'",
        "struct.pack('!IQ', 3, 2) + b'abc'",
        "struct.pack('!IQ', 1, 0) + b'\\xc0'",
    ],
)
async def test_an_answer_that_writes_to_every_descriptor_is_found_out(
    open_box: Open, garbage: str
) -> None:
    write = f"def f():\n    for fd in sockets():\n        os.write(fd, {garbage})"
    box = await open_box(FIND_SOCKETS, write)
    assert await box.ask(ASK) == Gone("it wrote to the grader's own connection")
    assert not box.is_usable


async def test_a_forged_reply_is_no_more_than_the_answer_itself_can_say(open_box: Open) -> None:
    forge = (
        "import msgspec\nfrom labkit.checks import plain\n"
        "from labkit.checks.messages import Returned, pack\n"
        "def f():\n    body = pack(Returned(plain.encode('forged')))\n    for fd in sockets():\n"
        "        os.write(fd, struct.pack('!IQ', len(body), 1) + body)\n    return 'true'"
    )
    box = await open_box(FIND_SOCKETS, forge)
    assert await box.ask(ASK) == Returned(plain.encode("forged"))
    # The true reply comes to a request that it does not belong to.
    assert await box.ask(ASK) == Gone("it wrote to the grader's own connection")


async def test_a_reply_that_nobody_waits_for_any_more_does_not_answer_the_next_request(
    open_box: Open,
) -> None:
    box = await open_box(
        "import time\nn = 0\ndef f():\n    global n\n    n += 1\n"
        "    time.sleep(0.3 if n == 1 else 0)\n    return n"
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await box.ask(ASK)
    assert await box.ask(ASK) == Returned(plain.encode(2))


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("import os\nos._exit(3)", "its cell ended the process (exit 3)"),
        ("import ctypes\nctypes.string_at(0)", "its cell ended the process (SIGSEGV)"),
        (
            "import itertools\nsum(itertools.repeat(1))",
            "its cell did not end within 2 s",
        ),
        (
            FIND_SOCKETS + "for fd in sockets(): os.write(fd, b'\\xff' * 100)",
            "its cell is not to be run: it wrote to the grader's own connection",
        ),
    ],
)
async def test_a_cell_that_a_box_does_not_survive_is_named(
    monkeypatch: pytest.MonkeyPatch, cell: str, why: str
) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    box = await Box.start()
    assert await box.prepare([Cell("x = 1"), Cell(cell)], ["f"], {}) == (1, why)
    assert await box.ask(ASK) == Gone(why)
    await box.close()


async def test_what_a_box_started_is_ended_with_it(open_box: Open) -> None:
    box = await open_box(
        "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])",
        "def f():\n    import os\n    return [os.getpid(), child.pid]",
    )
    reply = await box.ask(ASK)
    assert isinstance(reply, Returned)
    pids = plain.decode(reply.value)
    assert all(map(_runs, pids))
    await box.close()
    await _until(lambda: not any(map(_runs, pids)))


async def test_a_fork_that_holds_the_connection_open_is_ended_too(open_box: Open) -> None:
    box = await open_box(
        "import os, time\ndef f():\n    if os.fork():\n        os._exit(3)\n    time.sleep(1000)"
    )
    assert await box.ask(ASK) == Stalled(2.0)
    assert await box.ask(ASK) == Gone(
        "it was not asked again, because an earlier call never returned"
    )


async def test_its_folder_goes_with_it(open_box: Open) -> None:
    box = await open_box(
        "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('x')",
        "def f(): return os.getcwd()",
    )
    reply = await box.ask(ASK)
    assert isinstance(reply, Returned)
    folder = plain.decode(reply.value)
    assert os.listdir(folder) == ["a"]
    await box.close()
    with pytest.raises(FileNotFoundError):
        os.listdir(folder)


async def test_a_closed_box_can_be_closed_again_and_says_that_it_is_gone(open_box: Open) -> None:
    box = await open_box("def f(): return 1")
    await box.close()
    await box.close()
    assert isinstance(await box.ask(ASK), Gone)

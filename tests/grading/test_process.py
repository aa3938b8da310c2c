"""labkit.grading.process: a box that dies, hangs or lies costs what it must, and leaves nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labkit.checks import channel, plain
from labkit.checks.messages import Call, Gone, Raised, Reply, Request, Returned, Stalled
from labkit.grading import pipe, process
from labkit.grading.pipe import Cell
from labkit.grading.process import Box

from ..checks.conversation import conversing

Open = Callable[..., Box]
ASK = Call("f", plain.encode([]))
FOREIGN = Gone("it wrote to the grader's own connection")


@pytest.fixture
def open_box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    boxes: list[Box] = []

    def start(*cells: str) -> Box:
        boxes.append(Box.start())
        assert boxes[-1].prepare([Cell(cell) for cell in cells], ["f"], {}) is None
        return boxes[-1]

    yield start
    for box in boxes:
        box.close()


@pytest.fixture
def soon_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up sooner on a box that cannot say that it has stalled."""
    monkeypatch.setattr(channel, "SILENCE_S", 0.5)


def _ask(box: Box, *requests: Request) -> list[Reply]:
    """Ask in a round of its own."""
    with box.round() as pipe, conversing(pipe) as conversation:
        return [conversation.ask(request) for request in requests or (ASK,)]


def _until(condition: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_s
        threading.Event().wait(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A killed child of a killed parent may be waiting for whoever inherited it.
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def _value(reply: Reply) -> plain.Plain:
    assert isinstance(reply, Returned)
    return plain.decode(reply.value)


COUNT = "n = 0\ndef f():\n    global n\n    n += 1\n    return n"


def test_an_answer_is_asked_and_asked_again(open_box: Open) -> None:
    box = open_box(COUNT)
    assert _ask(box, ASK, ASK) == [Returned(plain.encode(1)), Returned(plain.encode(2))]
    assert box.is_usable


def test_a_round_follows_a_round_in_the_same_process(open_box: Open) -> None:
    box = open_box(COUNT)
    assert _ask(box) + _ask(box) == [Returned(plain.encode(1)), Returned(plain.encode(2))]


def test_a_round_in_which_nothing_is_asked_does_no_harm(open_box: Open) -> None:
    box = open_box(COUNT)
    with box.round():
        assert not box.is_usable
    assert box.is_usable
    assert _ask(box) == [Returned(plain.encode(1))]


def test_a_round_that_breaks_off_is_the_boxs_last(open_box: Open) -> None:
    box = open_box(COUNT)
    with pytest.raises(KeyError), box.round():
        raise KeyError
    assert not box.is_usable


def test_an_error_of_the_answer_is_told_and_the_box_goes_on(open_box: Open) -> None:
    box = open_box("def f():\n    raise ValueError('no')")
    (reply,) = _ask(box)
    assert isinstance(reply, Raised)
    assert str(reply) == "it raised ValueError: no (line 2: `raise ValueError('no')`)"
    assert box.is_usable


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("os._exit(3)", "the process of the answer ended (exit 3)"),
        ("ctypes.string_at(0)", "the process of the answer ended (SIGSEGV)"),
    ],
)
def test_an_answer_that_ends_its_process_is_gone(open_box: Open, body: str, why: str) -> None:
    box = open_box(f"import ctypes, os\ndef f():\n    {body}")
    assert _ask(box, ASK, ASK) == [Gone(why), Gone(why)]
    assert not box.is_usable


def test_an_answer_that_closes_its_connection_is_gone(open_box: Open) -> None:
    box = open_box("import os\ndef f():\n    os.closerange(0, 100)")
    first, second = _ask(box, ASK, ASK)
    assert str(first).startswith("the process of the answer ended (")
    assert second == first
    assert not box.is_usable


def test_an_answer_that_loops_is_stalled_and_the_box_is_done(open_box: Open) -> None:
    box = open_box("def f():\n    while True: pass")
    first, second = _ask(box, ASK, ASK)
    assert str(first) == "it did not return within 2 s, still at line 2: `while True: pass`"
    assert second == first
    assert not box.is_usable


@pytest.mark.usefixtures("soon_silent")
def test_an_answer_that_never_lets_go_of_the_interpreter_is_stalled(open_box: Open) -> None:
    box = open_box("import itertools\ndef f():\n    return sum(itertools.repeat(1))")
    assert _ask(box) == [Stalled(0.5)]
    assert not box.is_usable


FIND_SOCKETS = """\
import msgspec, os, select, signal, stat, struct, sys
def sockets():
    for fd in range(3, 100):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                yield fd
        except OSError:
            pass
def write(data):
    for fd in sockets():
        rest = data
        while rest:
            rest = rest[os.write(fd, rest):]
def frame(body, number=1):
    return struct.pack('!IQ', len(body), number) + body
"""


@pytest.mark.parametrize(
    "garbage",
    [
        "b'\\xff' * 100",
        "struct.pack('!IQ', 2**32 - 1, 1)",
        "frame(msgspec.msgpack.encode([]), 0)",
        "frame(msgspec.msgpack.encode([]), 2)",
    ],
)
def test_an_answer_that_writes_to_every_descriptor_is_found_out(
    open_box: Open, garbage: str
) -> None:
    box = open_box(FIND_SOCKETS, f"def f():\n    write({garbage})")
    assert _ask(box, ASK, ASK) == [FOREIGN, FOREIGN]
    assert not box.is_usable


def test_a_box_that_wrote_what_is_no_frame_stays_of_no_use(open_box: Open) -> None:
    box = open_box(FIND_SOCKETS, "def f():\n    write(struct.pack('!IQ', 2**32 - 1, 1))")
    assert _ask(box) == [FOREIGN]
    assert _ask(box) == [FOREIGN]
    assert not box.is_usable


@pytest.mark.parametrize(
    "garbage",
    [
        "b'abc'",
        "msgspec.msgpack.encode([('spam', ())])",
        "msgspec.msgpack.encode([('listen', (1, 2))])",
        "b'\\x91\\x92\\xa4tell' + b'\\x91' * 100_000 + b'\\x01'",
        "b'\\xdd\\xff\\xff\\xff\\xff'",
    ],
)
def test_an_answer_that_says_what_no_loop_says_is_found_out(open_box: Open, garbage: str) -> None:
    box = open_box(FIND_SOCKETS, f"def f():\n    write(frame({garbage}))")
    (reply,) = _ask(box)
    assert str(reply).startswith("it said what a loop may not say: ")


def test_an_answer_that_ends_its_own_round_is_gone(open_box: Open) -> None:
    box = open_box(FIND_SOCKETS, "def f():\n    write(frame(b''))")
    assert _ask(box) == [Gone("its event loop has ended")]
    assert not box.is_usable


def test_what_belongs_to_a_round_that_is_over_is_not_taken_for_the_next_ones(
    open_box: Open,
) -> None:
    forge = (
        "from labkit.checks import plain\nfrom labkit.checks.messages import Returned, pack\n"
        "is_first = True\n"
        "def f():\n    global is_first\n"
        "    if is_first:\n        is_first = False\n        return 1\n"
        "    reply = pack(1, Returned(plain.encode('forged')))\n"
        "    write(frame(msgspec.msgpack.encode([('tell', (reply,))]), 1))"
    )
    box = open_box(FIND_SOCKETS, forge)
    assert _ask(box) == [Returned(plain.encode(1))]
    assert _ask(box) == [FOREIGN]


FORGE = (
    "from labkit.checks import plain\nfrom labkit.checks.messages import Returned, pack\n"
    "def f():\n    reply = pack({number}, Returned(plain.encode('forged')))\n"
    "    write(frame(msgspec.msgpack.encode([('tell', (reply,))])))\n    return 'true'"
)


def test_a_forged_reply_is_no_more_than_the_answer_itself_can_say(open_box: Open) -> None:
    box = open_box(FIND_SOCKETS, FORGE.format(number=1))
    # The true reply comes to a request that was answered.
    assert _ask(box, ASK, ASK) == [Returned(plain.encode("forged")), FOREIGN]


def test_a_reply_that_is_none_is_found_out(open_box: Open) -> None:
    tell = "write(frame(msgspec.msgpack.encode([('tell', (b'\\xc1',))])))"
    box = open_box(FIND_SOCKETS, f"def f():\n    {tell}")
    assert _ask(box, ASK, ASK) == [FOREIGN, FOREIGN]


def test_a_reply_to_what_was_not_asked_yet_is_found_out(open_box: Open) -> None:
    box = open_box(FIND_SOCKETS, FORGE.format(number=2))
    assert _ask(box, ASK, ASK) == [FOREIGN, FOREIGN]


def test_a_frame_that_never_ends_does_not_hold_the_judge(
    open_box: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "FRAME_S", 0.2)
    stop = "os.kill(os.getpid(), signal.SIGSTOP)"
    box = open_box(FIND_SOCKETS, f"def f():\n    write(frame(bytes(100))[:50])\n    {stop}")
    assert _ask(box) == [FOREIGN]
    assert not box.is_usable


def test_a_box_that_talks_on_after_its_round_does_not_hold_the_judge(
    open_box: Open, tmp_path: Path
) -> None:
    go, gone = tmp_path / "go", tmp_path / "gone"
    talk = (
        "def f(): return 1\nheld = os.dup(int(sys.argv[1]))\nif not os.fork():\n"
        f"    while not os.path.exists({str(go)!r}):\n        select.select([], [], [], 0.01)\n"
        "    os.kill(os.getppid(), signal.SIGSTOP)\n"
        f"    open({str(gone)!r}, 'w')\n    while True: os.write(held, frame(b'\\x90') * 1000)"
    )
    box = open_box(FIND_SOCKETS, talk)
    with box.round():
        go.touch()
        _until(gone.exists)
    assert not box.is_usable


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("import os\nos._exit(3)", "its cell ended the process (exit 3)"),
        ("import ctypes\nctypes.string_at(0)", "its cell ended the process (SIGSEGV)"),
        ("import itertools\nsum(itertools.repeat(1))", "its cell did not end within 2 s"),
        (
            FIND_SOCKETS + "write(b'\\xff' * 100)",
            "its cell is not to be run: it wrote to the grader's own connection",
        ),
        (
            FIND_SOCKETS + "write(frame(b'\\xc0', 0))",
            "its cell is not to be run: it wrote to the grader's own connection",
        ),
    ],
)
def test_a_cell_that_a_box_does_not_survive_is_named(
    monkeypatch: pytest.MonkeyPatch, cell: str, why: str
) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    box = Box.start()
    assert box.prepare([Cell("x = 1"), Cell(cell)], ["f"], {}) == (1, why)
    assert not box.is_usable
    assert _ask(box) == [Gone(why)]
    box.close()


def test_a_box_that_is_killed_lets_go_of_whoever_asks_it(open_box: Open, tmp_path: Path) -> None:
    note = tmp_path / "note"
    box = open_box(f"def f():\n    open({str(note)!r}, 'w')\n    while True: pass")
    killer = threading.Thread(target=lambda: (_until(note.exists), box.kill()))
    killer.start()
    assert _ask(box) == [Gone("the process of the answer ended (SIGKILL)")]
    killer.join()
    assert not box.is_usable


def test_a_box_that_is_killed_while_it_prepares_lets_go_of_whoever_waits(tmp_path: Path) -> None:
    note, box = tmp_path / "note", Box.start()
    killer = threading.Thread(target=lambda: (_until(note.exists), box.kill()))
    killer.start()
    cells = [Cell(f"open({str(note)!r}, 'w')\nwhile True: pass")]
    assert box.prepare(cells, ["f"], {}) == (0, "its cell ended the process (SIGKILL)")
    killer.join()
    box.close()


def test_what_a_box_started_is_ended_with_it(open_box: Open) -> None:
    box = open_box(
        "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])",
        "def f():\n    import os\n    return [os.getpid(), child.pid]",
    )
    pids = _value(_ask(box)[0])
    assert isinstance(pids, list)
    assert all(map(_runs, pids))
    box.close()
    _until(lambda: not any(map(_runs, pids)))


def test_a_fork_does_not_speak_for_the_box(open_box: Open) -> None:
    box = open_box("import os\ndef f():\n    return 'the fork' if not os.fork() else 'the box'")
    replies = _ask(box, *[ASK] * 5)
    assert replies == [Returned(plain.encode("the box"))] * 5
    assert box.is_usable


def test_a_fork_does_not_hide_that_the_box_has_ended(open_box: Open) -> None:
    fork = "if os.fork():\n        os._exit(3)\n    while True: signal.pause()"
    box = open_box(f"import os, signal\ndef f():\n    {fork}")
    assert _ask(box) == [Gone("the process of the answer ended (exit 3)")]


@pytest.mark.usefixtures("soon_silent")
def test_a_fork_that_holds_the_connection_open_is_ended_too(open_box: Open, tmp_path: Path) -> None:
    note = tmp_path / "note"
    box = open_box(
        f"import os, signal, sys\nheld = os.dup(int(sys.argv[1]))\n"
        "def f():\n    pid = os.fork()\n    if pid:\n"
        f"        open({str(note)!r}, 'w').write(str(pid))\n        os._exit(3)\n"
        "    while True: signal.pause()"
    )
    assert _ask(box, ASK, ASK) == [Stalled(0.5), Stalled(0.5)]
    pid = int(note.read_text())
    assert _runs(pid)
    box.close()
    _until(lambda: not _runs(pid))


def test_what_has_left_the_box_cannot_talk_to_the_judge_once_that_is_killed(
    open_box: Open, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    leave = (
        "held = os.dup(int(sys.argv[1]))\ndef f():\n    pid = os.fork()\n    if pid:\n"
        f"        open({str(note)!r}, 'w').write(str(pid))\n        return pid\n"
        "    os.setsid()\n    while True: signal.pause()"
    )
    box = open_box(FIND_SOCKETS, leave)
    pid = _value(_ask(box)[0])
    assert isinstance(pid, int)
    try:
        box.kill()
        assert _runs(pid)
        assert _ask(box) == [Gone("the process of the answer ended (SIGKILL)")]
    finally:
        os.kill(pid, signal.SIGKILL)


def test_its_folder_goes_with_it(open_box: Open) -> None:
    box = open_box(
        "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('x')",
        "def f(): return os.getcwd()",
    )
    folder = str(_value(_ask(box)[0]))
    assert os.listdir(folder) == ["a"]
    box.close()
    with pytest.raises(FileNotFoundError):
        os.listdir(folder)


def test_a_closed_box_can_be_closed_again_and_says_that_it_is_gone(open_box: Open) -> None:
    box = open_box("def f(): return 1")
    box.close()
    box.close()
    assert _ask(box) == [Gone("the process of the answer ended (SIGKILL)")]

"""labkit.grading.pipe: frames between judge and box, and what is taken for none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.grading import pipe
from labkit.grading.pipe import (
    FRAME_S,
    MAX_BODY,
    BoxEnd,
    BoxRound,
    Cell,
    ForeignData,
    JudgeEnd,
    JudgeRound,
    Prepare,
    Prepared,
    Progress,
    Running,
    frame,
    read_progress,
)

#: A connection's two ends: the judge's and the box's.
Ends = tuple[socket.socket, socket.socket]
HEAD = len(frame(7, b""))


@pytest.fixture
def ends() -> Iterator[Ends]:
    judge, box = socket.socketpair()
    with judge, box:
        yield judge, box


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "FRAME_S", 0.05)


def _receive(ends: Ends, data: bytes, number: int = 7) -> bytes:
    """Return what the judge receives of a box that says ``data`` and hangs up."""
    judge, box = ends
    box.sendall(data)
    box.shutdown(socket.SHUT_WR)
    return JudgeEnd(judge).receive(number)


def _round(ends: Ends) -> JudgeRound:
    """Return a round that explains itself by the kind of error."""
    return JudgeRound(JudgeEnd(ends[0]), 7, lambda error: type(error).__name__)


def test_a_frame_comes_back_as_it_was_sent(ends: Ends) -> None:
    assert _receive(ends, frame(7, b"Spam")) == b"Spam"


def test_a_frame_as_large_as_may_be_comes_back(ends: Ends) -> None:
    judge, box = ends
    body = bytes(MAX_BODY)
    sender = threading.Thread(target=BoxEnd(box).send, args=(7, body))
    sender.start()
    assert JudgeEnd(judge).receive(7) == body
    sender.join()


@pytest.mark.parametrize("number", [0, 6, 8])
def test_a_frame_of_another_round_is_foreign(ends: Ends, number: int) -> None:
    with pytest.raises(ForeignData):
        _receive(ends, frame(number, b"Spam"))


def test_a_frame_over_the_bound_is_foreign_before_it_arrives(ends: Ends) -> None:
    head = (MAX_BODY + 1).to_bytes(4, "big") + (7).to_bytes(8, "big")
    with pytest.raises(ForeignData):
        _receive(ends, head)


@pytest.mark.parametrize("size", [0, 1, HEAD - 1, HEAD, HEAD + 1])
def test_half_a_frame_is_the_end_of_the_stream(ends: Ends, size: int) -> None:
    with pytest.raises(EOFError):
        _receive(ends, frame(7, b"Spam")[:size])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("size", [1, HEAD, HEAD + 1])
def test_a_frame_whose_rest_does_not_come_is_foreign(ends: Ends, size: int) -> None:
    judge, box = ends
    box.sendall(frame(7, b"Spam")[:size])
    with pytest.raises(ForeignData):
        JudgeEnd(judge).receive(7)


def test_a_frame_that_comes_byte_by_byte_has_no_more_time_than_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Dripping:
        """A connection that gives a byte now and then, sooner than a frame's time is over."""

        def __init__(self) -> None:
            self.now_s = 0.0
            self._patience_s = 0.0

        def settimeout(self, patience_s: float) -> None:
            self._patience_s = patience_s

        def recv(self, size: int) -> bytes:
            self.now_s += min(self._patience_s, FRAME_S / 5)
            if self._patience_s < FRAME_S / 5:
                raise TimeoutError
            return b"\0"

    connection = Dripping()
    monkeypatch.setattr(pipe, "time", SimpleNamespace(monotonic=lambda: connection.now_s))
    with pytest.raises(ForeignData):
        JudgeEnd(connection).receive(0)  # type: ignore[arg-type]
    assert connection.now_s < 1.1 * FRAME_S


@pytest.mark.usefixtures("impatient")
def test_what_nobody_takes_is_not_sent_for_ever(ends: Ends) -> None:
    with pytest.raises(OSError, match="timed out"):
        JudgeEnd(ends[0]).send(7, bytes(MAX_BODY))


def test_the_judge_hears_whether_a_frame_comes(ends: Ends) -> None:
    judge, box = ends
    assert not JudgeEnd(judge).poll(0)
    box.sendall(frame(7, b"Spam"))
    assert JudgeEnd(judge).poll(10)


def test_who_hangs_up_lets_go_of_whoever_listens(ends: Ends) -> None:
    end = JudgeEnd(ends[0])
    hanging_up = threading.Thread(target=end.hang_up)
    hanging_up.start()
    assert end.poll(10)
    with pytest.raises(EOFError):
        end.receive(7)
    hanging_up.join()


def test_who_hung_up_hears_and_says_nothing_more(ends: Ends) -> None:
    judge, box = ends
    end = JudgeEnd(judge)
    end.hang_up()
    with pytest.raises(BrokenPipeError):
        box.sendall(frame(7, b"Spam"))
    with pytest.raises(EOFError):
        end.receive(7)
    with pytest.raises(OSError, match="Broken pipe"):
        end.send(7, b"Spam")


def test_who_hung_up_or_is_done_may_hang_up(ends: Ends) -> None:
    end = JudgeEnd(ends[0])
    end.hang_up()
    end.hang_up()
    end.close()
    end.hang_up()


@pytest.mark.parametrize("progress", [Running(0), Running(3), Prepared()])
def test_progress_comes_back_as_it_was_announced(ends: Ends, progress: Progress) -> None:
    judge, box = ends
    BoxEnd(box).announce(progress)
    assert read_progress(JudgeEnd(judge).receive(0)) == progress


@given(
    st.binary(max_size=40) | st.integers().map(lambda n: msgspec.msgpack.encode({"cell": n % 9}))
)
def test_whatever_is_announced_is_progress_or_foreign(body: bytes) -> None:
    try:
        progress = read_progress(body)
    except ForeignData:
        return
    assert isinstance(progress, Progress)


def test_deep_nesting_is_no_progress() -> None:
    with pytest.raises(ForeignData):
        read_progress(b"\x81\xa1x" + b"\x91" * 100_000 + b"\x01")


def test_the_box_reads_what_the_judge_sends_and_answers(ends: Ends) -> None:
    judge, box = ends
    todo = Prepare([Cell("x = 1"), Cell("text", is_code=False)], ["x"], {3: "why"})
    JudgeEnd(judge).send(0, msgspec.msgpack.encode(todo))
    JudgeEnd(judge).send(1, b"ask")
    end = BoxEnd(box)
    assert end.prepare() == todo
    assert end.receive() == (1, b"ask")
    end.announce(Running(2))
    assert judge.recv(100) == frame(0, msgspec.msgpack.encode(Running(2)))
    judge.shutdown(socket.SHUT_WR)
    assert end.receive() is None


def test_a_box_that_let_go_says_and_hears_nothing_more(ends: Ends) -> None:
    judge, box = ends
    end = BoxEnd(box)
    judge.sendall(frame(7, b"Spam"))
    end.let_go()
    end.let_go()
    with pytest.raises(OSError, match="Bad file descriptor"):
        end.send(7, b"Spam")
    with pytest.raises(OSError, match="Bad file descriptor"):
        end.receive()


def test_messages_cross_in_a_round(ends: Ends) -> None:
    near, far = _round(ends), BoxRound(BoxEnd(ends[1]), 7)
    near.send_bytes(b"Spam")
    assert far.recv_bytes() == b"Spam"
    far.send_bytes(b"Eggs")
    assert near.poll(10)
    assert near.recv_bytes() == b"Eggs"
    assert near.is_sound


def test_the_box_hears_that_its_round_is_over(ends: Ends) -> None:
    JudgeEnd(ends[0]).send(7, b"")
    with pytest.raises(EOFError):
        BoxRound(BoxEnd(ends[1]), 7).recv_bytes()


def test_the_box_hears_that_the_judge_is_gone(ends: Ends) -> None:
    ends[0].close()
    with pytest.raises(EOFError):
        BoxRound(BoxEnd(ends[1]), 7).recv_bytes()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "EOFError"),
        (frame(8, b"Spam"), "ForeignData"),
        (frame(7, b""), "its event loop has ended"),
    ],
)
def test_a_round_tells_why_there_is_no_message_and_is_not_sound_any_more(
    ends: Ends, data: bytes, why: str
) -> None:
    near = _round(ends)
    ends[1].sendall(data)
    ends[1].shutdown(socket.SHUT_WR)
    with pytest.raises(EOFError, match=f"^{why}$"):
        near.recv_bytes()
    assert not near.is_sound


def test_a_round_tells_why_nobody_takes_a_message_and_is_not_sound_any_more(ends: Ends) -> None:
    near = _round(ends)
    ends[1].close()
    with pytest.raises(EOFError, match=r"^BrokenPipeError$"):
        near.send_bytes(b"Spam")
    assert not near.is_sound

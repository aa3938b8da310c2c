"""labkit.grading.pipe: frames between judge and box, and what is taken for none."""

from __future__ import annotations

import asyncio
import socket

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.checks import plain
from labkit.checks.messages import Place, Raised, Reply, Returned, Stalled, Unwritten, pack
from labkit.grading.pipe import (
    MAX_BODY,
    MAX_WORDS,
    BoxEnd,
    Cell,
    ForeignData,
    Prepare,
    Running,
    frame,
    read_frame,
    read_progress,
    read_reply,
)


def _arriving(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


async def test_a_frame_comes_back_as_it_was_sent() -> None:
    assert await read_frame(_arriving(frame(7, b"Spam")), 7) == b"Spam"


async def test_a_frame_of_another_number_is_foreign() -> None:
    with pytest.raises(ForeignData):
        await read_frame(_arriving(frame(8, b"Spam")), 7)


async def test_a_frame_over_the_bound_is_foreign_before_it_arrives() -> None:
    head = frame(7, b"")[:0] + (MAX_BODY + 1).to_bytes(4, "big") + (7).to_bytes(8, "big")
    with pytest.raises(ForeignData):
        await read_frame(_arriving(head), 7)


async def test_half_a_frame_is_the_end_of_the_stream() -> None:
    with pytest.raises(EOFError):
        await read_frame(_arriving(frame(7, b"Spam")[:-1]), 7)


async def test_progress_that_is_none_is_foreign() -> None:
    with pytest.raises(ForeignData):
        await read_progress(_arriving(frame(0, pack(Returned(b"")))))


@pytest.mark.parametrize(
    "reply",
    [
        Returned(plain.encode([1, (b"Spam",)]), "printed"),
        Raised("ValueError", "no", plain.encode(["no"]), Place(3, "x"), ""),
        Stalled(2.0),
        Unwritten("no cell defines `f`"),
    ],
)
def test_a_reply_comes_back_as_it_was_sent(reply: Reply) -> None:
    assert read_reply(pack(reply)) == reply


def test_a_value_may_be_large_but_not_the_words_around_it() -> None:
    read_reply(pack(Returned(plain.encode(bytes(MAX_WORDS * 2)))))
    with pytest.raises(ForeignData):
        read_reply(pack(Returned(plain.encode(1), "x" * MAX_WORDS)))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xc1",
        b"\xa2\xff\xff",
        b"\x91" * 100_000 + b"\x01",
        msgspec.msgpack.encode(msgspec.msgpack.Ext(3, msgspec.msgpack.encode("zz"))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(1, msgspec.msgpack.encode("no list"))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(99, b"\x01")),
    ],
)
def test_a_value_that_is_not_plain_makes_a_reply_foreign(value: bytes) -> None:
    with pytest.raises(ForeignData):
        read_reply(pack(Returned(value)))
    with pytest.raises(ForeignData):
        read_reply(pack(Raised("ValueError", "no", value)))


@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda value: pack(Returned(value))))
def test_whatever_arrives_is_a_reply_or_foreign(data: bytes) -> None:
    try:
        reply = read_reply(data)
    except ForeignData:
        return
    assert isinstance(reply, Reply)


def test_the_box_reads_what_the_judge_sends_and_answers() -> None:
    judge, box = socket.socketpair()
    with judge, box:
        todo = Prepare([Cell("x = 1"), Cell("text", is_code=False)], ["x"], {3: "why"})
        judge.sendall(frame(0, msgspec.msgpack.encode(todo)) + frame(1, b"ask"))
        end = BoxEnd(box)
        assert end.prepare() == todo
        assert end.receive() == (1, b"ask")
        end.announce(Running(2))
        assert judge.recv(100) == frame(0, msgspec.msgpack.encode(Running(2)))
        judge.shutdown(socket.SHUT_WR)
        assert end.receive() is None

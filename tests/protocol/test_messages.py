"""Messages from fragments: what holds of every message, however it is cut."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import RemoteProtocolError
from labkit.protocol.frames import ChunkParser, Frame, Opcode, serialize
from labkit.protocol.messages import MessageAssembler


def assemble(frames: list[Frame], *, piece: int = 1 << 20) -> list[str | bytes]:
    """Put ``frames`` through an assembler, arriving in pieces of this size."""
    stream = b"".join(map(serialize, frames))
    assembler = MessageAssembler(max_size=1 << 20, max_frames=100)
    parser = ChunkParser()
    messages = []
    for start in range(0, len(stream), piece):
        parser.feed(stream[start : start + piece])
        while (chunk := parser.take()) is not None:
            if chunk.first:
                assembler.begin(chunk.header)
            message = assembler.feed(chunk)
            if message is not None:
                messages.append(message)
    return messages


def fragment(opcode: Opcode, payload: bytes, cuts: list[int]) -> list[Frame]:
    edges = [0, *sorted(cuts), len(payload)]
    pieces = [payload[a:b] for a, b in pairwise(edges)]
    return [
        Frame(Opcode.CONT if i else opcode, piece, fin=i == len(pieces) - 1)
        for i, piece in enumerate(pieces)
    ]


@given(st.text(max_size=50), st.data(), st.integers(1, 20))
def test_text_comes_out_the_same_however_it_is_cut(
    text: str, data: st.DataObject, piece: int
) -> None:
    payload = text.encode()
    cuts = data.draw(st.lists(st.integers(0, len(payload)), max_size=5))
    assert assemble(fragment(Opcode.TEXT, payload, cuts), piece=piece) == [text]


@given(st.binary(max_size=50), st.data(), st.integers(1, 20))
def test_bytes_come_out_the_same_however_they_are_cut(
    payload: bytes, data: st.DataObject, piece: int
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(payload)), max_size=5))
    assert assemble(fragment(Opcode.BINARY, payload, cuts), piece=piece) == [payload]


@given(st.binary(max_size=8))
def test_what_is_refused_as_text_is_what_python_cannot_decode(payload: bytes) -> None:
    try:
        expected = [payload.decode("utf-8")]
    except UnicodeDecodeError:
        with pytest.raises(RemoteProtocolError) as refused:
            assemble([Frame(Opcode.TEXT, payload)], piece=1)
        assert refused.value.code == 1007
    else:
        assert assemble([Frame(Opcode.TEXT, payload)], piece=1) == expected


def test_line_ends_stay_as_they_are() -> None:
    assert assemble([Frame(Opcode.TEXT, b"a\r\nb\rc\nd")]) == ["a\r\nb\rc\nd"]


def test_a_message_that_arrives_byte_by_byte_takes_no_more_memory_for_it() -> None:
    payload = 40_000 * b"a"
    tracemalloc.start()
    assemble([Frame(Opcode.TEXT, payload)], piece=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * len(payload)

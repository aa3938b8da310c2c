"""The layout of frames: header, mask, length forms, and a parser fed in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import LocalProtocolError
from labkit.protocol.frames import (
    ChunkParser,
    Frame,
    FrameParser,
    Header,
    Opcode,
    apply_mask,
    parse_header,
    serialize,
)

KEY = bytes.fromhex("37fa213d")
MASKED_SPAM = bytes.fromhex("81 84 37 fa 21 3d 64 8a 40 50")
UNMASKED_SPAM = bytes.fromhex("81 04 53 70 61 6d")

frames = st.builds(
    Frame,
    opcode=st.integers(0, 15),
    payload=st.binary(max_size=300) | st.integers(0, 70_000).map(bytes),
    fin=st.booleans(),
    rsv1=st.booleans(),
    rsv2=st.booleans(),
    rsv3=st.booleans(),
    mask=st.none() | st.binary(min_size=4, max_size=4),
)


def test_a_header_tells_every_field() -> None:
    assert parse_header(MASKED_SPAM) == Header(
        fin=True,
        rsv1=False,
        rsv2=False,
        rsv3=False,
        opcode=Opcode.TEXT,
        masked=True,
        length=4,
        mask=KEY,
        size=6,
        minimal=True,
    )


@pytest.mark.parametrize(
    "data", [MASKED_SPAM[:size] for size in range(6)] + [b"\x82\x7e\x01", b"\x82\x7f" + bytes(7)]
)
def test_a_partial_header_needs_more_bytes(data: bytes) -> None:
    assert parse_header(data) is None


@pytest.mark.parametrize(
    ("data", "length", "size", "minimal"),
    [
        ("82 7d", 125, 2, True),
        ("82 7e 00 7e", 126, 4, True),
        ("82 7e ff ff", 65_535, 4, True),
        ("82 7f 00 00 00 00 00 01 00 00", 65_536, 10, True),
        ("82 7f 7f ff ff ff ff ff ff ff", 2**63 - 1, 10, True),
        ("82 7f ff ff ff ff ff ff ff ff", 2**64 - 1, 10, True),
        ("82 7e 00 7d", 125, 4, False),
        ("82 7f 00 00 00 00 00 00 ff ff", 65_535, 10, False),
    ],
)
def test_a_length_has_three_forms(data: str, length: int, size: int, minimal: bool) -> None:
    header = parse_header(bytes.fromhex(data))
    assert header is not None
    assert (header.length, header.size, header.minimal) == (length, size, minimal)


def test_a_reserved_opcode_stays_a_number() -> None:
    header = parse_header(b"\x8b\x00")
    assert header is not None
    assert header.opcode == 11
    assert not isinstance(header.opcode, Opcode)


def test_each_reserved_bit_is_told_apart() -> None:
    bits = [parse_header(bytes([first, 0])) for first in (0x41, 0x21, 0x11)]
    assert [(bit.rsv1, bit.rsv2, bit.rsv3) for bit in bits if bit] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1000])
def test_a_mask_repeats_its_key(size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    assert apply_mask(data, KEY) == bytes(byte ^ KEY[i % 4] for i, byte in enumerate(data))


@given(st.binary(max_size=100), st.binary(min_size=4, max_size=4))
def test_masking_twice_gives_the_data_back(data: bytes, key: bytes) -> None:
    assert apply_mask(apply_mask(data, key), key) == data


def test_a_key_of_another_size_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="4 bytes, this one has 5"):
        apply_mask(b"Spam", b"12345")


def test_a_frame_without_a_mask_is_serialized() -> None:
    assert serialize(Frame(Opcode.TEXT, b"Spam")) == UNMASKED_SPAM


def test_a_masked_frame_is_serialized() -> None:
    assert serialize(Frame(Opcode.TEXT, b"Spam", mask=KEY)) == MASKED_SPAM


@pytest.mark.parametrize(("size", "header"), [(125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_a_frame_has_the_shortest_form_of_its_length(size: int, header: int) -> None:
    assert len(serialize(Frame(Opcode.BINARY, bytes(size)))) == header + size


@given(frames)
def test_what_is_serialized_parses_to_the_same(frame: Frame) -> None:
    assert FrameParser().feed(serialize(frame)) == [frame]


@given(st.lists(frames, max_size=5), st.data())
def test_frames_come_out_the_same_in_whatever_pieces_they_arrive(
    sent: list[Frame], data: st.DataObject
) -> None:
    stream = b"".join(map(serialize, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    parser = FrameParser()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [frame for piece in pieces for frame in parser.feed(piece)] == sent


def test_the_first_chunk_comes_with_the_header_and_before_the_payload() -> None:
    parser = ChunkParser()
    parser.feed(MASKED_SPAM[:6])
    chunk = parser.take()
    assert chunk is not None
    assert (chunk.data, chunk.first, chunk.last) == (b"", True, False)
    assert parser.take() is None


def test_chunks_are_unmasked_wherever_they_are_cut() -> None:
    parser = ChunkParser()
    seen = []
    for byte in serialize(Frame(Opcode.TEXT, b"Spam and eggs", mask=KEY)):
        parser.feed(bytes([byte]))
        while (chunk := parser.take()) is not None:
            seen.append(chunk)
    assert b"".join(chunk.data for chunk in seen) == b"Spam and eggs"
    assert [chunk.last for chunk in seen] == [False] * 13 + [True]


def test_an_empty_frame_is_one_chunk_that_is_first_and_last() -> None:
    parser = ChunkParser()
    parser.feed(b"\x89\x00")
    chunk = parser.take()
    assert chunk is not None
    assert (chunk.data, chunk.first, chunk.last) == (b"", True, True)

"""One direction of a wire, cut into pieces in whatever portions it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.protocol.frames import Frame, Opcode, serialize
from labkit.wire.decoding import MAX_HEAD_BYTES, MAX_PIECE_BYTES, Decoder, Piece, Sender

REQUEST = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: WebSocket\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
SPAM = bytes.fromhex("81 84 37 fa 21 3d 64 8a 40 50")


def summary(pieces: list[Piece]) -> list[tuple[str, bytes]]:
    return [(piece.kind, piece.data) for piece in pieces]


def test_frames_follow_the_upgrade_request() -> None:
    pieces = Decoder("client").feed(REQUEST + SPAM)
    assert summary(pieces) == [("http", REQUEST), ("frame", SPAM)]
    assert pieces[1].frame == Frame(Opcode.TEXT, b"Spam", mask=bytes.fromhex("37fa213d"))


def test_frames_follow_the_101() -> None:
    pieces = Decoder("server").feed(SWITCHING + b"\x81\x04Spam")
    assert summary(pieces) == [("http", SWITCHING), ("frame", b"\x81\x04Spam")]


@pytest.mark.parametrize("split", range(1, len(REQUEST + SPAM)))
def test_it_does_not_matter_where_the_bytes_are_split(split: int) -> None:
    decoder, data = Decoder("client"), REQUEST + SPAM + SPAM
    pieces = decoder.feed(data[:split]) + decoder.feed(data[split:])
    assert pieces == Decoder("client").feed(data)


def test_requests_without_an_upgrade_follow_one_another() -> None:
    poll = b"GET /poll?after=1 HTTP/1.1\r\nHost: example.com\r\n\r\n"
    assert summary(Decoder("client").feed(poll * 2)) == [("http", poll)] * 2


def test_a_body_of_known_length_belongs_to_its_head() -> None:
    refused = b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\n\r\nSpam"
    assert summary(Decoder("server").feed(refused + refused)) == [("http", refused)] * 2


def test_a_body_without_a_length_lasts_to_the_end_of_the_stream() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    decoder = Decoder("server")
    assert summary(decoder.feed(head)) == [("http", head)]
    assert summary(decoder.feed(b"data: Spam\n\n")) == [("body", b"data: Spam\n\n")]


def test_an_interim_response_has_no_body() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert summary(Decoder("server").feed(early + SWITCHING)) == [
        ("http", early),
        ("http", SWITCHING),
    ]


@pytest.mark.parametrize(
    "data",
    [b"Spam\r\n", b"get / http/1.1\r\n", b"GET /\r\n", b"HTTP/1.1 200 OK\r\n", b"\x81\x84\n"],
)
def test_what_is_not_a_request_is_garbage(data: bytes) -> None:
    assert summary(Decoder("client").feed(data)) == [("garbage", data)]


def test_everything_after_garbage_is_garbage() -> None:
    decoder = Decoder("client")
    decoder.feed(b"Spam\r\n")
    assert summary(decoder.feed(REQUEST)) == [("garbage", REQUEST)]


def test_a_head_without_end_is_garbage_in_the_end() -> None:
    data = b"GET / HTTP/1.1\r\n" + b"a" * MAX_HEAD_BYTES
    assert summary(Decoder("client").feed(data)) == [("garbage", data)]


def test_a_reserved_opcode_is_a_frame_like_any_other() -> None:
    decoder = Decoder("server")
    decoder.feed(SWITCHING)
    (piece,) = decoder.feed(b"\x8b\x00")
    assert piece.frame == Frame(0xB, b"")


def test_a_frame_that_continues_a_message_knows_what_began_it() -> None:
    decoder = Decoder("server")
    decoder.feed(SWITCHING)
    first, ping, last = decoder.feed(b"\x01\x02Sp\x89\x00\x80\x02am")
    assert last.begun_by is not None
    assert last.begun_by.opcode == Opcode.TEXT
    assert first.begun_by is None
    assert ping.begun_by is None


def test_a_length_no_memory_could_hold_is_told_of_at_once() -> None:
    decoder = Decoder("server")
    decoder.feed(SWITCHING)
    header = b"\x82\x7f" + (1 << 62).to_bytes(8, "big")
    (piece,) = decoder.feed(header + b"Spam")
    assert piece.data == header + b"Spam"
    assert piece.missing == (1 << 62) - 4
    assert decoder.feed(b"more of it") == []


def test_what_follows_a_frame_too_long_to_keep_is_found() -> None:
    decoder = Decoder("server")
    decoder.feed(SWITCHING)
    long = serialize(Frame(Opcode.BINARY, bytes(2 * MAX_PIECE_BYTES)))
    pieces = []
    data = long + b"\x81\x04Spam"
    for start in range(0, len(data), 50_000):
        pieces += decoder.feed(data[start : start + 50_000])
    assert len(pieces) == 2
    assert len(pieces[0].data) + pieces[0].missing == len(long)
    assert pieces[1].data == b"\x81\x04Spam"


def test_the_end_of_the_stream_makes_garbage_of_what_is_unfinished() -> None:
    decoder = Decoder("server")
    decoder.feed(SWITCHING + b"\x81\x04Sp")
    assert decoder.unfinished == b"\x81\x04Sp"
    assert summary(decoder.end()) == [("garbage", b"\x81\x04Sp")]
    assert decoder.end() == []


@given(st.lists(st.binary(max_size=40), max_size=12), st.sampled_from(["client", "server"]))
def test_no_byte_is_lost_or_invented(portions: list[bytes], sender: Sender) -> None:
    decoder = Decoder(sender)
    start = REQUEST if sender == "client" else SWITCHING
    pieces = decoder.feed(start)
    for portion in portions:
        pieces += decoder.feed(portion)
    pieces += decoder.end()
    seen = b"".join(piece.data for piece in pieces)
    sent = start + b"".join(portions)
    assert sent.startswith(seen)
    assert seen == sent or pieces[-1].missing

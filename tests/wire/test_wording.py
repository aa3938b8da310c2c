"""What one line says of what crossed the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.protocol.frames import Frame, Opcode, serialize
from labkit.wire.decoding import Decoder, Piece
from labkit.wire.wording import describe, hexadecimal, quote

KEY = bytes.fromhex("37 fa 21 3d")


def line(*frames: Frame) -> str:
    """Return what is said of the last of ``frames``."""
    decoder = Decoder("server")
    decoder.feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    return describe(decoder.feed(b"".join(serialize(frame) for frame in frames))[-1])


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (Frame(Opcode.TEXT, b"Spam", mask=KEY), 'TEXT  masked    "Spam"'),
        (Frame(Opcode.TEXT, b""), 'TEXT  unmasked  ""'),
        (Frame(Opcode.TEXT, "Späm ☃".encode()), 'TEXT  unmasked  "Späm ☃"'),
        (Frame(Opcode.TEXT, b"Sp", fin=False), 'TEXT  unmasked  first "Sp"'),
        (Frame(Opcode.TEXT, b"\xff"), "TEXT  unmasked  not UTF-8: ff"),
        (Frame(Opcode.TEXT, b"Spam", rsv1=True), "TEXT  unmasked  compressed, 4 bytes"),
        (Frame(Opcode.BINARY, b"Spam"), "BIN   unmasked  53 70 61 6d"),
        (Frame(Opcode.BINARY, b""), "BIN   unmasked  empty"),
        (Frame(Opcode.PING, b"Spam"), 'PING  unmasked  "Spam"'),
        (Frame(Opcode.PONG, b"\x00\x01"), "PONG  unmasked  00 01"),
        (Frame(Opcode.PING, b"", fin=False), "PING  unmasked  not final empty"),
        (Frame(Opcode.CLOSE, b"\x03\xe8bye"), 'CLOSE unmasked  1000 "bye"'),
        (Frame(Opcode.CLOSE, b"\x03\xea"), "CLOSE unmasked  1002"),
        (Frame(Opcode.CLOSE, b""), "CLOSE unmasked  without a code"),
        (Frame(Opcode.CLOSE, b"\x03"), "CLOSE unmasked  half a code: 03"),
        (Frame(Opcode.CLOSE, b"\x03\xe8\xff"), "CLOSE unmasked  1000 not UTF-8: ff"),
        (Frame(0xB, b"Spam"), "0xB   unmasked  53 70 61 6d"),
        (Frame(Opcode.TEXT, b"", rsv2=True, rsv3=True), 'TEXT  unmasked  RSV2 RSV3 ""'),
        (Frame(Opcode.PING, b"", rsv1=True), "PING  unmasked  RSV1 empty"),
    ],
)
def test_a_frame_reads(frame: Frame, expected: str) -> None:
    assert line(frame) == expected


def test_a_fragment_reads_as_the_message_it_continues() -> None:
    first = Frame(Opcode.TEXT, b"Sp", fin=False)
    assert line(first, Frame(Opcode.CONT, b"a", fin=False)) == 'CONT  unmasked  more "a"'
    assert line(first, Frame(Opcode.CONT, b"am")) == 'CONT  unmasked  final "am"'


def test_a_fragment_of_a_compressed_message_reads_as_compressed() -> None:
    first = Frame(Opcode.TEXT, b"Sp", fin=False, rsv1=True)
    last = line(first, Frame(Opcode.CONT, b"am"))
    assert last == "CONT  unmasked  final compressed, 2 bytes"


def test_a_fragment_that_continues_nothing_reads_in_hexadecimal() -> None:
    assert line(Frame(Opcode.CONT, b"am")) == "CONT  unmasked  final 61 6d"


def test_a_long_text_is_cut_and_its_length_told() -> None:
    assert line(Frame(Opcode.TEXT, b"a" * 65_536)).endswith('a…" 65,536 characters')


def test_long_bytes_are_cut_and_their_length_told() -> None:
    assert hexadecimal(bytes(100)) == "00 " * 20 + "… 100 bytes"


def test_a_frame_too_long_to_keep_tells_what_it_announces() -> None:
    decoder = Decoder("server")
    decoder.feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    (piece,) = decoder.feed(b"\x82\x7f" + (1 << 62).to_bytes(8, "big"))
    assert describe(piece) == "BIN   unmasked  announces 4,611,686,018,427,387,904 bytes"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            b"GET /chat HTTP/1.1\r\nHost: a\r\nupgrade:  websocket\r\n\r\n",
            "GET /chat HTTP/1.1  Upgrade: websocket",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.", "HTTP/1.1 200 OK  1 byte of body"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=UTF-8\r\n\r\n42\x1e3",
            r'HTTP/1.1 200 OK  4 bytes of body "42\u001e3"',
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n\x1f\x8b",
            "HTTP/1.1 200 OK  2 bytes of body",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>",
            "HTTP/1.1 200 OK  3 bytes of body",
        ),
        (b"GET /\x1b[2J HTTP/1.1\r\n\r\n", "GET /\\u001b[2J HTTP/1.1"),
    ],
)
def test_a_head_reads(data: bytes, expected: str) -> None:
    assert describe(Piece("http", data)) == expected


def test_a_name_for_each_other_kind() -> None:
    assert describe(Piece("body", b"Spam")) == "4 bytes of body"
    assert describe(Piece("garbage", b"Spam")) == "not HTTP, not a frame: 53 70 61 6d"
    assert describe(Piece("eof", b"")) == "end of stream"
    assert describe(Piece("reset", b"")) == "connection reset"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\\", r'"\\"'),
        ("""\\'""", r'''"\\'"'''),
        ("a\nserver → client   CLOSE", r'"a\nserver → client   CLOSE"'),
        ("\x1b[31m", r'"\u001b[31m"'),
        ("\u202ereversed", r'"\u202ereversed"'),
        ("a\u2028b", r'"a\u2028b"'),
    ],
)
def test_text_that_would_forge_a_line_is_escaped(text: str, expected: str) -> None:
    assert quote(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["Spam"]', """'["Spam"]'"""),
        ("It's", '''"It's"'''),
        ("""It's "Spam\"""", r'''"It's \"Spam\""'''),
        ('"' * 61, f"""'{'"' * 60}…' 61 characters"""),
    ],
)
def test_quotes_within_a_text_are_escaped_only_if_both_kinds_are(text: str, expected: str) -> None:
    assert quote(text) == expected


@given(st.binary(max_size=100), st.sampled_from([*Opcode, 0x3, 0xB]))
def test_whatever_a_frame_carries_it_is_one_printable_line(payload: bytes, opcode: int) -> None:
    assert line(Frame(opcode, payload)).isprintable()

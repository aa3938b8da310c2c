"""Compression of messages, with and without what came before, and its bounds."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import RemoteProtocolError
from labkit.protocol.deflate import Deflater, Inflater

LIMIT = 1_000_000
SPAM = bytes.fromhex("0a 2e 48 cc 05 00")

messages = st.lists(st.binary(max_size=200) | st.text(max_size=50).map(str.encode), max_size=5)


def inflate(inflater: Inflater, data: bytes) -> bytes:
    return inflater.feed(data) + inflater.finish()


@pytest.mark.parametrize("bits", range(8, 16))
@pytest.mark.parametrize("takeover", [True, False])
@given(sent=messages)
def test_what_is_compressed_is_decompressed(bits: int, takeover: bool, sent: list[bytes]) -> None:
    deflater = Deflater(bits, takeover=takeover)
    inflater = Inflater(bits, max_size=LIMIT, takeover=takeover)
    assert [inflate(inflater, deflater.compress(data)) for data in sent] == sent


@pytest.mark.parametrize("bits", range(8, 16))
def test_a_long_message_fits_the_window_that_was_agreed_on(bits: int) -> None:
    data = b"".join(i.to_bytes(3, "big") for i in range(30_000)) * 2
    assert inflate(Inflater(bits, max_size=LIMIT), Deflater(bits).compress(data)) == data


@pytest.mark.parametrize("level", [0, 1, 9])
def test_each_level_can_be_decompressed(level: int) -> None:
    data = 1000 * b"Spam and eggs. "
    compressed = Deflater(15, level=level).compress(data)
    assert inflate(Inflater(15, max_size=LIMIT), compressed) == data


def test_the_same_message_again_is_shorter_with_takeover() -> None:
    data = bytes(range(256))
    deflater = Deflater(15)
    assert len(deflater.compress(data)) > 10 * len(deflater.compress(data))


def test_the_same_message_again_is_the_same_without_takeover() -> None:
    deflater = Deflater(15, takeover=False)
    assert deflater.compress(b"Spam") == deflater.compress(b"Spam") == SPAM


def test_an_empty_message_is_one_byte_each_time() -> None:
    deflater, inflater = Deflater(15), Inflater(15, max_size=0)
    for _ in range(3):
        assert deflater.compress(b"") == b"\x00"
        assert inflate(inflater, b"\x00") == b""


@given(st.data())
def test_a_message_is_decompressed_in_whatever_pieces_it_arrives(data: st.DataObject) -> None:
    message = 50 * b"Spam, eggs and spam. "
    compressed = Deflater(15).compress(message)
    cut = data.draw(st.integers(0, len(compressed)))
    inflater = Inflater(15, max_size=len(message))
    made = inflater.feed(compressed[:cut]) + inflater.feed(compressed[cut:]) + inflater.finish()
    assert made == message


def test_the_examples_of_the_rfc_are_decompressed() -> None:
    # RFC 7692 §7.2.3: one block, a stored block, a final block, two blocks.
    for example in (
        "f2 48 cd c9 c9 07 00",
        "00 05 00 fa ff 48 65 6c 6c 6f 00",
        "f3 48 cd c9 c9 07 00 00",
        "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
    ):
        assert inflate(Inflater(15, max_size=5), bytes.fromhex(example)) == b"Hello"


def test_the_limit_counts_each_message_for_itself() -> None:
    inflater = Inflater(15, max_size=4)
    assert [inflate(inflater, SPAM), inflate(inflater, SPAM)] == [b"Spam", b"Spam"]


def test_a_bomb_is_refused_with_1009_and_never_made() -> None:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = stream.compress(bytes(50_000_000)) + stream.flush(zlib.Z_SYNC_FLUSH)
    inflater = Inflater(15, max_size=10_000)
    tracemalloc.start()
    with pytest.raises(RemoteProtocolError) as refused:
        inflater.feed(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.code == 1009
    assert peak < 1_000_000


@pytest.mark.parametrize("cut", range(1, len(SPAM)))
def test_a_message_that_breaks_off_is_refused_with_1007(cut: int) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        inflate(Inflater(15, max_size=LIMIT), SPAM[:-cut])
    assert refused.value.code == 1007


def test_what_is_not_compressed_is_refused_with_1007() -> None:
    with pytest.raises(RemoteProtocolError, match="invalid block type") as refused:
        Inflater(15, max_size=LIMIT).feed(b"\xff\xff")
    assert refused.value.code == 1007

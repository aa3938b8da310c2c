import msgspec
import pytest

from labkit.checks import plain
from labkit.checks.messages import (
    Call,
    Place,
    Raised,
    Stalled,
    Waiting,
    pack,
    unpack_reply,
    unpack_request,
)


def test_a_request_crosses_as_bytes() -> None:
    call = Call("apply_mask", plain.encode([b"Spam", b"abcd"]))
    assert unpack_request(pack(call)) == call


def test_a_reply_crosses_as_bytes() -> None:
    raised = Raised("KeyError", "'x'", plain.encode(["x"]), Place(3, "fields['x']"))
    assert unpack_reply(pack(raised)) == raised


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xc1", b"\x92\xa4Pass\x01", b"\xff" * 50])
def test_bytes_that_are_no_reply_are_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack_reply(data)


def test_a_reply_says_in_words_what_happened() -> None:
    place = Place(4, "time.sleep(10)")
    assert str(Stalled(2.0, place)) == (
        "it did not return within 2 s, still at line 4: `time.sleep(10)`"
    )
    assert str(Stalled(2.0, place, blocks_loop=True)) == (
        "it blocks the event loop at line 4: `time.sleep(10)`"
    )
    assert str(Raised("IndexError", "", b"")) == "it raised IndexError"
    assert str(Waiting(place)) == "it waits at line 4: `time.sleep(10)`"
    assert str(Waiting()) == "it waits"

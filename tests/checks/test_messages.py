import msgspec
import pytest

from labkit.checks import plain
from labkit.checks.messages import (
    MAX_WORDS,
    Call,
    Overheard,
    Place,
    Raised,
    Reply,
    Returned,
    Stalled,
    Unwritten,
    Waiting,
    pack,
    unpack_reply,
    unpack_request,
)

NO_PLAIN_VALUE = b"\xc1"
RAISED = Raised("KeyError", "'x'", plain.encode(["x"]), Place(3, "fields['x']"))


def test_a_request_crosses_as_bytes_with_its_number() -> None:
    call = Call("apply_mask", plain.encode([b"Spam", b"abcd"]))
    assert unpack_request(pack(7, call)) == (7, call)


@pytest.mark.parametrize("reply", [RAISED, Overheard([RAISED, Unwritten("stub")], "hello\n")])
def test_a_reply_crosses_as_bytes_with_its_number(reply: Reply) -> None:
    assert unpack_reply(pack(7, reply)) == (7, reply)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xc1",
        b"\x92\xa4Pass\x01",
        b"\xff" * 50,
        b"\x92\x07\x92\xa4Done" + b"\x91" * 100_000 + b"\x00",
        pack(7, RAISED)[:-1],
        msgspec.msgpack.encode(RAISED),
        pack(7, Call("apply_mask", plain.encode([]))),
    ],
)
def test_bytes_that_are_no_reply_are_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack_reply(data)


@pytest.mark.parametrize("value", [NO_PLAIN_VALUE, b"", b"\x91" * 100_000 + b"\x00"])
@pytest.mark.parametrize("kind", ["returned", "raised", "overheard"])
def test_a_reply_whose_value_cannot_be_decoded_is_refused(kind: str, value: bytes) -> None:
    raised = Raised("KeyError", "'x'", value)
    replies: dict[str, Reply] = {
        "returned": Returned(value),
        "raised": raised,
        "overheard": Overheard([raised]),
    }
    with pytest.raises(msgspec.DecodeError):
        unpack_reply(pack(7, replies[kind]))


def test_only_the_values_of_a_reply_may_be_large() -> None:
    large = plain.encode([bytes(MAX_WORDS)])
    raised = Raised("ValueError", "", large)
    for reply in (Returned(large), raised, Overheard([raised, raised])):
        assert unpack_reply(pack(7, reply)) == (7, reply)
    for wordy in (Returned(large, "x" * MAX_WORDS), Raised("x" * MAX_WORDS, "", large)):
        with pytest.raises(msgspec.DecodeError, match="not so many words"):
            unpack_reply(pack(7, wordy))


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

import pytest

from labkit.checks import plain
from labkit.checks.cases import equal, raises, same, saw, show
from labkit.checks.messages import Gone, Raised


def test_the_same_value_passes() -> None:
    assert equal(b"Spam", b"Spam", "it is spam").passed


@pytest.mark.parametrize(
    ("got", "expected"),
    [(True, 1), (1.0, 1), ((1,), [1]), ([True], [1]), ({"a": 1.0}, {"a": 1}), ("a", b"a")],
)
def test_an_equal_value_of_another_type_fails(got: plain.Plain, expected: plain.Plain) -> None:
    assert not same(got, expected)
    assert not equal(got, expected, "types count").passed


def test_a_wrong_type_is_named() -> None:
    case = equal([83], b"S", "bytes come back")
    assert case.got == "[83]   (expected bytes, got a list)"


def test_an_object_that_is_not_plain_is_named() -> None:
    assert equal(plain.Foreign("a Frame"), b"S", "bytes").got == "expected bytes, got a Frame"


def test_bytes_are_shown_in_hexadecimal() -> None:
    case = equal(b"Spam", b"Spem", "bytes")
    assert (case.expected, case.got) == ("53 70 65 6d", "53 70 61 6d")


def test_long_bytes_are_shown_around_their_first_difference() -> None:
    case = equal(bytes(1000), bytes(500) + b"\xff" + bytes(499), "bytes")
    assert "00 00 00 00 ff 00" in case.expected
    assert "the first difference is at byte 500" in case.got


def test_long_bytes_that_stop_early_differ_where_they_stop() -> None:
    assert "the first difference is at byte 300" in equal(bytes(300), bytes(400), "bytes").got


def test_what_was_seen_on_the_wire_is_shown_in_the_words_of_a_transcript() -> None:
    case = saw(['TEXT unmasked "SPAM"', "end of stream"], ["CLOSE unmasked 1000"], "it closes")
    assert not case.passed
    assert (case.expected, case.got) == (
        "CLOSE unmasked 1000",
        'TEXT unmasked "SPAM", then end of stream',
    )
    assert saw("end of stream", "end of stream", "it ends").passed


def test_no_answer_fails_the_case_with_its_reason() -> None:
    assert equal(Gone("it ended"), 1, "a number").got == "it ended"


def test_an_exception_is_compared_by_type_and_by_its_first_arguments() -> None:
    raised = Raised("CloseError", "1007", plain.encode([1007, "why"]))
    assert raises(raised, "CloseError", [1007], "it fails").passed
    assert not raises(raised, "CloseError", [1002], "it fails").passed
    assert not raises(raised, "ValueError", [1007], "it fails").passed
    assert raises(None, "CloseError", [1007], "it fails").got == "it returned None"


def test_long_text_is_shown_cut() -> None:
    assert len(show("x" * 10_000)) == 198

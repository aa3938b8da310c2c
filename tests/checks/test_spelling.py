import pytest

from labkit.checks import plain
from labkit.checks.spelling import brief, spelled


def test_a_call_is_spelled_as_it_is_typed() -> None:
    assert spelled("f", (1, "Spam", b"Spam", None)) == "f(1, 'Spam', b'Spam', None)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x00\xff", 'bytes.fromhex("00 ff")'),
        (b"x" * 17, "b'xxxxxxxxxxxxxxxx'… 17 bytes"),
        ("x" * 58, "'" + "x" * 58 + "'"),
        ("x" * 59, "'" + "x" * 56 + "…"),
    ],
)
def test_a_long_value_is_cut(value: plain.Plain, text: str) -> None:
    assert brief(value) == text

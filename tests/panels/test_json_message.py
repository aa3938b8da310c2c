"""Messages that are JSON, and messages that are not."""

from __future__ import annotations

import pytest

from labkit.panels.json_message import read_json


def test_json_is_read_from_text_and_from_bytes() -> None:
    assert read_json('{"price": 1}') == {"price": 1}
    assert read_json(b"[1]") == [1]


@pytest.mark.parametrize("message", ["", "Spam", "{", b"\xff\xfe\xfd", "[" * 60_000, "1" * 5_000])
def test_what_is_not_json_is_nothing(message: str | bytes) -> None:
    assert read_json(message) is None

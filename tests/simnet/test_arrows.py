"""What is drawn of one thing that happened, and what is said of it."""

from __future__ import annotations

import pytest

from labkit.simnet.arrows import Style, draw, label, sentence, style_of
from labkit.simnet.connections import Connection
from labkit.simnet.marks import Kind, Mark
from labkit.simnet.recorded import Entry, RecordedConnection

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


@pytest.fixture
def recorded() -> RecordedConnection:
    """Return a connection that begins and is made at 0 s, and whose server agrees to upgrade."""
    recorded = RecordedConnection(Connection(1, ("10.0.0.2", 80)), "phone", "shop")
    recorded.begin(0)
    recorded.decide(0, 0)
    recorded.send("server", SWITCHING, 0)
    return recorded


def last(recorded: RecordedConnection, data: bytes | None) -> Entry:
    """Return what the server sends with ``data``."""
    return recorded.send("server", data, 500_000_000)[-1]


@pytest.mark.parametrize(
    ("data", "style"),
    [
        (b"\x81\x04Spam", "data"),
        (b"\x00\x04Spam", "data"),
        (b"\x82\x7f\0\0\0\1\0\0\0\0", "data"),
        (b"\x89\0", "control"),
        (b"\x88\2\3\xe8", "control"),
        (None, "end"),
    ],
)
def test_frames_and_the_end_have_styles(
    recorded: RecordedConnection, data: bytes | None, style: Style
) -> None:
    assert style_of(last(recorded, data)) == style


def test_what_comes_before_and_what_breaks_have_others(recorded: RecordedConnection) -> None:
    assert [style_of(entry) for entry in recorded.entries] == ["end", "http", "http"]
    assert style_of(recorded.break_off("client", 0)[-1]) == "alarm"


def test_what_does_not_arrive_ends_on_the_way(recorded: RecordedConnection) -> None:
    line, ring = draw(last(recorded, b"\x89\0"), (100.0, 0.0), (0.0, 0.0))
    assert 'x2="40"' in line
    assert 'cx="40"' in ring


@pytest.mark.parametrize(
    ("kind", "style", "sign"),
    [
        ("crash", "alarm", "<line"),
        ("restart", "relief", "<circle"),
        ("fault", "alarm", "<line"),
        ("relief", "relief", "<circle"),
    ],
)
def test_what_goes_wrong_is_a_cross_and_what_is_mended_a_ring(
    kind: Kind, style: Style, sign: str
) -> None:
    mark = Mark(0, kind, "crashes", ("shop",))
    (drawn,) = draw(mark, (50.0, 0.0), (50.0, 0.0))
    assert style_of(mark) == style
    assert drawn.startswith(sign)


@pytest.mark.parametrize(("is_both_ways", "tips"), [(True, 0), (False, 1)])
def test_what_is_done_in_one_direction_has_an_arrowhead(is_both_ways: bool, tips: int) -> None:
    mark = Mark(0, "fault", "cut", ("phone", "shop"), is_both_ways)
    drawn = "".join(draw(mark, (50.0, 0.0), (150.0, 0.0)))
    assert drawn.count("<polygon") == tips


def test_what_is_done_to_a_connection_has_its_number() -> None:
    mark = Mark(500_000_000, "fault", "a fault resets the connection", ("phone", "shop"), True, 7)
    assert [words for words, _ in label(mark, has_number=True)] == ["#7", mark.place, mark.label]
    assert sentence(mark) == "0.500000  #7  phone ↔ shop  a fault resets the connection"


def test_what_is_done_to_a_host_has_none() -> None:
    mark = Mark(500_000_000, "crash", "crashes", ("shop",))
    assert [words for words, _ in label(mark, has_number=True)] == ["shop", "crashes"]
    assert sentence(mark) == "0.500000  shop  crashes"


def test_a_sentence_says_it_all(recorded: RecordedConnection) -> None:
    ping = last(recorded, b"\x89\4Spam")
    words = '0.500000  #1  shop:80 → phone  PING  unmasked  "Spam"'
    assert sentence(ping) == f"{words}  under way"
    recorded.arrive("server", SWITCHING + b"\x89\4Spam", 750_000_000)
    assert sentence(ping) == f"{words}  arrives 0.750000"

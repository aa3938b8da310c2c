"""One recorded connection: what is understood of what was sent, and how it is named."""

from __future__ import annotations

import errno

import pytest

from labkit.simnet.connections import Connection
from labkit.simnet.recorded import RecordedConnection, clock, name

UPGRADE = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
HALF = b"\x81\x04Sp"


@pytest.fixture
def recorded() -> RecordedConnection:
    """Return a connection on which a client has asked to upgrade, and begun a frame."""
    recorded = RecordedConnection(Connection(1, ("10.0.0.2", 80)), "phone", "shop")
    recorded.send("client", UPGRADE + HALF, 0)
    return recorded


def test_half_a_frame_is_unfinished(recorded: RecordedConnection) -> None:
    assert recorded.unfinished("client") == HALF
    assert len(recorded.entries) == 1


def test_an_end_leaves_what_is_unfinished_as_it_is(recorded: RecordedConnection) -> None:
    labels = [entry.label for entry in recorded.send("client", None, 0)]
    assert labels == ["not HTTP, not a frame: 81 04 53 70", "end of stream"]
    assert recorded.unfinished("client") == b""


def test_so_does_a_reset(recorded: RecordedConnection) -> None:
    labels = [entry.label for entry in recorded.break_off("client", 0)]
    assert labels == ["not HTTP, not a frame: 81 04 53 70", "connection reset"]


def test_an_end_arrives_after_all_that_was_sent_before(recorded: RecordedConnection) -> None:
    recorded.send("client", b"am", 0)
    _, frame, end = *recorded.entries, *recorded.send("client", None, 0)
    recorded.arrive("client", UPGRADE + HALF, 1)
    recorded.arrive("client", b"am", 2)
    assert (frame.arrives_ns, end.arrives_ns) == (2, None)
    recorded.arrive("client", None, 3)
    assert end.arrives_ns == 3


def test_what_is_given_up_is_lost_and_the_connection_is_over(recorded: RecordedConnection) -> None:
    recorded.send("client", b"am", 0)
    entry = recorded.give_up("client", 5)
    assert (entry.at_ns, entry.sender, entry.fate) == (5, "client", "")
    assert [each.fate for each in recorded.entries] == ["lost", "lost", ""]
    assert recorded.is_over


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (0, ""),
        (errno.ECONNREFUSED, ""),
        (errno.ETIMEDOUT, "no answer"),
        (errno.ECANCELED, "no answer"),
    ],
)
def test_an_attempt_without_an_answer_stays_without_one(error: int, fate: str) -> None:
    recorded = RecordedConnection(Connection(1, ("10.0.0.2", 80)), "phone", "shop")
    attempt = recorded.begin(0)
    assert attempt.fate == "no answer"
    recorded.decide(error, 1)
    assert attempt.fate == fate


def test_a_connection_is_over_when_both_sides_have_ended_it(recorded: RecordedConnection) -> None:
    recorded.send("client", None, 0)
    assert not recorded.is_over
    recorded.send("server", None, 0)
    assert recorded.is_over


def test_a_failure_without_words_of_its_own_has_the_name_of_its_errno(
    recorded: RecordedConnection,
) -> None:
    assert recorded.decide(errno.EHOSTUNREACH, 0).label == "fails: EHOSTUNREACH"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("shop-2.example", "shop-2.example"),
        ("/run/shop.sock", "/run/shop.sock"),
        ("käse", "käse"),
        ("phone → shop", '"phone → shop"'),
        ("\u202eshop", r'"\u202eshop"'),
        ("x" * 31, f'"{"x" * 30}…" 31 characters'),
        ("", '""'),
    ],
)
def test_a_name_cannot_pass_for_something_else(given: str, shown: str) -> None:
    assert name(given) == shown


def test_times_are_cut_not_rounded_to_the_microsecond() -> None:
    assert clock(1_999_999_999) == "1.999999"

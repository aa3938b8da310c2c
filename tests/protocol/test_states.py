"""The table of transitions, and its picture."""

from __future__ import annotations

from labkit.protocol.events import Close, Failed, Lost
from labkit.protocol.states import TRANSITIONS, State, Way, describe_transitions


def test_nothing_leads_out_of_closed() -> None:
    assert not [key for key in TRANSITIONS if key[0] is State.CLOSED]


def test_every_state_can_be_reached_and_left_for_closed() -> None:
    steps = {(before, after) for (before, _, _), after in TRANSITIONS.items()}
    for start in (State.IDLE, State.LISTENING):
        reached = {start}
        while more := {after for before, after in steps if before in reached} - reached:
            reached |= more
        assert State.CLOSED in reached
    starts = {State.IDLE, State.LISTENING}
    assert starts | {after for _, after in steps} == set(State)


def test_each_side_sends_one_close_at_most() -> None:
    for (before, way, kind), after in TRANSITIONS.items():
        if kind is Close:
            assert (after, way, Close) not in TRANSITIONS, f"{before} {way}"


def test_failures_and_losses_are_only_received() -> None:
    assert {way for _, way, kind in TRANSITIONS if kind in (Failed, Lost)} == {Way.RECEIVED}


def test_the_picture_has_every_transition() -> None:
    rows = describe_transitions().splitlines()[2:]
    assert "| OPEN | received Close | REMOTE_CLOSING |" in rows
    assert "| OPEN | sent Text, Binary, Ping, Pong | OPEN |" in rows
    assert sum(len(row.split("|")[2].split(",")) for row in rows) == len(TRANSITIONS)

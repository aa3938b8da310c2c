"""The states of a connection and what leads from one to the next, as a table. Holds no state.

What is not in the table for a state cannot happen in it: to send it is a LocalProtocolError.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from .events import Accept, Binary, Close, Event, Failed, Lost, Ping, Pong, Reject, Text, Upgrade


class State(Enum):
    """How far a connection is (RFC 6455 §4, §7), as one side sees it."""

    IDLE = "this client has not asked for the upgrade"
    REQUESTING = "this client waits for the answer to its request"
    LISTENING = "this server waits for a request"
    ANSWERING = "this server owes an answer to a request"
    OPEN = "messages go both ways"
    LOCAL_CLOSING = "this side has sent a close frame"
    REMOTE_CLOSING = "the peer has sent a close frame"
    CLOSED = "the connection is over"


class Way(Enum):
    """Which way an event went."""

    SENT = "sent"
    RECEIVED = "received"


_MESSAGES = (Text, Binary, Ping, Pong)

TRANSITIONS: Mapping[tuple[State, Way, type[Event]], State] = MappingProxyType(
    {
        (State.IDLE, Way.SENT, Upgrade): State.REQUESTING,
        (State.REQUESTING, Way.RECEIVED, Accept): State.OPEN,
        (State.REQUESTING, Way.RECEIVED, Reject): State.CLOSED,
        (State.REQUESTING, Way.RECEIVED, Failed): State.CLOSED,
        (State.LISTENING, Way.RECEIVED, Upgrade): State.ANSWERING,
        (State.LISTENING, Way.RECEIVED, Failed): State.CLOSED,
        (State.ANSWERING, Way.SENT, Accept): State.OPEN,
        (State.ANSWERING, Way.SENT, Reject): State.CLOSED,
        **{(State.OPEN, Way.SENT, kind): State.OPEN for kind in _MESSAGES},
        **{(State.OPEN, Way.RECEIVED, kind): State.OPEN for kind in _MESSAGES},
        (State.OPEN, Way.SENT, Close): State.LOCAL_CLOSING,
        (State.OPEN, Way.RECEIVED, Close): State.REMOTE_CLOSING,
        (State.OPEN, Way.RECEIVED, Failed): State.CLOSED,
        (State.OPEN, Way.RECEIVED, Lost): State.CLOSED,
        # What the peer had under way when it was told to close still counts.
        **{(State.LOCAL_CLOSING, Way.RECEIVED, kind): State.LOCAL_CLOSING for kind in _MESSAGES},
        (State.LOCAL_CLOSING, Way.RECEIVED, Close): State.CLOSED,
        (State.LOCAL_CLOSING, Way.RECEIVED, Failed): State.CLOSED,
        (State.LOCAL_CLOSING, Way.RECEIVED, Lost): State.CLOSED,
        (State.REMOTE_CLOSING, Way.SENT, Close): State.CLOSED,
    }
)


def describe_transitions() -> str:
    """Return the table in Markdown, a row for each step from one state to another.

    >>> print(describe_transitions().splitlines()[2])
    | IDLE | sent Upgrade | REQUESTING |
    """
    steps: dict[tuple[State, Way, State], list[str]] = {}
    for (before, way, kind), after in TRANSITIONS.items():
        steps.setdefault((before, way, after), []).append(kind.__name__)
    rows = [
        f"| {before.name} | {way.value} {', '.join(kinds)} | {after.name} |"
        for (before, way, after), kinds in steps.items()
    ]
    return "\n".join(["| state | what happens | state after |", "|---|---|---|", *rows])

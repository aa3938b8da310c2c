"""The two ends of a connection: what each is told, and what it answers."""

from __future__ import annotations

import errno

import pytest

from labkit.errors import UsageError
from labkit.simnet.attempts import Listener, join
from labkit.simnet.connections import Connection, Endpoint
from labkit.simnet.hosts import Host
from labkit.simnet.observer import Observer
from labkit.simnet.paths import Conditions, Path
from labkit.simnet.schedule import Schedule
from labkit.simnet.seam import Acknowledged, Broken, Ended, Event, Received
from labkit.simnet.streams import Stream

PHONE, SHOP = Host("phone", "10.0.0.1"), Host("shop", "10.0.0.2")
HERE, THERE = ("10.0.0.1", 40_000), ("10.0.0.2", 80)
CLIENT, SERVER = 1, 2


class Owner:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.is_alerted = False
        self.heard: list[Event] = []

    def post(self, event: Event, *, alert: bool = True) -> None:
        self.heard.append(event)
        self.is_alerted |= alert


class Pair:
    """A connection between a phone and a shop, with no time between them."""

    def __init__(self) -> None:
        self.schedule, self.owner = Schedule(), Owner()
        self.connection = Connection(1, THERE)
        self.client = self.connection.client = Endpoint(
            CLIENT, self.owner, self.connection, "client", PHONE, HERE, THERE
        )
        join(
            self.schedule,
            self.client,
            Listener(7, self.owner, SHOP, THERE),
            SERVER,
            Path(Conditions(), SHOP),
            Path(Conditions(), PHONE),
            seed=0,
            window=1_000,
            observer=Observer,
            accept=lambda server: None,
            hold=lambda number, stream: None,
        )
        assert self.connection.server is not None
        self.server = self.connection.server

    def told(self) -> list[Event]:
        """Return what has been told since it was last asked for, when all has arrived."""
        for end in (self.client, self.server):
            stream(end).transmit()
        self.schedule.run_due()
        heard, self.owner.heard = self.owner.heard, []
        return heard


def stream(end: Endpoint) -> Stream:
    assert end.stream is not None
    return end.stream


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_each_end_is_the_other_ends_twin(pair: Pair) -> None:
    assert (pair.client.twin, pair.server.twin) == (pair.server, pair.client)


def test_what_one_end_sends_the_other_receives(pair: Pair) -> None:
    stream(pair.client).send(b"spam")
    assert pair.told() == [Received(SERVER, b"spam"), Acknowledged(CLIENT, 4)]


def test_nobody_is_woken_for_room_where_there_was_some(pair: Pair) -> None:
    pair.client.space = 1
    pair.client.acknowledge(4)
    assert (pair.client.space, pair.owner.is_alerted) == (5, False)


def test_who_had_no_room_is_woken_for_it(pair: Pair) -> None:
    pair.client.acknowledge(4)
    assert pair.owner.is_alerted


def test_an_end_that_closes_still_sends_what_it_has(pair: Pair) -> None:
    stream(pair.client).send(b"spam")
    pair.client.close(reset=False)
    assert pair.told() == [Received(SERVER, b"spam"), Ended(SERVER)]


def test_who_closes_half_still_receives(pair: Pair) -> None:
    stream(pair.client).finish()
    stream(pair.server).send(b"spam")
    assert set(pair.told()) == {Ended(SERVER), Received(CLIENT, b"spam"), Acknowledged(SERVER, 4)}


def test_a_reset_fails_the_other_end(pair: Pair) -> None:
    pair.client.close(reset=True)
    assert pair.told() == [Broken(SERVER, errno.ECONNRESET)]


def test_a_reset_after_the_end_fails_only_who_writes(pair: Pair) -> None:
    stream(pair.client).finish()
    pair.told()
    pair.client.close(reset=True)
    assert pair.told() == [Broken(SERVER, errno.EPIPE)]


def test_bytes_for_a_closed_end_are_answered_with_a_reset(pair: Pair) -> None:
    pair.client.close(reset=False)
    pair.told()
    stream(pair.server).send(b"spam")
    assert Broken(SERVER, errno.EPIPE) in pair.told()


def test_the_end_of_the_other_is_no_reason_for_a_reset(pair: Pair) -> None:
    pair.client.close(reset=False)
    pair.server.close(reset=False)
    pair.told()
    assert (pair.client.is_broken, pair.server.is_broken) == (False, False)


def test_who_hears_nothing_for_too_long_fails_alone(pair: Pair) -> None:
    pair.client.time_out()
    assert pair.told() == [Broken(CLIENT, errno.ETIMEDOUT)]


def test_who_has_timed_out_answers_with_a_reset(pair: Pair) -> None:
    pair.client.time_out()
    pair.told()
    stream(pair.server).send(b"spam")
    assert Broken(SERVER, errno.ECONNRESET) in pair.told()


def test_an_end_that_vanishes_tells_nobody(pair: Pair) -> None:
    stream(pair.client).send(b"spam")
    pair.client.vanish()
    assert pair.told() == []


@pytest.mark.parametrize("is_end", [False, True])
def test_what_comes_for_an_end_that_has_vanished_is_answered_with_a_reset(
    pair: Pair, is_end: bool
) -> None:
    pair.client.vanish()
    if is_end:
        stream(pair.server).finish()
    else:
        stream(pair.server).send(b"spam")
    assert Broken(SERVER, errno.ECONNRESET) in pair.told()


def test_a_connection_fails_once(pair: Pair) -> None:
    pair.client.fail()
    pair.client.fail()
    pair.client.time_out()
    assert pair.told() == [Broken(CLIENT, errno.ECONNRESET)]


def test_a_connection_is_broken_off_once(pair: Pair) -> None:
    told: list[str] = []
    pair.client.broke_off = lambda: told.append("broken")
    pair.client.reset()
    pair.client.reset()
    assert told == ["broken"]


@pytest.mark.parametrize("by", ["client", "server"])
def test_a_connection_that_is_reset_fails_at_both_ends(pair: Pair, by: str) -> None:
    pair.connection.reset(by="client" if by == "client" else "server")
    first, second = (CLIENT, SERVER) if by == "client" else (SERVER, CLIENT)
    assert pair.told() == [Broken(first, errno.ECONNRESET), Broken(second, errno.ECONNRESET)]


def test_of_a_swallowed_connection_nothing_arrives_at_either_end(pair: Pair) -> None:
    pair.connection.set_swallowed(True)
    stream(pair.client).send(b"spam")
    stream(pair.server).send(b"eggs")
    assert pair.told() == []


def test_not_even_a_reset_leaves_a_swallowed_connection(pair: Pair) -> None:
    pair.connection.set_swallowed(True)
    pair.client.close(reset=True)
    assert pair.told() == []


def test_what_was_swallowed_arrives_when_it_passes_again(pair: Pair) -> None:
    pair.connection.set_swallowed(True)
    stream(pair.client).send(b"spam")
    pair.told()
    pair.connection.set_swallowed(False)
    assert pair.told()[0] == Received(SERVER, b"spam")


def test_a_connection_that_is_not_made_cannot_be_reset() -> None:
    with pytest.raises(UsageError, match="connection 3 is not made yet"):
        Connection(3, THERE).reset()

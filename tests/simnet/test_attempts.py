"""A client knocks until it is answered, as often and as long as Linux does."""

from __future__ import annotations

import errno

import pytest

from labkit.simnet.attempts import KNOCKS_S, Attempt, Listener
from labkit.simnet.connections import Connection, Endpoint
from labkit.simnet.hosts import Host
from labkit.simnet.paths import Chance, Conditions, Path
from labkit.simnet.schedule import NS, Schedule, seconds
from labkit.simnet.seam import Event

THERE = ("10.0.0.2", 80)


class Owner:
    """Hears nothing that matters here."""

    is_alerted = False

    def post(self, event: Event, *, alert: bool = True) -> None:
        """Do nothing."""


class Door:
    """A shop on whose door a phone knocks, half a second away; and what comes of it, and when."""

    def __init__(self) -> None:
        self.schedule = Schedule()
        phone, shop = Host("phone", "10.0.0.1"), Host("shop", "10.0.0.2")
        self.there, self.back = Path(Conditions(0.5), shop), Path(Conditions(0.5), phone)
        self.listener: Listener | None = Listener(7, Owner(), shop, THERE)
        self.client = Endpoint(
            1, Owner(), Connection(1, THERE), "client", phone, ("10.0.0.1", 40_000), THERE
        )
        self.asked: list[float] = []
        self.happened: list[tuple[str, float]] = []

    def knock(self) -> list[tuple[str, float]]:
        """Knock, and return what has happened when nothing more will."""
        Attempt(
            self.schedule,
            self.client,
            self.there,
            self.back,
            Chance(""),
            answer=self._answer,
            connect=lambda listener: self._note("connected"),
            copy=lambda listener: self._note("copied"),
            refuse=lambda number: self._note(errno.errorcode[number]),
        ).knock()
        while (at_ns := self.schedule.next_ns()) is not None:
            self.schedule.now_ns = at_ns
            self.schedule.run_due()
        return self.happened

    def heal_at(self, at_s: float, path: Path) -> None:
        path.is_cut = True
        self.schedule.at(round(at_s * NS), lambda: setattr(path, "is_cut", False))

    def _answer(self) -> Listener | None:
        self.asked.append(seconds(self.schedule.now_ns))
        return self.listener

    def _note(self, what: str) -> None:
        self.happened.append((what, seconds(self.schedule.now_ns)))


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_client_is_connected_after_a_round_trip(door: Door) -> None:
    assert door.knock() == [("connected", 1.0)]


def test_a_client_is_refused_after_a_round_trip(door: Door) -> None:
    door.listener = None
    assert door.knock() == [("ECONNREFUSED", 1.0)]


@pytest.mark.parametrize(
    ("healed_s", "connected_s"), [(0.2, 2.0), (1.5, 4.0), (5, 8.0), (62, 64.0)]
)
def test_a_client_knocks_again_at_the_times_of_linux(
    door: Door, healed_s: float, connected_s: float
) -> None:
    door.heal_at(healed_s, door.there)
    assert door.knock() == [("connected", connected_s)]


@pytest.mark.parametrize("way", ["there", "back"])
def test_an_attempt_waits_behind_what_fills_the_path(door: Door, way: str) -> None:
    path = getattr(door, way)
    path.conditions = Conditions(0.5, bandwidth=1)
    path.arrival_ns(0, 10, Chance(""))
    assert door.knock() == [("connected", 11.0 if way == "there" else 10.5)]


def test_a_client_gives_up_after_127_seconds(door: Door) -> None:
    door.there.is_cut = True
    assert door.knock() == [("ETIMEDOUT", 127.0)]
    assert door.asked == []


def test_a_client_whose_answers_are_lost_gives_up_at_the_same_time(door: Door) -> None:
    door.back.is_cut = True
    assert door.knock() == [("ETIMEDOUT", 127.0)]
    assert door.asked == [0.5, *(after_s + 0.5 for after_s in KNOCKS_S[:-1])]


def test_a_lost_answer_is_given_again(door: Door) -> None:
    door.heal_at(2.5, door.back)
    assert door.knock() == [("connected", 4.0)]


def test_a_lost_refusal_is_given_again(door: Door) -> None:
    door.listener = None
    door.heal_at(2.5, door.back)
    assert door.knock() == [("ECONNREFUSED", 4.0)]


def test_a_syn_under_way_when_the_cut_comes_is_lost(door: Door) -> None:
    door.schedule.at(NS // 4, lambda: setattr(door.there, "is_cut", True))
    door.schedule.at(NS, lambda: setattr(door.there, "is_cut", False))
    assert door.knock() == [("connected", 2.0)]


def test_who_has_given_up_by_itself_knocks_no_more(door: Door) -> None:
    door.there.is_cut = True
    door.schedule.at(2 * NS, lambda: setattr(door.client, "is_closed", True))
    assert door.knock() == []


def test_who_has_given_up_by_itself_is_not_connected(door: Door) -> None:
    door.schedule.at(NS // 2, lambda: setattr(door.client, "is_closed", True))
    assert door.knock() == []


def test_an_attempt_may_arrive_late(door: Door) -> None:
    door.there.attempts_late_ns = 5 * NS
    assert door.knock() == [("connected", 6.0)]


def test_an_attempt_may_arrive_twice(door: Door) -> None:
    door.there.attempts_again_ns = 5 * NS
    assert door.knock() == [("connected", 1.0), ("copied", 5.5)]


def test_where_nobody_listens_any_more_a_copy_comes_to_nothing(door: Door) -> None:
    door.there.attempts_again_ns = 5 * NS
    door.schedule.at(2 * NS, lambda: setattr(door, "listener", None))
    assert door.knock() == [("connected", 1.0)]


def test_a_copy_is_lost_like_anything_else(door: Door) -> None:
    door.there.attempts_again_ns = 5 * NS
    door.schedule.at(2 * NS, lambda: setattr(door.there, "is_cut", True))
    assert door.knock() == [("connected", 1.0)]

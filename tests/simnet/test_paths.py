"""How long a segment takes: latency, jitter, bandwidth; and whether it arrives."""

from __future__ import annotations

from labkit.simnet.hosts import Host
from labkit.simnet.paths import Chance, Conditions, Path
from labkit.simnet.schedule import NS

MS = NS // 1_000


def path(latency_s: float = 0.0, jitter_s: float = 0.0, bandwidth: float | None = None) -> Path:
    return Path(Conditions(latency_s, jitter_s, bandwidth), Host("shop", "10.0.0.1"))


def test_without_conditions_a_segment_arrives_at_once() -> None:
    assert path().arrival_ns(7, 1_000_000, Chance("")) == 7


def test_a_segment_takes_the_latency() -> None:
    assert path(latency_s=0.05).arrival_ns(7, 1_000, Chance("")) == 7 + 50 * MS


def test_jitter_is_between_nothing_and_all_of_it() -> None:
    chance, way = Chance(""), path(latency_s=0.05, jitter_s=0.01)
    arrivals = [way.arrival_ns(0, 1, chance) for _ in range(1_000)]
    assert 50 * MS <= min(arrivals) < 51 * MS
    assert 59 * MS < max(arrivals) <= 60 * MS


def test_jitter_depends_on_the_seed_alone() -> None:
    one, other = Chance("spam"), Chance("spam")
    draws = [one.draw() for _ in range(3)]
    assert draws == [other.draw() for _ in range(3)]
    assert draws != [Chance("eggs").draw() for _ in range(3)]


def test_a_seed_gives_the_same_numbers_on_every_machine() -> None:
    assert int(Chance("spam").draw() * 1_000_000) == 620_989


def test_a_segment_takes_the_longer_the_larger_it_is() -> None:
    way = path(bandwidth=1_000)
    assert way.arrival_ns(0, 500, Chance("")) == NS // 2


def test_all_that_takes_a_path_shares_its_bandwidth() -> None:
    way = path(latency_s=1, bandwidth=1_000)
    arrivals = [way.arrival_ns(0, 1_000, Chance(name)) for name in ("spam", "eggs")]
    assert arrivals == [2 * NS, 3 * NS]


def test_a_path_that_has_rested_is_free() -> None:
    way = path(bandwidth=1_000)
    way.arrival_ns(0, 1_000, Chance(""))
    assert way.arrival_ns(5 * NS, 1_000, Chance("")) == 6 * NS


def test_a_slowed_path_takes_so_much_longer() -> None:
    way = path(latency_s=1)
    way.slowed_ns = NS
    assert way.arrival_ns(0, 1, Chance("")) == 2 * NS


def test_a_cut_path_is_not_whole() -> None:
    way = path()
    assert way.is_whole
    way.is_cut = True
    assert not way.is_whole


def test_a_path_to_a_host_that_is_down_is_not_whole() -> None:
    host = Host("shop", "10.0.0.1")
    way = Path(Conditions(), host)
    host.is_up = False
    assert not way.is_whole

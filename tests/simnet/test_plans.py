"""Faults drawn from a seed: the same ones everywhere, and what ends in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import UsageError
from labkit.simnet.faults import BlackHole, Crash, Cut, Late, Reset, Skew, Slow, Twice
from labkit.simnet.plans import KINDS, Plan, plan

HOSTS = ["phone", "shop", "till"]


def test_a_plan_is_a_line_for_each_fault_in_the_order_of_their_times() -> None:
    faults = (
        Crash(60, 5, "shop"),
        Skew(61, "till", -2.5),
        Cut(0, 1.5, "phone", "shop"),
        Cut(1, 2, "phone", "shop", is_one_way=True),
        Slow(2, 3, "phone", "shop", 0.25),
        Late(3, 3, "phone", "shop", 0.25),
        Twice(4, 3, "phone", "shop", 0.25),
        Reset(5, "phone", "shop", 7),
        BlackHole(6, "phone", "shop"),
    )
    assert str(Plan(faults)).splitlines() == [
        "     0.000 s  cut        phone ↔ shop      for 1.500 s",
        "     1.000 s  cut        phone → shop      for 2.000 s",
        "     2.000 s  slow       phone ↔ shop      for 3.000 s, by 0.250 s",
        "     3.000 s  late       phone → shop      for 3.000 s, by 0.250 s",
        "     4.000 s  twice      phone → shop      for 3.000 s, after 0.250 s",
        "     5.000 s  reset      phone ↔ shop      connection 7, counted round",
        "     6.000 s  black hole phone ↔ shop      connection 0, counted round",
        "    60.000 s  crash      shop              for 5.000 s",
        "    61.000 s  skew       till              by -2.500 s",
    ]


def test_a_seed_gives_the_same_plan_on_every_machine() -> None:
    assert str(plan("spam", HOSTS, 60, count=5)).splitlines() == [
        "     1.462 s  skew       phone             by -58.006 s",
        "     6.124 s  twice      phone → till      for 30.704 s, after 1.810 s",
        "    26.143 s  late       till → shop       for 2.178 s, by 1.827 s",
        "    26.400 s  crash      phone             for 1.501 s",
        "    48.944 s  skew       phone             by +25.707 s",
    ]


def test_another_seed_gives_another_plan() -> None:
    assert plan(1, HOSTS, 60) != plan(2, HOSTS, 60)


@given(seed=st.integers(), duration_s=st.floats(0.001, 10_000))
def test_what_ends_has_ended_when_the_plan_is_over(seed: int, duration_s: float) -> None:
    for fault in plan(seed, HOSTS, duration_s, count=20):
        lasts_s = getattr(fault, "for_s", 0.0)
        assert 0 <= fault.at_s <= fault.at_s + lasts_s <= duration_s + 0.001


def test_a_plan_is_in_the_order_of_its_times() -> None:
    times = [fault.at_s for fault in plan(1, HOSTS, 60, count=100)]
    assert times == sorted(times)


def test_every_kind_of_fault_is_drawn() -> None:
    assert {type(fault) for fault in plan(1, HOSTS, 60, count=200)} == set(KINDS)


def test_only_the_kinds_asked_for_are_drawn() -> None:
    assert {type(fault) for fault in plan(1, HOSTS, 60, kinds=[Cut, Crash])} == {Cut, Crash}


def test_every_host_is_hit() -> None:
    assert {fault.host for fault in plan(1, HOSTS, 60, kinds=[Crash])} == set(HOSTS)


def test_faults_are_between_two_hosts() -> None:
    drawn = plan(1, HOSTS, 60, count=100, kinds=[Slow])
    assert {(fault.one, fault.other) for fault in drawn} == {
        (one, other) for one in HOSTS for other in HOSTS if one != other
    }


def test_faults_between_hosts_need_two_of_them() -> None:
    with pytest.raises(UsageError, match="needs 2 hosts or more; got phone"):
        plan(1, ["phone"], 60)


def test_a_host_can_crash_alone() -> None:
    assert len(plan(1, ["phone"], 60, kinds=[Crash]).faults) == 10

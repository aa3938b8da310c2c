"""What is done to hosts and to what is between them, as those see it who look on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from labkit.simnet.marks import Mark

THERE = Mark(5, "fault", "cut", ("phone", "shop"))


def test_a_host_is_at_both_ends_of_what_is_done_to_it_alone() -> None:
    mark = Mark(5, "crash", "crashes", ("shop",))
    assert (mark.place, mark.parties) == ("shop", ("shop", "shop"))


def test_the_same_there_and_back_is_one_mark_for_both_ways() -> None:
    both = THERE.joined(replace(THERE, hosts=("shop", "phone")))
    assert both is not None
    assert both.place == "phone ↔ shop"


@pytest.mark.parametrize(
    "change",
    [
        {"hosts": ("phone", "shop")},
        {"hosts": ("till", "phone")},
        {"at_ns": 6},
        {"label": "slow"},
        {"kind": "relief"},
        {"is_both_ways": True},
    ],
)
def test_marks_of_different_things_stay_apart(change: dict[str, Any]) -> None:
    assert THERE.joined(replace(THERE, **{"hosts": ("shop", "phone"), **change})) is None

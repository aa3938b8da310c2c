"""Plays the table of cases to the codec, whole and cut at every byte."""

from __future__ import annotations

import importlib
from functools import partial
from types import ModuleType

import pytest

from .conformance import CASES
from .playing import Case, play

#: Where a longer case is only cut into single bytes: there are too many places for one cut.
MAX_CUT_BYTES = 600


def codec(name: str) -> ModuleType:
    return importlib.import_module(f"labkit.protocol.{name}")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_comes_out_as_the_table_says(case: Case) -> None:
    assert play(case, codec) == list(case.expected)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_comes_out_the_same_byte_by_byte(case: Case) -> None:
    pieces = play(case, codec, cut=lambda data: [data[i : i + 1] for i in range(len(data))])
    assert pieces == list(case.expected)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_comes_out_the_same_cut_in_two_anywhere(case: Case) -> None:
    longest = max((len(step) for step in case.steps if isinstance(step, bytes)), default=0)
    for place in range(1, min(longest, MAX_CUT_BYTES)):
        halves = play(case, codec, cut=partial(_in_two, place=place))
        assert halves == list(case.expected), f"cut before byte {place}"


def _in_two(data: bytes, *, place: int) -> list[bytes]:
    return [half for half in (data[:place], data[place:]) if half]

"""Pieces of a drawing: what is said in them stays text, and what is cut stays within its width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labkit.simnet.svg import arrow, columns, cut, element, text


def test_attributes_and_texts_are_escaped() -> None:
    assert element("g", fill='"><a') == "<g fill='\"&gt;&lt;a'/>"
    assert "<b>" not in text((0, 0), "<b>&")


def test_numbers_are_written_the_same_everywhere() -> None:
    assert element("line", x1=1 / 3, x2=2.0, y1=5) == '<line x1="0.3" x2="2" y1="5"/>'


def test_the_tip_of_an_arrow_is_where_it_ends() -> None:
    assert 'points="50,10 ' in arrow((0.0, 10.0), (50.0, 10.0), "black")


@given(st.text(max_size=20), st.integers(1, 20))
def test_what_is_cut_fits_and_says_so(words: str, width: int) -> None:
    shown = cut(words, width)
    assert columns(shown) <= width
    assert shown == words or (shown.endswith("…") and words.startswith(shown[:-1]))

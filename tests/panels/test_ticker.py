"""The ticker's prices and words."""

from __future__ import annotations

import json

import pytest

from labkit.panels.ticker import SHOWN_PRICES, Ticker, TickerPanel


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([], "no price yet"),
        ([100], "last 100.00; 1 price"),
        ([100, 101.5], "last 101.50, up 1.50; 2 prices"),
        ([100, 99.75], "last 99.75, down 0.25; 2 prices"),
        ([1_234, 1_234], "last 1,234.00, unchanged; 2 prices"),
    ],
)
def test_the_words_say_what_the_line_shows(prices: list[float], expected: str) -> None:
    ticker = Ticker()
    for price in prices:
        ticker.receive(json.dumps({"price": price}))
    assert ticker.words() == expected


def test_only_the_last_sixty_prices_are_kept() -> None:
    ticker = Ticker()
    for price in range(100):
        ticker.receive(json.dumps({"price": price}))
    assert list(ticker.prices) == list(range(100 - SHOWN_PRICES, 100))


@pytest.mark.parametrize(
    "message",
    ["Spam", "{}", "[]", '{"price": "1"}', '{"price": true}', '{"price": NaN}', '{"price": 1e999}'],
)
def test_a_message_without_a_price_is_told_of_and_ignored(message: str) -> None:
    ticker = Ticker()
    ticker.receive(message)
    assert ticker.problem.startswith("ignored ")
    assert ticker.problem.endswith('a message is like {"price": 101.2}')
    assert not ticker.prices


def test_a_binary_message_without_a_price_is_told_of() -> None:
    ticker = Ticker()
    ticker.receive(b"\xff\xfe")
    assert ticker.problem.startswith("ignored 2 binary bytes")


def test_a_price_too_large_for_a_float_is_told_of() -> None:
    ticker = Ticker()
    ticker.receive('{"price": 1' + "0" * 400 + "}")
    assert ticker.problem


def test_the_next_price_takes_the_complaint_back() -> None:
    ticker = Ticker()
    ticker.receive("Spam")
    ticker.receive('{"price": 1}')
    assert ticker.problem == ""


def test_a_panel_says_in_text_what_it_shows() -> None:
    panel = TickerPanel("ws://127.0.0.1:1")
    assert panel.text().endswith("no price yet")
    assert repr(panel) == "TickerPanel()"
    assert panel.state["prices"] == []

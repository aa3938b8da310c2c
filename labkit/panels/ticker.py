"""A live ticker: the last prices a server sent, as a line. Asks for nothing after the handshake."""

from __future__ import annotations

from collections import deque
from typing import Any

from labkit.wire.wording import count, quote_message

from .assets import source
from .json_message import read_json
from .live_panel import LivePanel

SHOWN_PRICES = 60

#: What a chart can still draw. Leaves out infinity, and what is not a number.
MAX_PRICE = 1e12


class Ticker:
    """The last prices, of messages like ``{"price": 101.2}``.

    >>> ticker = Ticker()
    >>> ticker.receive('{"price": 100}'); ticker.receive('{"price": 101.5}')
    >>> ticker.words()
    'last 101.50, up 1.50; 2 prices'
    """

    def __init__(self, size: int = SHOWN_PRICES) -> None:
        self.prices: deque[float] = deque(maxlen=size)
        self.problem = ""

    def receive(self, message: str | bytes) -> None:
        """Take in a message; one without a price is told of in `problem`."""
        price = _read_price(message)
        if price is None:
            self.problem = f'ignored {quote_message(message)}: a message is like {{"price": 101.2}}'
        else:
            self.prices.append(price)
            self.problem = ""

    def words(self) -> str:
        """Say what the line shows."""
        if not self.prices:
            return "no price yet"
        last, shown = f"last {self.prices[-1]:,.2f}", count(len(self.prices), "price")
        if len(self.prices) == 1:
            return f"{last}; {shown}"
        step = self.prices[-1] - self.prices[-2]
        move = f"up {step:,.2f}" if step > 0 else f"down {-step:,.2f}" if step < 0 else "unchanged"
        return f"{last}, {move}; {shown}"


class TickerPanel(LivePanel):
    """Show the prices that the server at ``address`` sends, the last 60 of them."""

    _esm = source("dom.js", "live.js", "ticker.js")
    _css = source("theme.css", "live.css")

    def __init__(self, address: str) -> None:
        self.ticker = Ticker()
        super().__init__(address)

    def _receive(self, message: str | bytes) -> None:
        self.ticker.receive(message)

    def _words(self) -> str:
        return self.ticker.words()

    def _picture(self) -> dict[str, Any]:
        return {
            "prices": list(self.ticker.prices),
            "size": SHOWN_PRICES,
            "problem": self.ticker.problem,
        }


def _read_price(message: str | bytes) -> float | None:
    match read_json(message):
        case {"price": bool()}:
            return None
        case {"price": int() | float() as price} if abs(price) <= MAX_PRICE:
            return float(price)
        case _:
            return None

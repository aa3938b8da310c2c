"""A shared whiteboard: strokes go out as JSON, what others draw comes in. Keeps no server."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.wire.wording import count, quote, quote_message

from .assets import source
from .json_message import read_json
from .live_panel import LivePanel

WIDTH, HEIGHT = 480, 270
MAX_STROKES = 500
MAX_POINTS = 500
MAX_NAME = 40


@dataclass(frozen=True)
class Stroke:
    """One line drawn without lifting the pen, in points from the top left corner.

    >>> Stroke(((0, 0), (9, 9)), "Ann").to_json()
    '{"stroke": [[0, 0], [9, 9]], "by": "Ann"}'
    """

    points: tuple[tuple[int, int], ...]
    by: str

    @classmethod
    def from_json(cls, message: str | bytes) -> Stroke | None:
        """Read a stroke from a message, or return None if it is none."""
        match read_json(message):
            case {"stroke": list(points), "by": str(by)}:
                return cls.from_points(points, by)
            case _:
                return None

    @classmethod
    def from_points(cls, points: list[Any], by: str) -> Stroke | None:
        """Return the stroke through ``points``, or None if they are not points of the board."""
        if not 1 <= len(points) <= MAX_POINTS:
            return None
        read = [_read_point(point) for point in points]
        if any(point is None for point in read):
            return None
        return cls(tuple(point for point in read if point is not None), by[:MAX_NAME])

    def to_json(self) -> str:
        """Return the message that carries the stroke."""
        return json.dumps({"stroke": [list(point) for point in self.points], "by": self.by})


class Whiteboard:
    """What is on the board: the newest strokes, of whoever drew them."""

    def __init__(self, name: str) -> None:
        self.name = name[:MAX_NAME]
        self.strokes: deque[Stroke] = deque(maxlen=MAX_STROKES)
        self.problem = ""

    def draw(self, points: list[Any]) -> Stroke | None:
        """Put a stroke of one's own on the board; None if it is none."""
        stroke = Stroke.from_points(points, self.name)
        if stroke is not None:
            self.strokes.append(stroke)
        return stroke

    def receive(self, message: str | bytes) -> Stroke | None:
        """Put a stroke from the server on the board; None if it is none, or is there already."""
        stroke = Stroke.from_json(message)
        if stroke is None:
            self.problem = f"ignored {quote_message(message)}: it is not a stroke"
            return None
        self.problem = ""
        # A server that sends to everyone sends one's own strokes back.
        if stroke in self.strokes:
            return None
        self.strokes.append(stroke)
        return stroke

    def words(self) -> str:
        """Say what is on the board, and who drew it."""
        if not self.strokes:
            return "the board is empty"
        counts: dict[str, int] = {}
        for stroke in self.strokes:
            counts[stroke.by] = counts.get(stroke.by, 0) + 1
        drawn = [f"{strokes} by {quote(name)[1:-1]}" for name, strokes in counts.items()]
        return f"{count(len(self.strokes), 'stroke')}: {', '.join(drawn)}"


class WhiteboardPanel(LivePanel):
    """Draw on a board that is shared with everyone at ``address``."""

    _esm = source("dom.js", "live.js", "whiteboard.js")
    _css = source("theme.css", "live.css")

    def __init__(self, address: str, name: str) -> None:
        self.whiteboard = Whiteboard(name)
        super().__init__(address)

    def __repr__(self) -> str:
        return f"WhiteboardPanel(name={self.whiteboard.name!r})"

    def draw(self, points: list[Any]) -> None:
        """Draw a stroke through ``points`` and send it, as the page does."""
        stroke = self.whiteboard.draw(points)
        if stroke is None:
            return
        self._show([stroke])
        if not self.connection.send(stroke.to_json()):
            self.whiteboard.problem = f"the stroke was not sent: {self.connection.state}"
        self._refresh.request()

    def _receive(self, message: str | bytes) -> None:
        stroke = self.whiteboard.receive(message)
        if stroke is not None:
            self._show([stroke])

    def _words(self) -> str:
        return self.whiteboard.words()

    def _picture(self) -> dict[str, Any]:
        board = self.whiteboard
        size = {"width": WIDTH, "height": HEIGHT}
        return {"name": board.name, "problem": board.problem, **size}

    def _command(self, content: Mapping[str, Any]) -> None:
        match content:
            case {"do": "draw", "points": list(points)}:
                self.draw(points)
            case {"do": "replay"}:
                self._show(list(self.whiteboard.strokes))
            case _:
                super()._command(content)

    def _show(self, strokes: list[Stroke]) -> None:
        self.send({"strokes": [{"points": s.points, "by": s.by} for s in strokes]})


def _read_point(point: object) -> tuple[int, int] | None:
    match point:
        case [int() | float() as x, int() | float() as y]:
            inside = 0 <= x <= WIDTH and 0 <= y <= HEIGHT
            return (round(x), round(y)) if inside else None
        case _:
            return None

"""One thing that happened on a simulated network, as it is drawn and named. Knows no layout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, TypeAlias

from labkit.simnet.recorded import Entry, clock
from labkit.simnet.svg import Point, along, arrow, cross, element, head, line, ring

Style: TypeAlias = Literal["data", "control", "http", "end", "alarm"]

INK, SOFT, FAINT, PAPER = "#1b1f24", "#59636e", "#d0d7de", "#ffffff"
COLORS: dict[Style, str] = {
    "data": "#1559b5",
    "control": "#7a3e9d",
    "http": "#1a6b3c",
    "end": SOFT,
    "alarm": "#b3261e",
}
#: What is sent only to ask or to end.
DASHES: dict[str, str] = {"connects": "2 4", "eof": "6 4"}

#: How far something gets that does not arrive.
STUB = 0.6
#: How far to the side something goes that stays on its host, and how far down.
LOOP, LOOP_DOWN = 46, 11


def style_of(entry: Entry) -> Style:
    """Name the group of things that ``entry`` is drawn as."""
    match entry.kind:
        case "frame" if entry.frame is None or entry.frame.opcode < 8:
            return "data"
        case "frame":
            return "control"
        case "http" | "body" | "connected":
            return "http"
        case "eof" | "connects":
            return "end"
        case "failed" | "reset" | "garbage":
            return "alarm"


def draw(entry: Entry, start: Point, end: Point) -> Iterator[str]:
    """Draw what goes from ``start`` to ``end``, or would have gone."""
    color = COLORS["alarm" if entry.fate == "lost" else style_of(entry)]
    stroke = {"stroke_width": 1.4, "stroke_dasharray": DASHES.get(entry.kind, "none")}
    match entry.kind, entry.fate:
        case "connected", _:
            yield ring(start, color, PAPER)
        case (("failed" | "reset"), _):
            yield cross(start, color)
        case _, "":
            yield from _arrow(start, end, color, **stroke)
        case _, fate:
            stop = along(start, end, STUB * math.dist(start, end) or LOOP)
            yield line(start, stop, stroke=color, **stroke)
            yield ring(stop, color, PAPER) if fate == "under way" else cross(stop, COLORS["alarm"])


def _arrow(start: Point, end: Point, color: str, **attributes: object) -> Iterator[str]:
    if start[0] != end[0]:
        yield arrow(start, end, color, **attributes)
        return
    # To itself: out to the side, and back.
    (x, y), down = start, max(end[1], start[1] + LOOP_DOWN)
    curve = f"M{x:.1f} {y:.1f}C{x + LOOP:.1f} {y:.1f} {x + LOOP:.1f} {down:.1f} {x:.1f} {down:.1f}"
    yield element("path", d=curve, stroke=color, fill="none", **attributes)
    yield head((x + LOOP, down), (x, down), color)


def label(entry: Entry, *, has_number: bool) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the words beside an arrow, and the attributes that they are written with."""
    if has_number:
        yield f"#{entry.connection.number}", {"fill": SOFT}
    color: dict[str, object] = {"fill": COLORS[style_of(entry)]}
    fate: dict[str, object] = {"fill": COLORS["alarm"], "font_weight": 700}
    match entry.kind, entry.fate:
        case "connects", "":
            yield f"connects to {entry.connection.address}", color
        case "connects", words:
            yield f"connects to {entry.connection.address}:", color
            yield words, fate
        case _, "":
            yield entry.label, color
        case _, words:
            yield words, fate
            yield entry.label, color


def sentence(entry: Entry) -> str:
    """Return all there is to say of an entry, for those who do not see the drawing."""
    arrives = "" if entry.arrives_ns is None else f"arrives {clock(entry.arrives_ns)}"
    connection = entry.connection
    parts = (clock(entry.at_ns), f"#{connection.number}", connection.arrow(entry.sender))
    return "  ".join((*parts, entry.label, arrives or entry.fate)).rstrip()

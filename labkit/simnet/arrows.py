"""One thing that happened on a simulated network, as it is drawn and named. Knows no layout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, TypeAlias

from labkit.simnet.marks import Mark
from labkit.simnet.recorded import Entry, clock
from labkit.simnet.svg import Point, along, arrow, cross, element, head, line, ring

Style: TypeAlias = Literal["data", "control", "http", "end", "alarm", "relief"]

INK, SOFT, FAINT, PAPER = "#1b1f24", "#59636e", "#d0d7de", "#ffffff"
COLORS: dict[Style, str] = {
    "data": "#1559b5",
    "control": "#7a3e9d",
    "http": "#1a6b3c",
    "end": SOFT,
    "alarm": "#b3261e",
    "relief": "#1a6b3c",
}
#: What is sent only to ask or to end.
DASHES: dict[str, str] = {"connects": "2 4", "eof": "6 4"}

#: How far something gets that does not arrive.
STUB = 0.6
#: How far to the side something goes that stays on its host, and how far down.
LOOP, LOOP_DOWN = 46, 11
#: Where the sign stands on what is between two hosts: this far from the first, before any other.
SIGN = 36


def style_of(entry: Entry | Mark) -> Style:
    """Name the group of things that ``entry`` is drawn as."""
    if isinstance(entry, Mark):
        return "relief" if entry.kind in ("restart", "relief") else "alarm"
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


def draw(entry: Entry | Mark, start: Point, end: Point) -> Iterator[str]:
    """Draw what goes from ``start`` to ``end``, would have gone, or is done to what goes."""
    if isinstance(entry, Mark):
        yield from _sign(entry, start, end)
        return
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


def _sign(mark: Mark, start: Point, end: Point) -> Iterator[str]:
    style, at = style_of(mark), start
    color = COLORS[style]
    if start != end:
        way = {"stroke_width": 1.4, "stroke_dasharray": "1 3"}
        between = line(start, end, stroke=color, **way)
        yield between if mark.is_both_ways else arrow(start, end, color, **way)
        at = along(start, end, SIGN)
    yield ring(at, color, PAPER) if style == "relief" else cross(at, color)


def _arrow(start: Point, end: Point, color: str, **attributes: object) -> Iterator[str]:
    if start[0] != end[0]:
        yield arrow(start, end, color, **attributes)
        return
    # To itself: out to the side, and back.
    (x, y), down = start, max(end[1], start[1] + LOOP_DOWN)
    curve = f"M{x:.1f} {y:.1f}C{x + LOOP:.1f} {y:.1f} {x + LOOP:.1f} {down:.1f} {x:.1f} {down:.1f}"
    yield element("path", d=curve, stroke=color, fill="none", **attributes)
    yield head((x + LOOP, down), (x, down), color)


def label(entry: Entry | Mark, *, has_number: bool) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the words beside an arrow, and the attributes that they are written with."""
    if has_number and number_of(entry) is not None:
        yield f"#{number_of(entry)}", {"fill": SOFT}
    color: dict[str, object] = {"fill": COLORS[style_of(entry)]}
    if isinstance(entry, Mark):
        yield entry.place, {"fill": INK, "font_weight": 600}
        yield entry.label, color
        return
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


def number_of(entry: Entry | Mark) -> int | None:
    """Return the number of the connection, if it is about one."""
    return entry.number if isinstance(entry, Mark) else entry.connection.number


def sentence(entry: Entry | Mark) -> str:
    """Return all there is to say of an entry, for those who do not see the drawing."""
    if isinstance(entry, Mark):
        number = "" if entry.number is None else f"  #{entry.number}"
        return f"{clock(entry.at_ns)}{number}  {entry.place}  {entry.label}"
    arrives = "" if entry.arrives_ns is None else f"arrives {clock(entry.arrives_ns)}"
    connection = entry.connection
    parts = (clock(entry.at_ns), f"#{connection.number}", connection.arrow(entry.sender))
    return "  ".join((*parts, entry.label, arrives or entry.fate)).rstrip()

"""Pieces of a drawing, as SVG. Knows nothing of what is drawn.

There are no ids, classes or style sheets, so that drawings on one page do not change each other.
"""

from __future__ import annotations

import math
import unicodedata
from typing import TypeAlias
from xml.sax.saxutils import escape, quoteattr

Point: TypeAlias = tuple[float, float]

#: In pixels: an arrow's head, and half a cross.
HEAD_LENGTH, HEAD_WIDTH, CROSS = 9.0, 4.0, 4.5


def element(tag: str, *content: str, **attributes: object) -> str:
    """Return an element; ``content`` is SVG already, attributes are escaped.

    >>> element("line", x1=0.0, stroke_width=2)
    '<line x1="0" stroke-width="2"/>'
    """
    pairs = "".join(
        f" {key.replace('_', '-')}={quoteattr(_value(value))}" for key, value in attributes.items()
    )
    return f"<{tag}{pairs}>{''.join(content)}</{tag}>" if content else f"<{tag}{pairs}/>"


def text(at: Point, words: str, **attributes: object) -> str:
    """Write ``words`` in one line, with ``at`` at half its height. Spaces stay as they are."""
    # Inside of a page, `xml:space` means nothing; a document of its own needs nothing else.
    keep = {"xml:space": "preserve", "style": "white-space:pre"}
    return element("text", escape(words), x=at[0], y=at[1] + 4, **keep, **attributes)


def line(start: Point, end: Point, **attributes: object) -> str:
    """Draw a line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **attributes)


def arrow(start: Point, end: Point, color: str, **attributes: object) -> str:
    """Draw an arrow that ends at ``end``."""
    shaft = along(end, start, HEAD_LENGTH - 2)
    return line(start, shaft, stroke=color, **attributes) + head(start, end, color)


def head(start: Point, end: Point, color: str) -> str:
    """Draw the head of an arrow that comes from ``start``."""
    x, y = along(end, start, HEAD_LENGTH)
    distance = math.dist(start, end) or 1.0
    across_x = (start[1] - end[1]) / distance * HEAD_WIDTH
    across_y = (end[0] - start[0]) / distance * HEAD_WIDTH
    corners = (end, (x + across_x, y + across_y), (x - across_x, y - across_y))
    points = " ".join(f"{_value(x)},{_value(y)}" for x, y in corners)
    return element("polygon", points=points, fill=color)


def cross(at: Point, color: str) -> str:
    """Draw an x."""
    x, y = at
    ends = ((x - CROSS, y - CROSS), (x + CROSS, y + CROSS))
    others = ((x - CROSS, y + CROSS), (x + CROSS, y - CROSS))
    return "".join(line(*pair, stroke=color, stroke_width=2.4) for pair in (ends, others))


def ring(at: Point, color: str, paper: str) -> str:
    """Draw an open circle."""
    return element("circle", cx=at[0], cy=at[1], r=4, fill=paper, stroke=color, stroke_width=2)


def along(start: Point, end: Point, distance: float) -> Point:
    """Return the point at ``distance`` from ``start`` towards ``end``."""
    share = distance / (math.dist(start, end) or 1.0)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def cut(words: str, width: int) -> str:
    """Return ``words`` cut to ``width`` columns; Chinese letters and their like take two.

    >>> cut("Spam", 4), cut("Spam, eggs", 4), cut("卵とスパム", 6)
    ('Spam', 'Spa…', '卵と…')
    """
    if columns(words) <= width:
        return words
    room = width - 1
    kept = ""
    for letter in words:
        room -= columns(letter)
        if room < 0:
            break
        kept += letter
    return f"{kept}…"


def columns(words: str) -> int:
    """Return how many columns of a terminal ``words`` take."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)

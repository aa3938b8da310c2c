"""How far down a chart each moment stands. Draws nothing.

Moments keep their order. What takes twice as long goes down twice as far, unless the labels in
between need more room; where nothing happens for long, the chart is shortened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median_low
from typing import TypeAlias

from labkit.simnet.marks import Mark
from labkit.simnet.recorded import Entry

#: In pixels: from one label to the next, and from an arrival to what comes next.
ROW, ARRIVAL = 24.0, 16.0
#: How far down a typical arrow goes, the most that goes by without an event, and what is left of
#: more than that.
TYPICAL, LONGEST, BREAK = 40.0, 88.0, 32.0


@dataclass(frozen=True)
class Omission:
    """In place of ``number`` entries that are not drawn, before the one at ``at_ns``."""

    number: int
    at_ns: int
    #: Those of them that are no traffic.
    marks: tuple[Mark, ...] = ()


What: TypeAlias = Entry | Mark | Omission


@dataclass(frozen=True)
class Row:
    """What happens at the height ``y``, and where its arrow ends, if it arrives."""

    y: float
    what: What
    arrives_y: float | None = None


@dataclass
class Timeline:
    """Rows, from the top down; the moments and their heights; from where to where it is shortened.

    ``height`` is where the last row ends.
    """

    rows: list[Row] = field(default_factory=list)
    moments: list[tuple[float, int]] = field(default_factory=list)
    shortened: list[tuple[float, float]] = field(default_factory=list)
    height: float = 0.0


def shorten(entries: Sequence[Entry | Mark], limit: int) -> list[What]:
    """Return at most ``limit`` entries, the first and the last, and how many were between them."""
    if len(entries) <= limit:
        return list(entries)
    first, last = entries[: (limit + 1) // 2], entries[len(entries) - limit // 2 :]
    between = entries[len(first) : len(entries) - len(last)]
    marks = tuple(entry for entry in between if isinstance(entry, Mark))
    omitted = Omission(len(between), last[0].at_ns if last else entries[-1].at_ns, marks)
    return [*first, omitted, *last]


def arrange(whats: Sequence[What]) -> Timeline:
    """Give every entry a row, and every moment a height."""
    timeline = Timeline()
    starts = Counter(what.at_ns for what in whats)
    arrivals = Counter(at_ns for at_ns, _ in _flights(whats))
    blocks = {
        at_ns: max(starts[at_ns] * ROW, (arrivals[at_ns] - 1) * ROW + ARRIVAL)
        for at_ns in sorted({*starts, *arrivals})
    }
    tops = dict(_tops(blocks, _scale(whats, blocks), timeline.shortened))
    timeline.moments = [(top, at_ns) for at_ns, top in tops.items()]
    timeline.rows = list(_rows(whats, tops))
    if blocks:
        last_ns = max(blocks)
        timeline.height = tops[last_ns] + blocks[last_ns]
    return timeline


def _flights(whats: Iterable[What]) -> Iterator[tuple[int, int]]:
    """Yield when something arrives, and how long that took, if it took any time."""
    for what in whats:
        if isinstance(what, Entry) and what.arrives_ns and what.arrives_ns > what.at_ns:
            yield what.arrives_ns, what.arrives_ns - what.at_ns


def _scale(whats: Iterable[What], moments: Iterable[int]) -> float:
    """Return how many pixels a nanosecond takes, where there is room to show it."""
    flights = [duration for _, duration in _flights(whats)]
    durations = flights or [after - before for before, after in pairwise(moments)]
    return TYPICAL / median_low(durations) if durations else 0.0


def _tops(
    blocks: dict[int, float], scale: float, shortened: list[tuple[float, float]]
) -> Iterator[tuple[int, float]]:
    """Yield every moment with its height, and note in ``shortened`` where time was left out."""
    top, before_ns = 0.0, None
    for at_ns in blocks:
        if before_ns is not None:
            end, distance = top + blocks[before_ns], (at_ns - before_ns) * scale
            if distance > max(LONGEST, blocks[before_ns] + BREAK):
                top = end + BREAK
                shortened.append((end, top))
            else:
                top = max(end, top + distance)
        yield at_ns, top
        before_ns = at_ns


def _rows(whats: Iterable[What], tops: dict[int, float]) -> Iterator[Row]:
    starts: Counter[int] = Counter()
    arrivals: Counter[int] = Counter()
    for what in whats:
        y = tops[what.at_ns] + starts[what.at_ns] * ROW
        starts[what.at_ns] += 1
        if not isinstance(what, Entry) or what.arrives_ns is None:
            yield Row(y, what)
        elif what.arrives_ns <= what.at_ns:
            yield Row(y, what, y)
        else:
            arrives_y = tops[what.arrives_ns] + arrivals[what.arrives_ns] * ROW
            arrivals[what.arrives_ns] += 1
            yield Row(y, what, arrives_y)

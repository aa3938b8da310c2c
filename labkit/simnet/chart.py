"""A recording as a sequence chart, in SVG. What happened is the recording's; this only draws it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from xml.sax.saxutils import escape

from labkit.simnet.arrows import FAINT, INK, PAPER, SOFT, draw, label, number_of, sentence
from labkit.simnet.marks import Mark
from labkit.simnet.recorded import Entry, clock
from labkit.simnet.recording import Recording
from labkit.simnet.svg import Point, columns, cut, element, line, text
from labkit.simnet.timeline import ROW, Omission, Timeline, What, arrange, shorten
from labkit.wire.wording import count

MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"

#: In pixels: the whole if there are few hosts, the column of the times, what is above the rows.
WIDTH, TIMES, TOP = 980, 92, 64
#: How far up the hosts' lines begin; how wide one is while its host is down, and in which color.
LINES, DOWN_WIDTH, DOWN = 40, 9, "#f5cfcb"
#: Between the lines of all hosts, and of two neighbours at least and at most.
LANES, NEAREST, FARTHEST = 380, 72, 210
#: What a character takes, and the fewest and the most of a label that are shown.
CHARACTER, SHORTEST, LONGEST = 7.3, 36, 76
#: How far down something would have gone that does not arrive.
ASTRAY = 16


class Chart:
    """Draw ``recording``: a line down for every host, an arrow for everything that was sent.

    A cross marks what goes wrong, a ring what is mended; while a host is down, its line is a bar.

    A notebook shows the drawing; as plain text, it is the recording's. Of more than ``limit``
    entries, the first and the last are drawn.
    """

    def __init__(self, recording: Recording, *, limit: int = 80) -> None:
        self._recording = recording
        self._limit = limit

    def svg(self) -> str:
        """Return the drawing."""
        timeline = arrange(shorten(self._recording.entries, self._limit))
        return _Drawing(timeline, dropped=self._recording.dropped).svg()

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return self._recording.text()


class _Drawing:
    def __init__(self, timeline: Timeline, *, dropped: int) -> None:
        self._timeline = timeline
        self._dropped = dropped
        whats = (row.what for row in timeline.rows)
        entries = [what for what in whats if not isinstance(what, Omission)]
        # In the order in which they appear, a client before its server.
        hosts = list(dict.fromkeys(host for entry in entries for host in _ends(entry)))
        gaps = max(1, len(hosts) - 1)
        self._step = max(NEAREST, min(FARTHEST, LANES // gaps))
        self._lanes = {name: TIMES + 50.0 + i * self._step for i, name in enumerate(hosts)}
        self._labels = max(self._lanes.values(), default=float(TIMES)) + 50
        self._has_numbers = len({*map(number_of, entries)} - {None}) > 1
        room = max(SHORTEST, min(LONGEST, int((WIDTH - self._labels) / CHARACTER)))
        self._columns = min(room, max(map(self._width, entries), default=SHORTEST))
        self._bottom = TOP + timeline.height

    def svg(self) -> str:
        width = round(self._labels + self._columns * CHARACTER) + 10
        parts = [
            element("title", self._title()),
            element("rect", width=width, height=self._height(), fill=PAPER),
            *self._outages(),
            *self._lifelines(),
            *self._guides(),
            *self._times(),
            *self._rows(),
            *self._notes(),
        ]
        return element(
            "svg",
            *parts,
            xmlns="http://www.w3.org/2000/svg",
            width=width,
            height=self._height(),
            viewBox=f"0 0 {width} {self._height()}",
            role="img",
            font_family=MONO,
            font_size=12,
            fill=INK,
        )

    def _height(self) -> int:
        return round(self._bottom) + 30 + 18 * len(self._footer())

    def _title(self) -> str:
        whats = (row.what for row in self._timeline.rows)
        number = sum(what.number if isinstance(what, Omission) else 1 for what in whats)
        return f"Sequence chart of {count(number, 'event')} on a simulated network"

    def _footer(self) -> list[str]:
        notes = []
        if self._dropped:
            notes.append(f"{self._dropped:,} earlier events are no longer kept.")
        if self._timeline.shortened:
            notes.append("Where a line is dotted, more time goes by than is drawn.")
        if not self._timeline.rows:
            notes.append("Nothing has happened.")
        return notes

    def _lifelines(self) -> Iterator[str]:
        turns = [TOP + y for both in self._timeline.shortened for y in both]
        parts = list(pairwise((float(LINES), *turns, self._bottom)))
        for name, x in self._lanes.items():
            for number, (start, end) in enumerate(parts):
                dashes = "1 5" if number % 2 else "none"
                yield line((x, start), (x, end), stroke=SOFT, stroke_dasharray=dashes)
            yield from self._name(name, x, 14.0)

    def _outages(self) -> Iterator[str]:
        down: dict[str, float] = {}
        bars: list[tuple[str, float, float]] = []
        for row in self._timeline.rows:
            for mark in _marks(row.what):
                (host, *_), y = mark.hosts, TOP + row.y
                if mark.kind == "crash":
                    down[host] = y
                elif mark.kind == "restart":
                    bars.append((host, down.pop(host, LINES), y))
        bars += [(host, y, self._bottom) for host, y in down.items()]
        for host, start, end in bars:
            if (x := self._lanes.get(host)) is not None:
                yield line((x, start), (x, end), stroke=DOWN, stroke_width=DOWN_WIDTH)

    def _name(self, name: str, x: float, y: float) -> Iterator[str]:
        room = min(self._step, 130) - 8
        shown = cut(name, int((room - 8) / CHARACTER))
        box = {"x": x - room / 2, "y": y, "width": room, "height": 26, "rx": 5}
        yield element("rect", **box, fill="#eef1f4", stroke=SOFT)
        yield text((x, y + 13), shown, text_anchor="middle", font_weight=600)

    def _times(self) -> Iterator[str]:
        for y, at_ns in self._timeline.moments:
            at = (TIMES - 10.0, TOP + y)
            yield text(at, clock(at_ns), text_anchor="end", font_size=11, fill=SOFT)

    def _guides(self) -> Iterator[str]:
        for _, start, _ in self._arrows():
            yield line(
                (start[0], start[1]),
                (self._labels - 6, start[1]),
                stroke=FAINT,
                stroke_dasharray="1 4",
            )

    def _rows(self) -> Iterator[str]:
        for row in self._timeline.rows:
            if isinstance(row.what, Omission):
                yield from self._omission(TOP + row.y, row.what.number)
        for entry, start, end in self._arrows():
            drawn = [*draw(entry, start, end), *self._label(entry, start[1])]
            yield element("g", element("title", escape(sentence(entry))), *drawn)

    def _arrows(self) -> Iterator[tuple[Entry | Mark, Point, Point]]:
        """Yield what is drawn, from where to where: as far down as it starts, if it is not sent."""
        for row in self._timeline.rows:
            if isinstance(row.what, Omission):
                continue
            end = row.arrives_y
            if end is None:
                is_sent = isinstance(row.what, Entry) and row.what.fate in ("lost", "under way")
                end = row.y + (ASTRAY if is_sent else 0)
            origin, target = (self._lanes[name] for name in row.what.parties)
            yield row.what, (origin, TOP + row.y), (target, TOP + end)

    def _omission(self, y: float, number: int) -> Iterator[str]:
        right = self._labels + self._columns * CHARACTER
        box = {"x": TIMES, "y": y - ROW / 2 + 2, "width": right - TIMES, "height": ROW - 4}
        yield element("rect", **box, fill=PAPER)
        words = f"⋮  {count(number, 'event')} in between, not drawn"
        yield text((TIMES + 40, y), words, fill=SOFT, font_style="italic")

    def _label(self, entry: Entry | Mark, y: float) -> Iterator[str]:
        x, room = self._labels, self._columns
        for words, attributes in label(entry, has_number=self._has_numbers):
            shown = cut(words, max(0, room))
            yield text((x, y), shown, **attributes)
            taken = columns(words) + 1
            x, room = x + taken * CHARACTER, room - taken

    def _width(self, entry: Entry | Mark) -> int:
        return sum(columns(part) + 1 for part, _ in label(entry, has_number=self._has_numbers))

    def _notes(self) -> Iterator[str]:
        for i, note in enumerate(self._footer()):
            yield text((10.0, self._bottom + 20 + 18 * i), note, fill=SOFT, font_size=11)


def _ends(entry: Entry | Mark) -> tuple[str, str]:
    if isinstance(entry, Mark):
        return entry.parties
    return entry.connection.client, entry.connection.server


def _marks(what: What) -> tuple[Mark, ...]:
    match what:
        case Mark():
            return (what,)
        case Omission(marks=marks):
            return marks
        case _:
            return ()

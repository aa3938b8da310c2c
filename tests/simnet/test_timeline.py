"""Where the moments of a recording stand in a chart."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.simnet.connections import Connection
from labkit.simnet.marks import Mark
from labkit.simnet.recorded import Entry, RecordedConnection
from labkit.simnet.timeline import BREAK, ROW, TYPICAL, Omission, Timeline, arrange, shorten

MS = 1_000_000
EPSILON = 1e-6
CONNECTION = RecordedConnection(Connection(1, ("10.0.0.2", 80)), "phone", "shop")


def entry(at_ms: int, arrives_ms: int | None = None) -> Entry:
    """Return something that leaves and arrives at these times."""
    arrives_ns = None if arrives_ms is None else arrives_ms * MS
    return Entry(at_ms * MS, "client", "frame", "", CONNECTION, arrives_ns=arrives_ns)


def drops(timeline: Timeline) -> list[float]:
    """Return how far down each arrow goes."""
    return [row.arrives_y - row.y for row in timeline.rows if row.arrives_y is not None]


def test_what_takes_twice_as_long_goes_down_twice_as_far() -> None:
    timeline = arrange([entry(0, 50), entry(1_000, 1_050), entry(2_000, 2_100)])
    assert drops(timeline) == [TYPICAL, TYPICAL, 2 * TYPICAL]


def test_what_takes_no_time_stays_level() -> None:
    assert drops(arrange([entry(5, 5), entry(5, 5)])) == [0, 0]


def test_what_happens_at_one_moment_has_a_row_each() -> None:
    timeline = arrange([entry(0), entry(0), entry(0)])
    assert [row.y for row in timeline.rows] == [0, ROW, 2 * ROW]
    assert timeline.moments == [(0, 0)]
    assert timeline.height == 3 * ROW


def test_what_leaves_and_arrives_together_is_parallel() -> None:
    first, second = drops(arrange([entry(0, 50), entry(0, 50)]))
    assert first == second


def test_an_answer_begins_where_the_question_arrives() -> None:
    question, answer = arrange([entry(0, 50), entry(50, 100)]).rows
    assert question.arrives_y == answer.y


def test_time_without_events_is_shortened_and_marked() -> None:
    timeline = arrange([entry(0, 50), entry(60_000, 60_050)])
    (start, end), (first, second) = timeline.shortened[0], timeline.rows
    assert first.arrives_y is not None
    assert first.arrives_y < start < end == second.y
    assert end - start == BREAK


def test_what_comes_after_many_arrivals_stands_below_all_of_them() -> None:
    *arrivals, later = arrange([entry(0, 50), entry(0, 50), entry(0, 50), entry(51)]).rows
    assert all(row.arrives_y is not None and row.arrives_y < later.y for row in arrivals)


def test_time_that_many_rows_take_up_is_not_shortened() -> None:
    timeline = arrange([*[entry(0)] * 9, entry(150, 200)])
    assert timeline.rows[9].y == 9 * ROW
    assert timeline.shortened == []


def test_a_mark_of_shortened_time_has_room_below_many_rows() -> None:
    ((start, end),) = arrange([entry(0), entry(1), *[entry(2)] * 9, entry(60_000)]).shortened
    assert end - start == BREAK


@given(st.lists(st.tuples(st.integers(0, 5_000), st.none() | st.integers(0, 90_000)), max_size=30))
def test_moments_keep_their_order_and_rows_their_distance(
    times: list[tuple[int, int | None]],
) -> None:
    times.sort(key=lambda pair: pair[0])
    timeline = arrange([entry(at, None if takes is None else at + takes) for at, takes in times])
    assert timeline.moments == sorted(timeline.moments)
    assert [at for _, at in timeline.moments] == sorted({at for _, at in timeline.moments})
    assert all(after.y - before.y > ROW - EPSILON for before, after in pairwise(timeline.rows))
    assert all(row.y < timeline.height - ROW + EPSILON for row in timeline.rows)
    assert all(drop >= 0 for drop in drops(timeline))


@pytest.mark.parametrize(("limit", "kept"), [(5, "01289"), (4, "0189"), (1, "0"), (0, "")])
def test_the_first_and_the_last_are_kept(limit: int, kept: str) -> None:
    entries = [entry(number) for number in range(10)]
    whats = shorten(entries, limit)
    omitted = [what for what in whats if isinstance(what, Omission)]
    assert [what.number for what in omitted] == [10 - limit]
    left = [str(what.at_ns // MS) for what in whats if isinstance(what, Entry)]
    assert "".join(left) == kept


def test_what_is_done_to_hosts_is_not_lost_with_what_is_omitted() -> None:
    crash, cut = Mark(1, "crash", "crashes", ("shop",)), Mark(3, "fault", "cut", ("phone", "shop"))
    whats = shorten([crash, entry(2), cut, entry(4)], 2)
    assert whats[:1] + whats[2:] == [crash, whats[-1]]
    assert whats[1] == Omission(2, 4 * MS, (cut,))


def test_nothing_is_omitted_where_there_is_room() -> None:
    entries = [entry(number) for number in range(10)]
    assert shorten(entries, 10) == entries

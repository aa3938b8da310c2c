"""One direction of a connection: order, window, what a cut holds up, and when Linux gives up."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.simnet.hosts import Host
from labkit.simnet.paths import Chance, Conditions, Path
from labkit.simnet.schedule import NS, Schedule, nanoseconds
from labkit.simnet.streams import GIVE_UP_S, SEGMENT, Stream

MS = NS // 1_000
LARGE = 1 << 40


class Wire:
    """A stream between two hosts, and what it tells its ends: what, and when."""

    def __init__(self, *, window: int = LARGE, latency_s: float = 0.0, **conditions: Any) -> None:
        self.schedule = Schedule()
        self.there = Path(Conditions(latency_s, **conditions), Host("shop", "10.0.0.1"))
        self.back = Path(Conditions(latency_s), Host("phone", "10.0.0.2"))
        self.left: list[tuple[int, bytes | None]] = []
        self.arrived: list[tuple[int, bytes | None]] = []
        self.acknowledged: list[tuple[int, int]] = []
        self.is_held = False
        self.gave_up_ns: int | None = None
        self.failed_ns: int | None = None
        self.stream = Stream(
            self.schedule, self, self.there, self.back, Chance("spam"), window=window
        )

    @property
    def text(self) -> bytes:
        """What has arrived."""
        return b"".join(data or b"" for _, data in self.arrived)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.stream.send(piece)
            self.stream.transmit()

    def run(self, until_ns: int = LARGE * NS) -> None:
        """Let everything happen that is due before ``until_ns``."""
        while (at_ns := self.schedule.next_ns()) is not None and at_ns <= until_ns:
            self.schedule.now_ns = at_ns
            self.schedule.run_due()
        if until_ns < LARGE * NS:
            self.schedule.now_ns = until_ns

    def set_cut(self, *paths: Path, is_cut: bool = True) -> None:
        for path in paths:
            path.is_cut = is_cut
        self.stream.resume()

    def fail(self) -> None:
        self.failed_ns = self.schedule.now_ns

    def leave(self, data: bytes | None) -> None:
        self.left.append((self.schedule.now_ns, data))

    def deliver(self, data: bytes | None) -> None:
        self.arrived.append((self.schedule.now_ns, data))

    def acknowledge(self, size: int) -> None:
        self.acknowledged.append((self.schedule.now_ns, size))

    def hold(self, stream: Stream) -> None:
        self.is_held = True

    def give_up(self) -> None:
        self.gave_up_ns = self.schedule.now_ns
        self.stream.drop()


def test_what_is_sent_leaves_with_the_next_transmit() -> None:
    wire = Wire()
    wire.stream.send(b"spam")
    assert wire.left == []
    wire.stream.transmit()
    assert wire.left == [(0, b"spam")]


def test_what_is_sent_arrives_after_the_latency() -> None:
    wire = Wire(latency_s=0.05)
    wire.send(b"spam")
    wire.run()
    assert wire.arrived == [(50 * MS, b"spam")]


def test_what_has_arrived_is_acknowledged_after_a_round_trip() -> None:
    wire = Wire(latency_s=0.05)
    wire.send(b"spam")
    wire.run()
    assert wire.acknowledged == [(100 * MS, 4)]


def test_the_end_arrives_last() -> None:
    wire = Wire()
    wire.stream.send(b"spam")
    wire.stream.finish()
    wire.stream.transmit()
    wire.run()
    assert [data for _, data in wire.arrived] == [b"spam", None]


def test_the_end_leaves_once_however_often_it_is_asked_for() -> None:
    wire = Wire()
    for _ in range(2):
        wire.stream.finish()
        wire.stream.finish()
        wire.stream.transmit()
    wire.run()
    assert wire.arrived == [(0, None)]


def test_what_is_sent_together_arrives_together() -> None:
    wire = Wire()
    wire.stream.send(b"spam")
    wire.stream.send(b"eggs")
    wire.stream.transmit()
    wire.run()
    assert wire.arrived == [(0, b"spameggs")]


def test_no_segment_is_larger_than_the_limit() -> None:
    wire = Wire()
    wire.send(bytes(2 * SEGMENT + 1))
    wire.run()
    assert [len(data or b"") for _, data in wire.arrived] == [SEGMENT, SEGMENT, 1]


def test_nothing_overtakes_whatever_the_jitter() -> None:
    wire = Wire(latency_s=0.05, jitter_s=1.0)
    pieces = [bytes([number]) for number in range(100)]
    wire.send(*pieces)
    wire.run()
    assert wire.text == b"".join(pieces)


def test_no_more_than_the_window_is_under_way_or_unread() -> None:
    wire = Wire(window=10)
    wire.send(bytes(25))
    wire.run()
    assert len(wire.text) == 10


def test_who_reads_makes_room_that_is_known_after_the_latency() -> None:
    wire = Wire(window=10, latency_s=0.05)
    wire.send(bytes(25))
    wire.run()
    assert not wire.stream.consume(10)
    wire.run()
    assert [at_ns for at_ns, _ in wire.arrived] == [50 * MS, 200 * MS]


def test_without_latency_room_is_known_at_once() -> None:
    wire = Wire(window=10)
    wire.send(bytes(25))
    wire.run()
    assert wire.stream.consume(10)


def test_a_cut_holds_up_what_is_sent() -> None:
    wire = Wire()
    wire.set_cut(wire.there)
    wire.send(b"spam")
    wire.run(NS)
    assert (wire.is_held, wire.arrived) == (True, [])
    wire.set_cut(wire.there, is_cut=False)
    wire.run()
    assert wire.arrived == [(NS, b"spam")]


def test_a_cut_holds_up_what_is_under_way() -> None:
    wire = Wire(latency_s=1)
    wire.send(b"spam")
    wire.set_cut(wire.there)
    wire.run(5 * NS)
    assert wire.arrived == []
    wire.set_cut(wire.there, is_cut=False)
    wire.run()
    assert wire.arrived == [(6 * NS, b"spam")]


def test_what_was_under_way_when_the_cut_came_arrives_before_what_was_sent_after() -> None:
    wire = Wire(latency_s=1)
    wire.send(b"spam")
    wire.set_cut(wire.there)
    wire.send(b"eggs")
    wire.run(5 * NS)
    wire.set_cut(wire.there, is_cut=False)
    wire.run()
    assert wire.text == b"spameggs"


def test_what_was_held_up_is_sent_again_in_its_order() -> None:
    wire = Wire(latency_s=1, bandwidth=4)
    wire.send(b"spam")
    wire.set_cut(wire.there)
    wire.send(b"eggs")
    wire.run(5 * NS)
    wire.set_cut(wire.there, is_cut=False)
    wire.run()
    assert wire.arrived == [(7 * NS, b"spam"), (8 * NS, b"eggs")]


def test_what_overtakes_on_the_way_waits_for_what_was_sent_before() -> None:
    wire = Wire(latency_s=1)
    wire.send(b"spam")
    wire.there.conditions = Conditions(0.5)
    wire.send(b"eggs")
    wire.run()
    assert wire.arrived == [(NS, b"spam"), (NS, b"eggs")]


def test_a_reset_waits_for_what_was_sent_before() -> None:
    wire = Wire(latency_s=1)
    wire.send(b"spam")
    wire.there.conditions = Conditions(0.5)
    wire.stream.break_off(wire.fail)
    wire.run()
    assert wire.failed_ns == NS


def test_what_passes_after_a_short_cut_waits_for_what_did_not() -> None:
    wire = Wire(latency_s=1)
    wire.send(b"spam")
    wire.run(NS // 2)
    wire.send(b"eggs")
    wire.run(NS - 1)
    wire.set_cut(wire.there)
    wire.run(NS + 1)
    wire.set_cut(wire.there, is_cut=False)
    wire.run()
    assert wire.arrived == [(2 * NS + 1, b"spam"), (2 * NS + 1, b"eggs")]


def test_a_cut_that_is_over_before_a_segment_arrives_is_not_noticed() -> None:
    wire = Wire(latency_s=1)
    wire.send(b"spam")
    wire.set_cut(wire.there)
    wire.set_cut(wire.there, is_cut=False)
    wire.run()
    assert wire.arrived == [(NS, b"spam")]


def test_a_cut_of_the_way_back_holds_up_acknowledgements_alone() -> None:
    wire = Wire(latency_s=1)
    wire.set_cut(wire.back)
    wire.send(b"spam")
    wire.run(5 * NS)
    assert (wire.text, wire.acknowledged) == (b"spam", [])
    wire.set_cut(wire.back, is_cut=False)
    wire.run()
    assert wire.acknowledged == [(6 * NS, 4)]


@pytest.mark.parametrize("latency_s", [0, 1])
def test_a_cut_of_the_way_back_holds_up_the_news_of_room(latency_s: float) -> None:
    wire = Wire(window=4, latency_s=latency_s)
    wire.send(b"spameggs")
    wire.run(2 * NS)
    wire.set_cut(wire.back)
    assert not wire.stream.consume(4)
    wire.run(5 * NS)
    assert wire.text == b"spam"
    wire.set_cut(wire.back, is_cut=False)
    wire.run()
    assert wire.text == b"spameggs"


def test_a_swallowed_stream_neither_sends_nor_hears() -> None:
    wire = Wire()
    wire.stream.is_swallowed = True
    wire.send(b"spam")
    wire.run(5 * NS)
    assert (wire.arrived, wire.acknowledged) == ([], [])


def test_nothing_arrives_at_a_host_that_is_down() -> None:
    wire = Wire()
    wire.there._target.is_up = False
    wire.send(b"spam")
    wire.run(5 * NS)
    assert wire.arrived == []


@pytest.mark.parametrize("way", ["there", "back"])
def test_after_a_quarter_of_an_hour_without_an_acknowledgement_it_gives_up(way: str) -> None:
    wire = Wire()
    wire.run(NS)
    wire.set_cut(getattr(wire, way))
    wire.send(b"spam")
    wire.run()
    assert wire.gave_up_ns == NS + nanoseconds(GIVE_UP_S)


def test_who_has_nothing_to_send_does_not_give_up() -> None:
    wire = Wire()
    wire.set_cut(wire.there, wire.back)
    wire.stream.open()
    wire.run()
    assert wire.gave_up_ns is None


def test_who_has_been_heard_in_time_does_not_give_up() -> None:
    wire = Wire()
    wire.set_cut(wire.there, wire.back)
    wire.send(b"spam")
    wire.run(nanoseconds(GIVE_UP_S) - 1)
    wire.set_cut(wire.there, wire.back, is_cut=False)
    wire.run()
    assert (wire.gave_up_ns, wire.text) == (None, b"spam")


def test_a_full_window_is_no_reason_to_give_up() -> None:
    wire = Wire(window=1)
    wire.send(b"spam")
    wire.run()
    assert wire.gave_up_ns is None


def test_a_reset_arrives_behind_what_is_under_way() -> None:
    wire = Wire(latency_s=1, bandwidth=1)
    wire.send(b"spam")
    wire.stream.break_off(wire.fail)
    wire.run()
    assert (wire.arrived, wire.failed_ns) == ([(5 * NS, b"spam")], 5 * NS)


def test_a_reset_forgets_what_has_not_left() -> None:
    wire = Wire(window=4)
    wire.send(b"spameggs")
    wire.stream.break_off(wire.fail)
    wire.stream.consume(4)
    wire.stream.transmit()
    wire.run()
    assert wire.text == b"spam"


@pytest.mark.parametrize("cut_ns", [0, NS // 2])
def test_a_reset_that_is_swallowed_is_not_sent_again(cut_ns: int) -> None:
    wire = Wire(latency_s=1)
    if not cut_ns:
        wire.set_cut(wire.there)
    wire.stream.break_off(wire.fail)
    wire.run(cut_ns)
    wire.set_cut(wire.there)
    wire.run(5 * NS)
    wire.set_cut(wire.there, is_cut=False)
    wire.run()
    assert wire.failed_ns is None


def test_who_has_gone_sends_nothing_again() -> None:
    wire = Wire(latency_s=1)
    wire.send(b"spam")
    wire.stream.drop()
    wire.set_cut(wire.there)
    wire.run(5 * NS)
    wire.set_cut(wire.there, is_cut=False)
    wire.run()
    assert wire.arrived == []


def test_who_has_gone_takes_nothing_to_send() -> None:
    wire = Wire()
    wire.stream.drop()
    wire.send(b"spam")
    wire.stream.finish()
    wire.stream.transmit()
    assert wire.left == []

"""A virtual clock: what is planned happens in its order."""

from __future__ import annotations

from labkit.simnet.schedule import NS, Schedule, nanoseconds


def run(schedule: Schedule) -> None:
    """Let everything happen."""
    while (at_ns := schedule.next_ns()) is not None:
        schedule.now_ns = at_ns
        schedule.run_due()


def test_what_is_due_earlier_happens_earlier() -> None:
    schedule, happened = Schedule(), list[str]()
    schedule.at(2, lambda: happened.append("eggs"))
    schedule.at(1, lambda: happened.append("spam"))
    run(schedule)
    assert happened == ["spam", "eggs"]


def test_what_is_due_at_the_same_time_happens_as_it_was_planned() -> None:
    schedule, happened = Schedule(), list[int]()
    for number in range(100):
        schedule.at(NS, lambda number=number: happened.append(number))
    run(schedule)
    assert happened == list(range(100))


def test_what_is_planned_for_the_past_happens_now() -> None:
    schedule = Schedule()
    schedule.now_ns = 5
    schedule.at(1, lambda: None)
    assert schedule.next_ns() == 5


def test_a_delay_is_counted_from_now() -> None:
    schedule = Schedule()
    schedule.now_ns = 5
    schedule.after(2, lambda: None)
    assert schedule.next_ns() == 7


def test_what_is_planned_meanwhile_for_now_happens_now() -> None:
    schedule, happened = Schedule(), list[str]()
    schedule.at(0, lambda: schedule.at(0, lambda: happened.append("spam")))
    assert schedule.run_due()
    assert happened == ["spam"]


def test_what_is_cancelled_does_not_happen() -> None:
    schedule, happened = Schedule(), list[str]()
    schedule.at(1, lambda: happened.append("spam")).cancel()
    run(schedule)
    assert happened == []


def test_time_does_not_go_to_what_is_cancelled() -> None:
    schedule = Schedule()
    schedule.at(1, lambda: None).cancel()
    assert schedule.next_ns() is None


def test_nothing_due_is_told() -> None:
    schedule = Schedule()
    schedule.at(1, lambda: None)
    assert not schedule.run_due()


def test_seconds_that_no_float_holds_are_whole_nanoseconds() -> None:
    assert nanoseconds(0.1) + nanoseconds(0.2) == nanoseconds(0.3)

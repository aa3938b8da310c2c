import pytest

from labkit.checks.registry import exercise, exercises, find, lessons, select
from labkit.errors import UsageError


def test_the_exercises_of_a_lesson_come_in_order() -> None:
    assert list(exercises("01")) == [f"01.{n}" for n in range(1, 9)]


def test_every_exercise_says_what_it_wants_and_has_three_hints() -> None:
    for one in exercises().values():
        assert one.about.endswith("."), one.id
        assert all(hint.strip() for hint in one.hints), one.id
        assert one.points > 0


@pytest.mark.parametrize("id", ["01.99", "99.1", "spam", "", "01"])
def test_an_unknown_exercise_is_named_with_those_there_are(id: str) -> None:
    with pytest.raises(UsageError, match="there is no exercise"):
        find(id)


def test_an_unknown_lesson_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"there is no lesson 77; the lessons are 01"):
        exercises("77")


def test_a_selection_may_mix_lessons_and_exercises() -> None:
    assert [one.id for one in select(["01.3", "01"])][:2] == ["01.3", "01.1"]
    assert len(select(["01.3", "01"])) == 8
    assert len(select([])) == len(exercises())
    assert lessons()[0] == "01"


def test_an_exercise_has_one_check() -> None:
    exercises()
    with pytest.raises(ValueError, match=r"01\.1 has two checks"):
        exercise("01.1", symbol="f", points=1, hints=("a", "b", "c"))(lambda s, w: None)  # type: ignore[arg-type,return-value]


def test_a_lesson_may_be_named_by_one_digit() -> None:
    assert find("2.1") is find("02.1")
    assert exercises("2") == exercises("02")

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from labkit.course.exercises import (
    answer_id,
    check_id,
    make_exercise,
    make_solution,
    refuse_regions,
    refuse_unmatched,
)
from labkit.course.manifest import Lesson
from labkit.course.markdown import Cell, parse
from labkit.errors import CourseError

LESSON = Lesson("01_spam", "Spam", "What is in the tin?", 10, ("01.1", "01.2"))
ANSWER = (
    '```python id="ex-01-{0}"\ndef f{0}():\n    ### BEGIN SOLUTION\n    return {0}\n'
    "    ### END SOLUTION\n```\n\n"
)
CHECK = '```python id="check-01-{0}"\ncheck("01.{0}", f{0})\n```\n\n'
SHEET = "# Spam\n\n" + "".join((ANSWER + CHECK).format(k) for k in (1, 2))


def sheet(text: str = SHEET) -> list[Cell]:
    return parse(text, "exercises.md")


def solved(*, second: str = "PASS 01.2 f2 3/3\n") -> Any:
    """The solution as it is after its cells ran."""
    notebook = make_solution(sheet(), LESSON, lambda exercise: int(exercise[-1]))
    for count, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.execution_count = count
    prints = {"check-01-1": "PASS 01.1 f1 3/3\n", "check-01-2": second}
    for cell in notebook.cells:
        if cell.id in prints:
            cell.outputs = [nbformat.v4.new_output("stream", text=prints[cell.id])]
    return notebook


def by_id(notebook: Any) -> dict[str, Any]:
    return {cell.id: cell for cell in notebook.cells}


def refusal(text: str) -> str:
    with pytest.raises(CourseError) as caught:
        refuse_unmatched(sheet(text), LESSON)
    return str(caught.value)


def test_the_cells_of_an_exercise_are_named_after_its_id() -> None:
    assert (answer_id("01.3"), check_id("10.12")) == ("ex-01-3", "check-10-12")


def test_a_learner_gets_the_stub_in_place_of_the_answer() -> None:
    stub = by_id(make_exercise(sheet(), LESSON, solved()))["ex-01-1"]
    assert stub.source == 'def f1():\n    raise NotImplementedError("exercise 01.1")'
    assert stub.outputs == []
    assert stub.execution_count is None


def test_a_check_cell_ships_the_line_that_a_right_answer_prints() -> None:
    checker = by_id(make_exercise(sheet(), LESSON, solved()))["check-01-2"]
    assert [output.text for output in checker.outputs] == ["PASS 01.2 f2 3/3\n"]
    assert checker.execution_count == 4
    assert checker.metadata.tags == ["nbval-check-output"]


def test_the_solution_keeps_its_markers_for_nbgrader() -> None:
    source = by_id(solved())["ex-01-1"].source
    assert "    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION" in source


@pytest.mark.parametrize("notebook", [solved(), make_exercise(sheet(), LESSON, solved())])
def test_both_notebooks_say_the_same_to_nbgrader(notebook: Any) -> None:
    cells = by_id(notebook)
    shared = {"schema_version": 3, "task": False}
    assert cells["ex-01-2"].metadata.nbgrader == shared | {
        "grade_id": "ex-01-2",
        "grade": False,
        "solution": True,
        "locked": False,
    }
    assert cells["check-01-2"].metadata.nbgrader == shared | {
        "grade_id": "check-01-2",
        "grade": True,
        "solution": False,
        "locked": True,
        "points": 2,
    }
    assert "nbgrader" not in cells["start-text-1"].metadata


@pytest.mark.parametrize(
    "printed", ["FAIL 01.2 f2 1/3 · no\n", "PASS 01.2 f2 3/3\nmore\n", "PASS 01.1 f1 3/3\n", ""]
)
def test_a_solution_that_does_not_print_its_passing_line_is_refused(printed: str) -> None:
    with pytest.raises(CourseError, match=r"^exercises\.md: the solution of 01\.2 must print its"):
        make_exercise(sheet(), LESSON, solved(second=printed))


def test_a_sheet_that_matches_the_manifest_is_accepted() -> None:
    refuse_unmatched(sheet(), LESSON)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (CHECK.format(2), "", "exercises.md has no cell check-01-2, but course/course.toml lists"),
        (ANSWER.format(1), "", "exercises.md has no cell ex-01-1, but course/course.toml lists"),
        ("01-2", "01-3", "exercises.md has no cell ex-01-2"),
        (
            CHECK.format(2),
            CHECK.format(2) + (ANSWER + CHECK).format(3),
            "exercises.md has a cell ex-01-3, but course/course.toml lists no such exercise",
        ),
        (
            ANSWER.format(1) + CHECK.format(1),
            CHECK.format(1) + ANSWER.format(1),
            "exercises.md:4: check-01-1 stands before the answer that it checks",
        ),
        ('check("01.2"', 'check("01.1"', 'check-01-2 does not call check("01.2", …)'),
        ('check("01.2", f2)', "check(", 'check-01-2 does not call check("01.2", …)'),
        ('check("01.2", f2)', '# check("01.2", f2)', "check-01-2 does not call check"),
    ],
)
def test_a_sheet_that_does_not_match_the_manifest_is_refused(
    old: str, new: str, message: str
) -> None:
    assert old in SHEET
    assert message in refusal(SHEET.replace(old, new))


def test_exercises_in_another_order_than_the_manifests_are_refused() -> None:
    text = "".join((ANSWER + CHECK).format(k) for k in (2, 1))
    assert "ex-01-2, ex-01-1 are not in the order of course/course.toml" in refusal(text)


def test_a_solution_in_a_cell_that_is_no_answer_is_refused() -> None:
    text = SHEET + ANSWER.format(1).replace("ex-01-1", "spare")
    assert "exercises.md:26: the cell spare holds a solution, but only" in refusal(text)


def test_a_lesson_with_a_solution_is_refused() -> None:
    with pytest.raises(CourseError, match="the cell ex-01-1 holds a solution, but only the answer"):
        refuse_regions(sheet())

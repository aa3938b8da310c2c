"""labkit.grading.marking: which notebook counts, and what is said where none does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from labkit.checks.registry import Exercise
from labkit.grading import marking
from labkit.grading.marking import Loaded, load, mark
from labkit.grading.submissions import Submission

Write = Callable[..., Path]
Lessons = dict[str, Sequence[Exercise]]


@pytest.fixture
def loaded(tmp_path: Path, write: Write, lessons: Lessons) -> Callable[..., Loaded]:
    """Load a submission of these notebooks, each given by its cells."""

    def load_notebooks(*notebooks: Sequence[str] | str) -> Loaded:
        paths = []
        for number, cells in enumerate(notebooks, start=1):
            path = tmp_path / "ada" / f"90_{number}.ipynb"
            paths.append(write(path, *([] if isinstance(cells, str) else cells)))
            if isinstance(cells, str):
                path.write_text(cells)
        return load(Submission("ada", tmp_path / "ada", "90", tuple(paths)), lessons["90"])

    return load_notebooks


async def test_the_best_of_several_notebooks_counts(
    loaded: Callable[..., Loaded], good: tuple[str, ...]
) -> None:
    marked = await mark(loaded(good[:2], good, good[:3]), timeout_s=60)
    assert marked.notebook == "90_2.ipynb"
    assert marked.note == "90_2.ipynb counts, the best of 3 notebooks"
    assert [report.status for report in marked.reports] == ["pass"] * 3


async def test_a_broken_copy_beside_a_good_one_is_only_mentioned(
    loaded: Callable[..., Loaded], good: tuple[str, ...]
) -> None:
    marked = await mark(loaded("{", good), timeout_s=60)
    assert [report.status for report in marked.reports] == ["pass"] * 3
    assert marked.note.startswith("90_1.ipynb is no notebook, because it is not JSON")


async def test_no_more_copies_are_judged_than_anyone_needs(
    loaded: Callable[..., Loaded], good: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "MAX_COPIES", 1)
    marked = await mark(loaded(good[:2], good, good), timeout_s=60)
    assert marked.notebook == "90_1.ipynb"
    assert marked.note == "2 more notebooks of this lesson were not looked at"


async def test_what_cannot_be_judged_gets_no_points_and_the_reason(
    loaded: Callable[..., Loaded],
) -> None:
    marked = await mark(loaded(""), timeout_s=60)
    assert {report.status for report in marked.reports} == {"error"}
    assert {report.message for report in marked.reports} == {marked.note}
    assert marked.note.startswith("90_1.ipynb is empty")


async def test_a_notebook_of_another_course_is_named(loaded: Callable[..., Loaded]) -> None:
    marked = await mark(loaded(["def train(): ..."]), timeout_s=60)
    assert "is it a notebook of another course?" in marked.note


async def test_a_defect_of_the_grader_costs_no_other_submission(
    loaded: Callable[..., Loaded], good: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("no more processes")

    monkeypatch.setattr(marking, "judge_notebook", fail)
    marked = await mark(loaded(good), timeout_s=60)
    assert "90_1.ipynb could not be judged, a defect of labkit: RuntimeError" in marked.note


async def test_random_inputs_are_the_same_for_the_same_notebook_and_for_no_other(
    loaded: Callable[..., Loaded], good: tuple[str, ...]
) -> None:
    tell = "def double(x):\n    if x == 2: return 4\n    raise ValueError(x)"
    first, again, other = [
        (await mark(loaded(cells), timeout_s=60)).reports[0].message
        for cells in ([tell], [tell], [tell, "# mine"])
    ]
    assert first == again != other


def test_the_fingerprint_changes_with_the_notebook_the_reason_and_the_time(
    loaded: Callable[..., Loaded], good: tuple[str, ...]
) -> None:
    prints = [
        loaded(good).fingerprint(60),
        loaded(good[:2]).fingerprint(60),
        loaded("{").fingerprint(60),
        loaded("").fingerprint(60),
        loaded(good).fingerprint(30),
    ]
    assert len(set(prints)) == len(prints)
    assert loaded(good).fingerprint(60) == prints[0]

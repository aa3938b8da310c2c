"""labkit.grading.folder: which notebooks of a folder are checked, and what is said of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.checks.registry import select
from labkit.checks.report import Report
from labkit.errors import CourseError, UsageError
from labkit.grading.folder import check_folder, check_notebook, notebooks_in

Write = Callable[..., Path]
MASK = "def apply_mask(data, key): return bytes(b ^ key[i % 4] for i, b in enumerate(data))"


def test_a_lessons_notebook_is_known_by_its_name(tmp_path: Path, write: Write) -> None:
    for name in ("01_protocol", "01_protocol-Copy1", "notes", "02_setup"):
        write(tmp_path / f"{name}.ipynb")
    assert {lesson: path.name for lesson, path in notebooks_in(tmp_path).items()} == {
        "01": "01_protocol.ipynb",
        "02": "02_setup.ipynb",
    }


def test_two_notebooks_for_one_lesson_are_a_mistake(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "01_old.ipynb")
    write(tmp_path / "01_protocol.ipynb")
    with pytest.raises(UsageError, match=r"two notebooks for lesson 01, 01_old.ipynb and 01_prot"):
        notebooks_in(tmp_path)


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory; run this in"):
        notebooks_in(tmp_path / "nowhere")


async def test_only_the_chosen_exercises_are_judged_in_order(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "01_protocol.ipynb", MASK)
    heard: list[Report] = []
    reports, problems = await check_folder(tmp_path, select(["01.3", "01.1"]), observe=heard.append)
    assert [(one.exercise, one.status) for one in reports] == [("01.3", "pass"), ("01.1", "todo")]
    assert (heard, problems) == (reports, [])


async def test_a_missing_notebook_is_named(tmp_path: Path) -> None:
    reports, problems = await check_folder(tmp_path, select(["01.3"]))
    assert reports == []
    assert problems == [f"there is no notebook of lesson 01 in {tmp_path}, 01_….ipynb"]


async def test_a_broken_notebook_is_named(tmp_path: Path) -> None:
    (tmp_path / "01_protocol.ipynb").write_text("{")
    reports, problems = await check_folder(tmp_path, select(["01.3"]))
    assert reports == []
    assert problems[0].startswith("01_protocol.ipynb is no notebook, because it is not JSON")


async def test_a_notebook_of_another_course_is_named(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "01_intro.ipynb", "def train(): ...")
    with pytest.raises(CourseError, match="is it a notebook of another course"):
        await check_notebook(path, select(["01"]))

"""labkit.grading.submissions: whose notebooks are where."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.errors import UsageError
from labkit.grading.submissions import Submission, find_submissions

Write = Callable[..., Path]
SYMBOLS = {"90": ["double"], "91": ["serve"]}


def _found(*folders: Path) -> list[Submission]:
    return find_submissions(folders, SYMBOLS, out=folders[0] / "graded")


def _told(found: list[Submission]) -> list[tuple[str, str, list[str]]]:
    return [(one.student, one.lesson, [path.name for path in one.notebooks]) for one in found]


def test_each_student_and_lesson_is_a_submission(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "bob/90_a.ipynb")
    write(tmp_path / "ada/deep/er/91_b.ipynb")
    write(tmp_path / "ada/90_a.ipynb")
    assert _told(_found(tmp_path)) == [
        ("ada", "90", ["90_a.ipynb"]),
        ("ada", "91", ["91_b.ipynb"]),
        ("bob", "90", ["90_a.ipynb"]),
    ]


def test_two_notebooks_for_one_lesson_are_one_submission(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/90_a.ipynb")
    write(tmp_path / "ada/old/90_a.ipynb")
    assert _told(_found(tmp_path)) == [("ada", "90", ["90_a.ipynb", "90_a.ipynb"])]


def test_a_renamed_notebook_is_known_by_its_answers(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/Untitled.ipynb", "def serve(): ...")
    assert _told(_found(tmp_path)) == [("ada", "91", ["Untitled.ipynb"])]


def test_what_no_lesson_claims_is_named(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/scratch.ipynb", "x = 1")
    (found,) = _found(tmp_path)
    assert (found.lesson, found.reason) == ("", "scratch.ipynb holds no answer of this course")


def test_a_broken_notebook_of_no_known_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada/mine.ipynb").write_text("{")
    (found,) = _found(tmp_path)
    assert found.reason.startswith("mine.ipynb is no notebook, because it is not JSON")


def test_a_student_without_notebooks_is_named(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (found,) = _found(tmp_path)
    assert (found.student, found.reason) == ("ada", "no notebook was handed in")


def test_checkpoints_and_hidden_files_are_nobodys_work(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/90_a.ipynb")
    write(tmp_path / "ada/.ipynb_checkpoints/90_a-checkpoint.ipynb")
    write(tmp_path / "ada/._90_a.ipynb")
    write(tmp_path / "ada/__MACOSX/90_a.ipynb")
    assert _told(_found(tmp_path)) == [("ada", "90", ["90_a.ipynb"])]


def test_a_link_out_of_the_students_folder_is_refused(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/90_a.ipynb")
    (tmp_path / "mallory").mkdir()
    (tmp_path / "mallory/90_a.ipynb").symlink_to(tmp_path / "ada/90_a.ipynb")
    (mallory,) = (one for one in _found(tmp_path) if one.student == "mallory")
    assert mallory.reason == "90_a.ipynb is a link out of the student's folder"
    assert mallory.lesson == "90"


def test_a_link_inside_the_students_folder_is_fine(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/work.ipynb", "def double(): ...")
    (tmp_path / "ada/90_a.ipynb").symlink_to(tmp_path / "ada/work.ipynb")
    assert [(one.lesson, one.reason) for one in _found(tmp_path)] == [("90", "")]


def test_a_students_folder_that_is_a_link_is_refused(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/90_a.ipynb")
    (tmp_path / "mallory").symlink_to(tmp_path / "ada")
    assert _found(tmp_path)[-1].reason == "the student's folder is a link"


def test_what_is_refused_does_not_stand_beside_what_counts(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/90_a.ipynb")
    (tmp_path / "ada/90_b.ipynb").symlink_to("/dev/null")
    assert _told(_found(tmp_path)) == [("ada", "90", ["90_a.ipynb"])]


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "ada/90_a.ipynb")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "ada":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (found,) = _found(tmp_path)
    assert found.reason == "the folder ada cannot be read: Permission denied"


def test_one_name_in_two_folders_is_two_students(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "morning/ada/90_a.ipynb")
    write(tmp_path / "evening/ada/90_a.ipynb")
    write(tmp_path / "evening/bob/90_a.ipynb")
    found = _found(tmp_path / "morning", tmp_path / "evening")
    assert [one.student for one in found] == ["bob", "evening/ada", "morning/ada"]


def test_folders_of_one_name_are_told_apart_by_what_is_above(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "week1/in/ada/90_a.ipynb")
    write(tmp_path / "week2/in/ada/90_a.ipynb")
    found = _found(tmp_path / "week1/in", tmp_path / "week2/in")
    assert [one.student for one in found] == ["week1/in/ada", "week2/in/ada"]


def test_the_same_folder_twice_is_one(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/90_a.ipynb")
    assert len(_found(tmp_path, tmp_path / "ada/..")) == 1


def test_the_output_folder_is_no_student(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "ada/90_a.ipynb")
    (tmp_path / "graded").mkdir()
    assert [one.student for one in _found(tmp_path)] == ["ada"]


def test_a_name_that_is_not_utf_8_can_be_written_down(tmp_path: Path, write: Write) -> None:
    write(tmp_path / os.fsdecode(b"\xffada") / "90_a.ipynb")
    assert _found(tmp_path)[0].student == "\\xffada"


def test_a_folder_without_students_is_a_mistake(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "90_a.ipynb")
    with pytest.raises(UsageError, match=r"no submissions in .*: expected a folder for each"):
        _found(tmp_path)


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory; give the"):
        _found(tmp_path / "nowhere")

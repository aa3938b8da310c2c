from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.course.build import FOLDERS, build, built_paths, differences, write
from labkit.course.manifest import read_course
from labkit.errors import CourseError

Edit = Callable[[str, str, str], None]
PATHS = ["notebooks/01_spam.ipynb", "exercises/01_spam.ipynb", "solutions/01_spam.ipynb"]


def built_from(root: Path) -> dict[str, bytes]:
    return build(root, points_of=lambda exercise: 1)


def outputs(notebook: bytes) -> dict[str, list[dict[str, object]]]:
    cells = json.loads(notebook)["cells"]
    return {cell["id"]: cell["outputs"] for cell in cells if cell["cell_type"] == "code"}


@pytest.fixture(scope="module")
def built(small_course: Path) -> dict[str, bytes]:
    return built_from(small_course)


def test_a_written_lesson_gives_three_notebooks_and_a_planned_one_none(course: Path) -> None:
    assert built_paths(read_course(course)) == PATHS


def test_a_lesson_stores_what_its_cells_print(built: dict[str, bytes]) -> None:
    shown = outputs(built[PATHS[0]])
    assert [each.get("text") for each in shown["tin"]] == [["spam\n"], ["a note\n"], None]
    assert shown["empty-tin"][0]["traceback"] == ["IndexError: pop from empty list"]
    assert shown["clock"] == shown["never"] == []


def test_exercises_store_the_passing_lines_and_nothing_else(built: dict[str, bytes]) -> None:
    shown = outputs(built[PATHS[1]])
    lines = {id: each[0]["text"] for id, each in shown.items() if each}
    assert lines == {
        "check-01-1": ["PASS 01.1 double 1/1\n"],
        "check-01-2": ["PASS 01.2 square 1/1\n"],
    }


def test_no_solution_is_in_the_exercises(built: dict[str, bytes]) -> None:
    assert b"number + number" in built[PATHS[2]]
    assert b"number + number" not in built[PATHS[1]]
    assert b"SOLUTION" not in built[PATHS[1]]


def test_a_second_build_gives_the_same_bytes(built: dict[str, bytes], small_course: Path) -> None:
    assert built_from(small_course) == built


def test_windows_line_ends_in_the_sources_make_no_difference(
    built: dict[str, bytes], course: Path
) -> None:
    for source in (course / "course" / "01_spam").iterdir():
        source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    assert built_from(course) == built


def test_each_notebook_that_is_done_is_told(course: Path) -> None:
    told: list[str] = []
    build(course, points_of=lambda exercise: 1, finished=told.append)
    assert sorted(told) == sorted(PATHS)


def test_what_was_written_has_no_differences(built: dict[str, bytes], tmp_path: Path) -> None:
    assert write(tmp_path, built) == PATHS
    assert differences(tmp_path, built) == []


def test_what_did_not_change_is_not_written_again(built: dict[str, bytes], tmp_path: Path) -> None:
    write(tmp_path, built)
    before = [(tmp_path / path).stat().st_mtime_ns for path in PATHS]
    assert write(tmp_path, built) == []
    assert [(tmp_path / path).stat().st_mtime_ns for path in PATHS] == before


def test_writing_leaves_nothing_beside_the_notebooks(
    built: dict[str, bytes], tmp_path: Path
) -> None:
    write(tmp_path, built)
    for folder in FOLDERS:
        assert [path.name for path in (tmp_path / folder).iterdir()] == ["01_spam.ipynb"]


@pytest.mark.parametrize("path", PATHS)
def test_a_change_of_any_byte_is_seen(built: dict[str, bytes], tmp_path: Path, path: str) -> None:
    write(tmp_path, built)
    for place in range(0, len(built[path]), 97):
        data = bytearray(built[path])
        data[place] ^= 1
        (tmp_path / path).write_bytes(data)
        (difference,) = differences(tmp_path, built)
        assert difference.startswith(f"{path} is not what its source says; first difference: ")


def test_the_first_cell_that_differs_is_named(built: dict[str, bytes], tmp_path: Path) -> None:
    stored = built | {PATHS[1]: built[PATHS[1]].replace(b"PASS 01.2", b"FAIL 01.2")}
    write(tmp_path, stored)
    assert differences(tmp_path, built) == [
        "exercises/01_spam.ipynb is not what its source says; first difference: "
        "the outputs of cell 6, check-01-2"
    ]


def test_a_notebook_that_is_missing_is_named(built: dict[str, bytes], tmp_path: Path) -> None:
    write(tmp_path, built)
    (tmp_path / PATHS[2]).unlink()
    assert differences(tmp_path, built) == [f"{PATHS[2]} cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("lesson.md", '["spam"] * 2', "[", "cell tin failed with SyntaxError"),
        ("lesson.md", ' tags=["raises-exception"]', "", "failed with IndexError: pop from empty"),
        ("exercises.md", "number * number", "number ** 3", "01.2 must print its PASS line: FAIL"),
    ],
)
def test_a_course_that_does_not_run_is_refused_with_the_first_reason(
    course: Path, edit: Edit, file: str, old: str, new: str, message: str
) -> None:
    edit(f"01_spam/{file}", old, new)
    with pytest.raises(CourseError, match=rf"^course/01_spam/{file}: .*{message}"):
        built_from(course)


@pytest.mark.parametrize("file", ["lesson.md", "exercises.md"])
def test_an_empty_source_is_refused(course: Path, file: str) -> None:
    (course / "course" / "01_spam" / file).write_text("\n")
    with pytest.raises(CourseError, match=f"course/01_spam/{file} is empty"):
        built_from(course)


def test_an_exercise_without_a_check_has_no_points(course: Path, edit: Edit) -> None:
    for file in ("course.toml", "01_spam/exercises.md"):
        edit(file, "01.2", "01.99")
    edit("01_spam/exercises.md", "01-2", "01-99")
    with pytest.raises(Exception, match=r"there is no exercise 01\.99"):
        build(course)

"""labkit.grading.gradebook: a class is graded to its end, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from labkit.checks.registry import Exercise
from labkit.errors import CourseError, UsageError
from labkit.grading import gradebook
from labkit.grading.gradebook import Grades, grade
from labkit.grading.marking import mark

Write = Callable[..., Path]
Graded = Callable[..., Coroutine[Any, Any, Grades]]


@pytest.fixture
def graded(tmp_path: Path, lessons: dict[str, Sequence[Exercise]]) -> Graded:
    async def grade_class(**options: Any) -> Grades:
        return await grade([tmp_path / "class"], tmp_path / "out", lessons, **options)

    return grade_class


def _table(tmp_path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO((tmp_path / "out/grades.csv").read_text())))


def _lines(tmp_path: Path) -> list[dict[str, Any]]:
    text = (tmp_path / "out/results.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


async def test_grades_results_and_feedback_are_written(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good)
    write(tmp_path / "class/bob/90_a.ipynb", *good[:2])
    await graded()
    assert _table(tmp_path) == [["student", "90", "total"], ["ada", "6", "6"], ["bob", "2", "2"]]
    assert [(one["student"], one["exercise"], one["status"]) for one in _lines(tmp_path)] == [
        ("ada", "90.1", "pass"),
        ("ada", "90.2", "pass"),
        ("ada", "90.3", "pass"),
        ("bob", "90.1", "pass"),
        ("bob", "90.2", "todo"),
        ("bob", "90.3", "todo"),
    ]
    assert "6 of 6 points" in (tmp_path / "out/feedback/ada/90_a.html").read_text()


async def test_every_submission_has_a_grade_or_a_reason(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good)
    write(tmp_path / "class/bob/90_a.ipynb").write_text("{")
    write(tmp_path / "class/eve/90_a.ipynb").write_text("")
    write(tmp_path / "class/mallory/90_a.ipynb", "import os\nos._exit(0)", *good)
    (tmp_path / "class/nobody").mkdir()
    await graded(jobs=2)
    points = {row[0]: row[-1] for row in _table(tmp_path)[1:]}
    assert points == {"ada": "6", "bob": "0", "eve": "0", "mallory": "6", "nobody": "0"}
    reasons = {one["student"]: one["message"] for one in _lines(tmp_path)}
    assert "is not JSON" in reasons["bob"]
    assert "is empty" in reasons["eve"]
    assert reasons["nobody"] == "no notebook was handed in"


async def test_a_lesson_that_was_not_handed_in_has_no_grade(
    tmp_path: Path,
    write: Write,
    lessons: dict[str, Sequence[Exercise]],
    good: tuple[str, ...],
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good)
    two = {"90": lessons["90"], "91": ()}
    await grade([tmp_path / "class"], tmp_path / "out", two)
    assert _table(tmp_path) == [["student", "90", "91", "total"], ["ada", "6", "", "6"]]


async def test_the_table_holds_no_formula(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    for name in ("=1+1", "+ada", "-bob", "@eve", "O'Hara", 'a,"b'):
        write(tmp_path / "class" / name / "90_a.ipynb", DOUBLE)
    await graded()
    names = [row[0] for row in _table(tmp_path)[1:]]
    assert sorted(names) == sorted(["'=1+1", "'+ada", "'-bob", "'@eve", "O'Hara", 'a,"b'])
    assert {one["student"] for one in _lines(tmp_path)} >= {"=1+1", "@eve"}


async def test_the_message_says_which_of_several_notebooks_counts(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good[:2])
    write(tmp_path / "class/ada/final/90_b.ipynb", *good)
    await graded()
    assert {one["message"] for one in _lines(tmp_path)} == {
        "90_b.ipynb counts, the best of 2 notebooks"
    }
    assert (tmp_path / "out/feedback/ada/90_b.html").exists()


async def test_a_renamed_notebooks_page_carries_the_lesson(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    write(tmp_path / "class/ada/Untitled.ipynb", *good)
    await graded()
    assert (tmp_path / "out/feedback/ada/90_Untitled.html").exists()


async def test_what_was_graded_is_not_graded_again(
    tmp_path: Path,
    write: Write,
    graded: Graded,
    good: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good)
    await graded()
    before = _table(tmp_path), _lines(tmp_path)
    monkeypatch.delattr(gradebook, "mark")
    assert (await graded()).kept == 1
    assert (_table(tmp_path), _lines(tmp_path)) == before


async def test_a_notebook_that_was_changed_is_graded_again(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good[:2])
    write(tmp_path / "class/bob/90_a.ipynb", *good)
    await graded()
    write(tmp_path / "class/ada/90_a.ipynb", *good)
    assert (await graded()).kept == 1
    assert _table(tmp_path)[1:] == [["ada", "6", "6"], ["bob", "6", "6"]]
    assert len(_lines(tmp_path)) == 6


async def test_a_submission_whose_page_is_gone_is_graded_again(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good)
    await graded()
    (tmp_path / "out/feedback/ada/90_a.html").unlink()
    assert (await graded()).kept == 0
    assert (tmp_path / "out/feedback/ada/90_a.html").exists()


async def test_a_submission_that_was_taken_back_leaves_no_grade(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good)
    write(tmp_path / "class/bob/90_a.ipynb", *good)
    await graded()
    (tmp_path / "class/bob/90_a.ipynb").unlink()
    (tmp_path / "class/bob").rmdir()
    await graded()
    assert [row[0] for row in _table(tmp_path)] == ["student", "ada"]
    assert {one["student"] for one in _lines(tmp_path)} == {"ada"}


async def test_wherever_a_kill_cut_the_results_the_grades_are_the_same_in_the_end(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    for name in ("ada", "bob", "eve"):
        write(tmp_path / "class" / name / "90_a.ipynb", *good)
    await graded()
    results = tmp_path / "out/results.jsonl"
    whole, table = results.read_bytes(), _table(tmp_path)
    for end in range(0, len(whole), len(whole) // 7):
        results.write_bytes(whole[:end])
        (tmp_path / "out/grades.csv").unlink()
        await graded()
        assert results.read_bytes() == whole
        assert _table(tmp_path) == table


async def test_the_number_of_notebooks_judged_at_a_time_is_bounded(
    tmp_path: Path, write: Write, graded: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        write(tmp_path / f"class/s{number}/90_a.ipynb", DOUBLE)
    now, most = 0, 0

    async def count(*arguments: Any, **options: Any) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return await mark(*arguments, **options)
        finally:
            now -= 1

    monkeypatch.setattr(gradebook, "mark", count)
    await graded(jobs=2)
    assert most == 2


async def test_progress_is_told(tmp_path: Path, write: Write, graded: Graded) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", DOUBLE)
    write(tmp_path / "class/bob/90_a.ipynb", DOUBLE)
    seen: list[tuple[int, int]] = []
    await graded(observe=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


async def test_two_gradings_do_not_share_a_folder(
    tmp_path: Path, write: Write, graded: Graded, good: tuple[str, ...]
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", *good)
    (tmp_path / "out").mkdir()
    first = asyncio.create_task(graded())
    async with asyncio.timeout(10):
        while "results.jsonl" not in os.listdir(tmp_path / "out"):
            await asyncio.sleep(0.001)
    with pytest.raises(UsageError, match="another grading is writing to"):
        await graded()
    assert (await first).submissions == 1


async def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, write: Write, graded: Graded
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", DOUBLE)
    (tmp_path / "out").write_text("a file")
    with pytest.raises(CourseError, match="the grades cannot be written to"):
        await graded()


async def test_a_disk_that_fails_on_the_way_is_one_sentence(
    tmp_path: Path, write: Write, graded: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "class/ada/90_a.ipynb", DOUBLE)

    def fail(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gradebook, "append_results", fail)
    with pytest.raises(CourseError, match="No space left on device"):
        await graded()


def test_a_grading_that_is_killed_goes_on_where_it_was(tmp_path: Path, write: Write) -> None:
    for number in range(6):
        write(tmp_path / f"class/s{number}/01_protocol.ipynb", "def accept_key(key): return key")
    command = textwrap.dedent("""
        import asyncio, pathlib, sys
        from labkit.checks.registry import exercises
        from labkit.grading.gradebook import grade
        folder, out = map(pathlib.Path, sys.argv[1:])
        lessons = {"01": list(exercises("01").values())}
        tell = lambda done, total: print(done, flush=True)
        print("kept", asyncio.run(grade([folder], out, lessons, observe=tell)).kept)
    """)
    start = [sys.executable, "-c", command, str(tmp_path / "class"), str(tmp_path / "out")]
    # A killed grading cannot remove its boxes' folders.
    here = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(start, env=here, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        while killed.stdout.readline() != "2\n":
            pass
        killed.send_signal(signal.SIGKILL)
    again = subprocess.run(start, capture_output=True, text=True, check=True)
    kept = int(again.stdout.rpartition("kept ")[2])
    assert 2 <= kept < 6
    assert len(_table(tmp_path)) == 7
    assert len(_lines(tmp_path)) == 48


DOUBLE = "def double(x): return 2 * x"

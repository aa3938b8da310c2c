"""labkit list, check, watch, hint and reset, as they are typed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest

from labkit.checks.progress import Progress
from labkit.checks.report import Report
from labkit.cli.main import main

Run = Callable[..., int]
ROOT = Path(__file__).parents[2]
MASK = "def apply_mask(data, key): return bytes(b ^ key[i % 4] for i, b in enumerate(data))"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the course, in which the learner stands."""
    (tmp_path / "course").mkdir()
    shutil.copy(ROOT / "course/course.toml", tmp_path / "course")
    for folder in ("exercises", "solutions"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line; return what it exits with."""

    def run_command(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["labkit", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run_command


def _answer(course: Path, *sources: str) -> Path:
    path = course / "exercises/01_protocol.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"] += [{"cell_type": "code", "source": source} for source in sources]
    path.write_text(json.dumps(notebook))
    return path


def test_every_solution_passes(course: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--from", "solutions", "--json") == 0
    verdicts = json.loads(capsys.readouterr().out)
    assert {one["status"] for one in verdicts} == {"pass"}
    assert all(one["points"] == one["max_points"] for one in verdicts)


def test_every_exercise_is_todo_at_first(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", "--json") == 1
    verdicts = json.loads(capsys.readouterr().out)
    assert {one["status"] for one in verdicts} == {"todo"}
    assert set(verdicts[0]) == {"exercise", "status", "points", "max_points", "message"}


def test_verdicts_read_as_in_a_cell_and_a_summary_ends_them(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    _answer(course, MASK)
    assert run("check", "01.3", "01.1") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("PASS 01.3 apply_mask ")
    assert lines[1] == "TODO 01.1 accept_key"
    assert lines[-1] == ("1 of 2 exercises pass, 1 of 2 points, in the notebooks as they are saved")


def test_answers_in_the_courses_own_exercises_are_recorded(course: Path, run: Run) -> None:
    _answer(course, MASK)
    run("check", "01.3")
    assert Progress(course).standings()["01.3"].status == "pass"


def test_answers_elsewhere_are_not(course: Path, run: Run) -> None:
    run("check", "01.3", "--from", "solutions")
    assert Progress(course).standings() == {}


def test_the_course_is_found_from_inside_it(
    course: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(course / "exercises")
    assert run("check", "01.3") == 1


def test_a_progress_file_that_is_broken_hides_no_verdict(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    _answer(course, MASK)
    (course / ".labkit").mkdir()
    (course / ".labkit/progress.sqlite").write_text("not a database" * 100)
    assert run("check", "01.3") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("PASS 01.3")
    assert "progress.sqlite cannot be used" in printed.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["check", "01.99"], "there is no exercise 01.99; lesson 01 has 01.1, "),
        (["check", "banana"], "there is no lesson banana"),
        (["check", "77"], "there is no lesson 77; "),
        (["check", "--from", "nowhere"], "the folder nowhere cannot be read"),
        (["check", "--from", "course"], "there is no notebook of lesson 01 in course"),
        (["watch", "--from", "nowhere"], "the folder nowhere cannot be read"),
        (["hint", "01.99"], "there is no exercise 01.99"),
        (["reset", "01.99"], "there is no exercise 01.99"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("labkit: ")
    assert error.count("\n") == 1


def test_a_notebook_of_another_course_is_one_sentence(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    path = course / "exercises/01_protocol.ipynb"
    path.write_text('{"cells": [{"cell_type": "code", "source": "def train(): ..."}]}')
    assert run("check") == 2
    assert "is it a notebook of another course?" in capsys.readouterr().err


def test_outside_of_a_course_it_says_where_to_go(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("check") == 2
    assert "run this in the course folder, or name a folder" in capsys.readouterr().err


def test_list_tells_points_and_standing(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    _answer(course, MASK)
    run("check", "01.3")
    capsys.readouterr()
    assert run("list") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["lesson", "01"]
    assert ["01.3", "apply_mask", "pass", "1", "of", "1"] in [row[:6] for row in rows]
    assert ["01.1", "accept_key", "open", "0", "of", "1"] in [row[:6] for row in rows]


def test_list_as_json_is_complete(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("list", "--json") == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert first["exercise"] == "01.1"
    assert (first["points"], first["max_points"], first["status"]) == (0.0, 1, "open")


def test_an_answer_that_is_not_saved_is_not_taken_away(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    Progress(course).record(Report("01.3", "apply_mask", "pass", 2.0, 2.0))
    assert run("check", "01.2", "01.3") == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "the file has no answer to 01.3, your notebook had: is it saved?"
    )
    assert Progress(course).standings()["01.3"].status == "pass"


def test_hints_come_one_after_another(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for level in (1, 2, 3, 3):
        assert run("hint", "01.3") == 0
        assert capsys.readouterr().out.startswith(f"hint {level} of 3 for 01.3 apply_mask: ")


def test_reset_puts_the_stub_back_and_forgets_the_standing(
    course: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    path = course / "exercises/01_protocol.ipynb"
    before = path.read_text()
    path.write_text(before.replace("exercise 01.3", "mine"))
    run("check", "01.3")
    assert run("reset", "01.3") == 0
    assert "exercise 01.3" in path.read_text()
    assert "01.3" not in Progress(course).standings()
    backup = capsys.readouterr().out.split("as you had it: ")[1].splitlines()[0]
    assert "mine" in (course / backup).read_text()


def test_watch_checks_a_notebook_again_when_it_is_saved_and_ends_quietly(course: Path) -> None:
    command = [sys.executable, "-u", "-m", "labkit", "watch"]
    with subprocess.Popen(
        command, cwd=course, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        bound = Timer(60, watching.kill)
        bound.start()
        lines = iter(watching.stdout.readline, "")
        assert next(lines).startswith("watching ")
        assert next(lines) == "01_protocol.ipynb: 8 verdicts are new\n"
        _answer(course, MASK)
        assert any(line.startswith("01_protocol.ipynb: 1 verdict is new") for line in lines)
        assert next(lines).startswith("PASS 01.3 apply_mask ")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 0
        assert watching.stderr.read() == ""
        bound.cancel()

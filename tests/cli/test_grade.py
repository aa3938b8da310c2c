"""labkit grade, as it is typed."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.cli.main import main

Run = Callable[..., int]
ROOT = Path(__file__).parents[2]
NAME = "01_protocol.ipynb"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command line in an empty folder; return what it exits with."""
    monkeypatch.chdir(tmp_path)

    def run_command(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["labkit", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run_command


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    """Ada has solved everything, Bob nothing, and Eve's file is broken."""
    for student, folder in (("ada", "solutions"), ("bob", "exercises")):
        (tmp_path / "class" / student).mkdir(parents=True)
        shutil.copy(ROOT / folder / NAME, tmp_path / "class" / student)
    (tmp_path / "class/eve").mkdir()
    (tmp_path / "class/eve" / NAME).write_text("{")
    return tmp_path / "class"


def test_a_class_is_graded(
    class_folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("grade", "class", "--out", "out") == 0
    with (tmp_path / "out/grades.csv").open(newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    lessons = json.loads((tmp_path / "out/results.jsonl").read_text().splitlines()[0])
    assert rows["ada"]["01"] == rows["ada"]["total"] != "0"
    assert (rows["bob"]["total"], rows["eve"]["total"]) == ("0", "0")
    assert lessons["exercise"] == "01.1"
    for student in ("ada", "bob", "eve"):
        assert (tmp_path / f"out/feedback/{student}/01_protocol.html").exists()
    out = capsys.readouterr().out
    assert "3 students, 3 notebooks" in out
    assert f"no grade for eve: {NAME} is no notebook" in out


def test_json_holds_every_student_and_every_reason(
    class_folder: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("grade", "class", "--out", "out", "--json", "--jobs", "2") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["submissions"] == 3
    totals = {one["student"]: one["total"] for one in summary["students"]}
    assert totals["ada"] > totals["bob"] == totals["eve"] == 0
    assert [one["student"] for one in summary["reasons"]] == ["eve"]


def test_the_same_command_again_grades_nothing_again(
    class_folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("grade", "class", "--out", "out")
    before = (tmp_path / "out/grades.csv").read_bytes()
    capsys.readouterr()
    assert run("grade", "class", "--out", "out") == 0
    assert "3 of them graded before" in capsys.readouterr().out
    assert (tmp_path / "out/grades.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere", "--out", "out"], "the folder nowhere cannot be read"),
        (["empty", "--out", "out"], "there are no submissions in empty"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    sentence: str,
) -> None:
    (tmp_path / "empty").mkdir()
    assert run("grade", *words) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words", [["--out", "o"], ["class"], ["class", "--out", "o", "--jobs", "0"]]
)
def test_a_command_that_lacks_something_is_exit_2(run: Run, words: list[str]) -> None:
    assert run("grade", *words) == 2


def test_ctrl_c_says_how_to_go_on(class_folder: Path, tmp_path: Path) -> None:
    for number in range(40):
        shutil.copytree(class_folder / "ada", class_folder / f"s{number}")
    command = [sys.executable, "-m", "labkit", "grade", "class", "--out", "out", "--jobs", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as grading:
        while not (tmp_path / "out/feedback").exists():
            assert grading.poll() is None
            time.sleep(0.02)
        grading.send_signal(signal.SIGINT)
        _, error = grading.communicate(timeout=60)
    assert grading.returncode == 130
    assert error == "stopped; the same command goes on from here\n"

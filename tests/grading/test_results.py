"""labkit.grading.results: what a kill may cost, and what not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.grading.results import (
    Result,
    append_results,
    read_results,
    write_results,
    write_whole,
)

ADA = Result("ada", "90", "90.1", "pass", 2.0, 2.0, "", "90_a.ipynb", "abc")
BOB = Result("bob", "90", "90.1", "fail", 0.0, 2.0, "two becomes four", "90_a.ipynb", "def")


def test_no_file_holds_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path / "results.jsonl") == []


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_results(path, [ADA])
    append_results(path, [BOB])
    assert read_results(path) == [ADA, BOB]


def test_a_line_is_json_with_a_name_for_everything(tmp_path: Path) -> None:
    write_results(tmp_path / "results.jsonl", [BOB])
    line = json.loads((tmp_path / "results.jsonl").read_text())
    assert line == {
        "student": "bob",
        "lesson": "90",
        "exercise": "90.1",
        "status": "fail",
        "points": 0.0,
        "max_points": 2.0,
        "message": "two becomes four",
        "notebook": "90_a.ipynb",
        "fingerprint": "def",
    }


def test_wherever_a_kill_cuts_a_line_the_ones_before_it_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_results(path, [ADA, BOB])
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert read_results(path) == [ADA]


@pytest.mark.parametrize("junk", [b"\x00" * 50, b"{}", b"\xff\xfe", b"[1, 2]"])
def test_a_line_that_is_no_result_is_passed_over(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "results.jsonl"
    write_results(path, [ADA])
    path.write_bytes(junk + b"\n" + path.read_bytes())
    assert read_results(path) == [ADA]


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "grades.csv"
    write_whole(path, b"old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("killed just here")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="killed just here"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from labkit.checks.host import Host
from labkit.checks.notebook import check, hint, scorecard
from labkit.checks.progress import Progress

KEY = bytes.fromhex("37fa213d")


def apply_mask(data: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


def hang(data: bytes, key: bytes) -> bytes:
    while True:
        pass


def threads_of_labkit() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("labkit-")]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "course.toml").touch()
    (tmp_path / "exercises").mkdir()
    monkeypatch.chdir(tmp_path / "exercises")
    return tmp_path


def test_a_right_answer_prints_one_line_and_returns_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check("01.3", apply_mask) is None
    assert capsys.readouterr().out == "PASS 01.3 apply_mask 4/4\n"


def test_an_answer_under_another_name_is_checked_as_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check("01.3", lambda data, key: apply_mask(data, key))
    assert capsys.readouterr().out == "PASS 01.3 apply_mask 4/4\n"


def test_without_an_answer_the_notebooks_own_is_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check("01.3")
    monkeypatch.setattr(sys.modules["__main__"], "apply_mask", apply_mask, raising=False)
    check("01.3")
    todo, _, passed, _ = capsys.readouterr().out.split("\n")
    assert todo == "TODO 01.3 apply_mask"
    assert passed == "PASS 01.3 apply_mask 4/4"


async def test_a_check_runs_where_a_loop_is_running_already(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check("01.3", apply_mask)
    assert capsys.readouterr().out.startswith("PASS")


def test_an_answer_that_does_not_come_back_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    check("01.3", hang)
    told = capsys.readouterr().out
    assert told.startswith("FAIL 01.3 apply_mask 0/4")
    assert "it did not return within 2 s, still at line " in told


def test_an_answer_that_never_replies_is_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def serve_echo(reader: object, writer: object) -> None:
        await asyncio.Event().wait()

    check("01.8", serve_echo)
    assert "got       nothing: it waits for more" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [apply_mask, hang])
def test_a_check_leaves_nothing_running(answer: object) -> None:
    check("01.3", answer)
    for thread in threads_of_labkit():
        thread.join(30)
    assert threads_of_labkit() == []


def test_a_check_that_is_interrupted_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(host: Host) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Host, "watch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check("01.3", hang)
    for thread in threads_of_labkit():
        thread.join(30)
    assert threads_of_labkit() == []


def test_an_unknown_exercise_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    check("01.99", apply_mask)
    assert capsys.readouterr().out.startswith("there is no exercise 01.99; lesson 01 has 01.1,")


def test_under_nbgrader_the_cell_returns_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check("01.3", apply_mask) == 1
    assert check("01.3", lambda data, key: b"") == 0


def test_under_nbgrader_what_cannot_be_judged_earns_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check("01.99", apply_mask) == 0


def test_what_an_answer_writes_to_stderr_stays_out_of_the_cell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def loud(data: bytes, key: bytes) -> bytes:
        print("spam", file=sys.stderr)
        return apply_mask(data, key)

    check("01.3", loud)
    assert capsys.readouterr().err == ""


def test_only_answers_in_the_courses_exercises_are_recorded(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check("01.3", apply_mask)
    assert Progress(course).standings()["01.3"].status == "pass"
    (course / "solutions").mkdir()
    monkeypatch.chdir(course / "solutions")
    check("01.3", lambda data, key: b"")
    assert Progress(course).standings()["01.3"].status == "pass"


def test_hints_come_one_after_the_other(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(4):
        hint("01.3")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" for ")[0] for line in lines] == [
        "hint 1 of 3",
        "hint 2 of 3",
        "hint 3 of 3",
        "hint 3 of 3",
        "that is the last hint there is",
    ]
    assert len(set(lines[:4])) == 3


def test_the_scorecard_shows_what_is_open_and_what_is_done(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check("01.3", apply_mask)
    capsys.readouterr()
    scorecard("01")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["01.1", "accept_key", "open", "0", "of", "1"]
    assert lines[2].split() == ["01.3", "apply_mask", "pass", "1", "of", "1"]
    assert lines[-1].split() == ["lesson", "01", "1", "of", "19"]


def test_a_course_folder_that_cannot_be_written_costs_the_standing_only(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (course / ".labkit").write_text("in the way")
    check("01.3", apply_mask)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "PASS 01.3 apply_mask 4/4"
    assert "progress file" in second

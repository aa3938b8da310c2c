import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from labkit.checks.progress import Progress, Standing, course_of
from labkit.checks.report import Report
from labkit.errors import CourseError


def report(id: str, status: str = "pass", points: float = 1.0) -> Report:
    return Report(id, "f", status, points, 2.0)  # type: ignore[arg-type]


def test_the_course_is_found_from_a_folder_inside_it(tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "course.toml").touch()
    (tmp_path / "exercises").mkdir()
    assert course_of(tmp_path / "exercises") == tmp_path
    assert course_of(tmp_path.parent) is None


def test_the_last_verdict_counts_and_the_best_is_kept(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress.record(report("01.1", "pass", 2.0))
    progress.record(report("01.1", "fail", 0.5))
    assert progress.standings() == {"01.1": Standing("fail", 0.5, 2.0)}


def test_a_stub_does_not_replace_the_standing_of_an_answer(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress.record(report("01.1", "todo", 0.0))
    assert progress.standings() == {"01.1": Standing("todo", 0.0, 0.0)}
    progress.record(report("01.1", "pass", 2.0))
    progress.record(report("01.1", "todo", 0.0))
    assert progress.standings() == {"01.1": Standing("pass", 2.0, 2.0)}


def test_nothing_is_written_by_looking(tmp_path: Path) -> None:
    assert Progress(tmp_path).standings() == {}
    assert list(tmp_path.iterdir()) == []


def test_hints_come_one_level_at_a_time_and_the_last_stays(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    hints = [progress.next_hint("01.1", 3) for _ in range(5)]
    assert hints == [(1, False), (2, False), (3, False), (3, True), (3, True)]
    assert progress.next_hint("01.2", 3) == (1, False)


def test_an_exercise_is_forgotten_whole(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress.record(report("01.1"))
    progress.next_hint("01.1", 3)
    progress.forget("01.1")
    assert progress.standings() == {}
    assert progress.next_hint("01.1", 3) == (1, False)


def _record_many(folder: Path, lesson: str) -> None:
    for number in range(50):
        Progress(folder).record(report(f"{lesson}.{number}"))


def test_two_kernels_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_record_many, args=(tmp_path, n)) for n in ("01", "02")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(Progress(tmp_path).standings()) == 100


def _write_and_die(folder: Path) -> None:
    progress = Progress(folder)
    progress.record(report("01.2"))
    with progress._open() as db:
        db.execute("UPDATE standing SET status = 'half'")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_in_mid_write_loses_nothing_recorded_before(tmp_path: Path) -> None:
    Progress(tmp_path).record(report("01.1"))
    writer = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(tmp_path,))
    writer.start()
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    assert {s.status for s in Progress(tmp_path).standings().values()} == {"pass"}
    Progress(tmp_path).record(report("01.3"))
    assert set(Progress(tmp_path).standings()) == {"01.1", "01.2", "01.3"}


def test_a_file_that_is_no_database_is_named_in_one_sentence(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    progress.path.parent.mkdir()
    progress.path.write_text("not a database, but long enough to be looked at" * 40)
    with pytest.raises(CourseError, match=r"progress\.sqlite cannot be used"):
        progress.record(report("01.1"))

"""Grades a class: marks every submission once, and writes down what it finds as it finds it."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import fcntl
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.checks.registry import Exercise
from labkit.errors import CourseError, UsageError
from labkit.grading.feedback import Feedback
from labkit.grading.judge import TIMEOUT_S
from labkit.grading.marking import Loaded, Marked, load, mark
from labkit.grading.notebook import lesson_named
from labkit.grading.results import (
    Result,
    append_results,
    read_results,
    write_results,
    write_whole,
)
from labkit.grading.submissions import Submission, find_submissions

Lessons = Mapping[str, Sequence[Exercise]]


@dataclass(frozen=True)
class Grades:
    """Every result, by student and exercise. ``kept`` submissions were graded before."""

    results: Sequence[Result]
    submissions: int
    kept: int


async def grade(
    folders: Sequence[Path],
    out: Path,
    lessons: Lessons,
    *,
    jobs: int = 1,
    timeout_s: float = TIMEOUT_S,
    observe: Callable[[int, int], None] = lambda done, total: None,
) -> Grades:
    """Grade every submission in ``folders``; write grades, results and feedback to ``out``.

    ``jobs`` notebooks are judged at a time, each for ``timeout_s`` at most. What ``out`` holds of
    a submission that has not changed is kept: a grading that was stopped, however that was, goes
    on where it stood. ``observe`` hears how many submissions are done, and of how many.
    """
    symbols = {lesson: [one.symbol for one in of] for lesson, of in lessons.items()}
    submissions = find_submissions(folders, symbols, out=out)
    room, done = asyncio.Semaphore(jobs), 0

    async def grade_one(submission: Submission) -> None:
        nonlocal done
        async with room:
            await grading.grade(submission)
        done += 1
        observe(done, len(submissions))

    with _writing(out), _alone_in(out):
        grading = _Grading(out, lessons, timeout_s)
        observe(0, len(submissions))
        async with asyncio.TaskGroup() as group:
            for submission in submissions:
                group.create_task(grade_one(submission))
        return grading.finish()


class _Grading:
    """One run. ``out`` is brought up to date after every submission, and is whole at the end."""

    def __init__(self, out: Path, lessons: Lessons, timeout_s: float) -> None:
        self._out = out
        self._lessons = lessons
        self._timeout_s = timeout_s
        self._file = out / "results.jsonl"
        self._results: list[Result] = []
        self._submissions = self._kept = 0
        self._earlier: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
        for result in (earlier := read_results(self._file)):
            self._earlier[result.student, result.lesson, result.fingerprint].append(result)
        # A line that a kill has cut short must not become the start of the next.
        write_results(self._file, earlier)

    async def grade(self, submission: Submission) -> None:
        """Grade one submission, unless that was done before."""
        loaded = load(submission, self._lessons.get(submission.lesson, ()))
        key = (submission.student, submission.lesson, loaded.fingerprint(self._timeout_s))
        results = self._earlier.get(key, [])
        if self._is_complete(results, loaded):
            self._kept += 1
        else:
            marked = await mark(loaded, timeout_s=self._timeout_s)
            results = _results(submission, loaded, marked, key[-1])
            self._write_feedback(loaded, marked)
            append_results(self._file, results)
        self._submissions += 1
        self._results += results

    def finish(self) -> Grades:
        """Put everything in order."""
        # The exercises of a submission stand in order already: 01.10 comes after 01.9.
        self._results.sort(key=lambda one: (one.student, one.lesson, one.notebook))
        write_results(self._file, self._results)
        write_whole(self._out / "grades.csv", _csv(self._results, list(self._lessons)))
        return Grades(self._results, self._submissions, self._kept)

    def _is_complete(self, results: list[Result], loaded: Loaded) -> bool:
        wanted = [one.id for one in loaded.exercises] or [""]
        if [one.exercise for one in results] != wanted:
            return False
        student, lesson, notebook = results[0].student, results[0].lesson, results[0].notebook
        return not lesson or self._page(student, lesson, notebook).exists()

    def _write_feedback(self, loaded: Loaded, marked: Marked) -> None:
        student, lesson = loaded.submission.student, loaded.submission.lesson
        if lesson:
            verdicts = list(zip(loaded.exercises, marked.reports, strict=True))
            feedback = Feedback(student, lesson, marked.notebook, marked.note, verdicts)
            page = self._page(student, lesson, marked.notebook)
            write_whole(page, feedback.html().encode())

    def _page(self, student: str, lesson: str, notebook: str) -> Path:
        stem = Path(notebook).stem[:100]
        name = stem if lesson_named(notebook) == lesson else f"{lesson}_{stem}"
        return self._out / "feedback" / student / f"{name}.html"


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence."""
    try:
        yield
    except* OSError as refused:
        error = refused.exceptions[0]
    else:
        return
    raise CourseError(f"the grades cannot be written to {out}: {error}") from error


@contextlib.contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Keep a second grading away from ``out`` until this one ends, however it ends."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"another grading is writing to {out}; wait for it, or give another --out"
            ) from error
        yield


def _results(
    submission: Submission, loaded: Loaded, marked: Marked, fingerprint: str
) -> list[Result]:
    def line(exercise: str, status: str, points: float, max_points: float, why: str) -> Result:
        message = "; ".join(dict.fromkeys(filter(None, (why, marked.note))))
        return Result(
            submission.student,
            submission.lesson,
            exercise,
            status,
            float(points),
            float(max_points),
            message,
            marked.notebook,
            fingerprint,
        )

    if not marked.reports:
        return [line("", "error", 0.0, 0.0, "")]
    return [line(r.exercise, r.status, r.points, r.max_points, r.message) for r in marked.reports]


def _csv(results: Sequence[Result], lessons: Sequence[str]) -> bytes:
    """Return the grades as a table. A lesson that was not handed in has no grade."""
    points: dict[str, dict[str, float]] = defaultdict(dict)
    for result in results:
        of_student = points[result.student]
        if result.lesson:
            of_student[result.lesson] = of_student.get(result.lesson, 0.0) + result.points
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["student", *lessons, "total"])
    for student, by_lesson in sorted(points.items()):
        cells = [f"{by_lesson[one]:g}" if one in by_lesson else "" for one in lessons]
        writer.writerow([_as_text(student), *cells, f"{sum(by_lesson.values()):g}"])
    return table.getvalue().encode()


def _as_text(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula.

    >>> _as_text("=1+1"), _as_text("Ada")
    ("'=1+1", 'Ada')
    """
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\\t", "\\r")) else name

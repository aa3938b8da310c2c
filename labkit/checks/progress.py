"""What a learner has achieved and which hints they have seen, in one file for a course folder.

SQLite keeps it: two kernels may write at once, and a kill in mid-write loses nothing that was
recorded before. Judges nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labkit.checks.report import Report
from labkit.errors import CourseError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS standing (
    exercise TEXT PRIMARY KEY, status TEXT NOT NULL, points REAL NOT NULL, best REAL NOT NULL);
CREATE TABLE IF NOT EXISTS hints (exercise TEXT PRIMARY KEY, shown INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class Standing:
    """Where a learner is with one exercise: its last status, its points now and at best."""

    status: str
    points: float
    best: float


def course_of(folder: Path) -> Path | None:
    """Return the course folder that ``folder`` lies in, or None."""
    for candidate in (folder, *folder.parents):
        if (candidate / "course" / "course.toml").is_file():
            return candidate
    return None


class Progress:
    """The progress file of the course in ``course``."""

    def __init__(self, course: Path) -> None:
        self.path = course / ".labkit" / "progress.sqlite"

    def record(self, report: Report) -> None:
        """Keep ``report`` as the exercise's last standing. Its best is kept as well.

        A stub that is found where an answer was judged before changes nothing: the answer may not
        be saved yet.
        """
        with self._open() as db:
            db.execute(
                "INSERT INTO standing VALUES (?1, ?2, ?3, ?3) ON CONFLICT (exercise) DO UPDATE"
                " SET status = ?2, points = ?3, best = max(best, ?3) WHERE ?2 != 'todo'",
                (report.exercise, report.status, report.points),
            )

    def standings(self) -> dict[str, Standing]:
        """Return the standing of every exercise that was checked."""
        if not self.path.exists():
            return {}
        with self._open() as db:
            rows = db.execute("SELECT exercise, status, points, best FROM standing")
            return {exercise: Standing(*rest) for exercise, *rest in rows}

    def next_hint(self, exercise: str, levels: int) -> tuple[int, bool]:
        """Return the level, from 1, of the hint to show now, and whether it was shown before.

        It is remembered as shown. After the last of ``levels`` that one stays.
        """
        with self._open() as db:
            (asked,) = db.execute(
                "INSERT INTO hints VALUES (?1, 1) ON CONFLICT (exercise) DO UPDATE"
                " SET shown = min(shown, ?2) + 1 RETURNING shown",
                (exercise, levels),
            ).fetchone()
        return min(asked, levels), asked > levels

    def forget(self, exercise: str) -> None:
        """Forget an exercise: its standing and the hints that were shown."""
        with self._open() as db:
            db.execute("DELETE FROM standing WHERE exercise = ?", (exercise,))
            db.execute("DELETE FROM hints WHERE exercise = ?", (exercise,))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.path, timeout=5)) as db, db:
                db.executescript(_SCHEMA)
                yield db
        except (OSError, sqlite3.Error) as error:
            raise CourseError(
                f"the progress file {self.path.name} cannot be used ({error}); your answers are "
                f"untouched, only their standing is not kept"
            ) from error

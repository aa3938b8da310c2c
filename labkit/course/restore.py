"""Puts one exercise's cell back to its stub, and keeps what was there. Touches no other cell."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.course.exercises import answer_id
from labkit.course.manifest import read_course
from labkit.course.strip import strip_solution
from labkit.errors import CourseError


@dataclass(frozen=True)
class Restored:
    """The notebook whose cell is the stub again, and the copy of the notebook as it was."""

    notebook: Path
    backup: Path


def restore(course: Path, exercise: str, symbol: str) -> Restored:
    """Put the stub of ``exercise`` into the course's exercises notebook.

    The cell is found by its id, else as the one that defines ``symbol``; if there is neither, the
    stub becomes the last cell. Before, the notebook is copied to ``.labkit/backup``. Raises
    ``CourseError``, with nothing changed, where a notebook is missing or is none.
    """
    slug = _slug(course, exercise)
    path = course / "exercises" / f"{slug}.ipynb"
    stub = _stub(course / "solutions" / f"{slug}.ipynb", exercise)
    document = _read(path)
    cells = document["cells"]
    cell = _find(cells, stub["id"], symbol)
    if cell is None:
        cells.append(stub)
    else:
        is_list = isinstance(cell.get("source"), list)
        cell["source"] = stub["source"].splitlines(keepends=True) if is_list else stub["source"]
        cell |= {"cell_type": "code", "outputs": [], "execution_count": None}
    backup = _keep(course, path)
    _replace(path, f"{json.dumps(document, indent=1, ensure_ascii=False)}\n")
    return Restored(path, backup)


def _slug(course: Path, exercise: str) -> str:
    for lesson in read_course(course).written:
        if exercise in lesson.exercises:
            return lesson.slug
    raise CourseError(f"the course lists no exercise {exercise}")


def _stub(solutions: Path, exercise: str) -> dict[str, Any]:
    """Return the cell that learners get, made from the solved one."""
    wanted = answer_id(exercise)
    for cell in _read(solutions)["cells"]:
        if cell.get("id") == wanted:
            source = strip_solution(_source(cell), exercise, file=solutions.name)
            return {**cell, "source": source, "outputs": [], "execution_count": None}
    raise CourseError(f"solutions/{solutions.name} has no cell {wanted} to make the stub from")


def _find(cells: list[Any], id: str, symbol: str) -> dict[str, Any] | None:
    definition = re.compile(rf"^(?:async\s+)?(?:def|class)\s+{re.escape(symbol)}\b", re.MULTILINE)
    known = [cell for cell in cells if isinstance(cell, dict)]
    by_id = [cell for cell in known if cell.get("id") == id]
    code = [cell for cell in known if cell.get("cell_type") == "code"]
    by_symbol = [cell for cell in code if definition.search(_source(cell))]
    return next(iter(by_id + by_symbol), None)


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def _read(path: Path) -> dict[str, Any]:
    where = f"{path.parent.name}/{path.name}"
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise CourseError(f"{where} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CourseError(f"{where} is not JSON ({error}); nothing was changed") from error
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise CourseError(f"{where} is not a notebook: it has no cells; nothing was changed")
    return dict(document)


def _keep(course: Path, path: Path) -> Path:
    """Copy the notebook to a name that is not taken yet."""
    folder = course / ".labkit" / "backup"
    folder.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes()
    number = 1
    while True:
        backup = folder / f"{path.stem}.{number}.ipynb"
        try:
            with backup.open("xb") as file:
                file.write(content)
            return backup
        except FileExistsError:
            number += 1


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)

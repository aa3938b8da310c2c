"""Reads a lesson's Markdown into cells. Runs nothing, and does not know lessons from exercises.

A fence headed ``python id="mask-key"`` is a code cell, and everything between two of them is a
Markdown cell. Fences in any other language are shown and not run: Python to be shown is ``py``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labkit.errors import CourseError

IGNORE_OUTPUT = "nbval-ignore-output"
RAISES = "raises-exception"
SKIP = "nbval-skip"
TAGS = (IGNORE_OUTPUT, RAISES, SKIP)

_FENCE = re.compile(r" {0,3}(`{3,})\s*([^\s`]*)([^`]*)")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# jupytext runs fences in languages that it knows, as magics, except those marked like this.
_NOT_RUN = " .noeval"
_NOT_RUN_FENCE = re.compile(rf"^( {{0,3}}```.*){re.escape(_NOT_RUN)}$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook that is to be built.

    ``line`` is where a code cell's source begins in ``file``; a Markdown cell has 0.
    """

    kind: Literal["code", "markdown"]
    id: str
    source: str
    file: str
    tags: tuple[str, ...] = ()
    line: int = 0


def read_cells(path: Path, name: str) -> list[Cell]:
    """Return the cells of the Markdown in ``path``, which errors call ``name``.

    Raises ``CourseError`` with the file and, where there is one, the line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise CourseError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CourseError(f"{name} is not UTF-8: byte {error.start} is no character") from error
    return parse(text, name)


def parse(text: str, name: str) -> list[Cell]:
    """Return the cells of ``text``, which errors call ``name``."""
    import jupytext

    lines = text.splitlines()
    openings = [n for n, language in _fences(lines, name) if language == "python"]
    shielded = list(lines)
    for number, language in _fences(lines, name):
        if language not in ("", "python"):
            shielded[number - 1] += _NOT_RUN
    try:
        parsed = jupytext.reads("\n".join(shielded), fmt="md").cells
    except Exception as error:
        # What it raises depends on which of its own parts stumbled over the text.
        why = str(error).partition("\n")[0]
        raise CourseError(f"{name} cannot be read by jupytext: {why}") from error
    code = [cell for cell in parsed if cell.cell_type == "code"]
    if len(code) != len(openings) or any(_NOT_RUN in cell.source for cell in code):
        raise CourseError(
            f"{name} has {len(openings)} Python fences but {len(code)} Python cells: a line of "
            f"three backticks stands inside a cell, or a fence inside a comment"
        )
    cells = list(_cells(parsed, openings, name))
    _refuse_bad_ids(cells, name)
    return cells


def _fences(lines: Sequence[str], name: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and the language of each fence that is opened."""
    opened, ticks = 0, ""
    for number, line in enumerate(lines, start=1):
        match = _FENCE.fullmatch(line)
        if match is None:
            continue
        if not opened:
            opened, ticks = number, match[1]
            yield number, match[2]
        elif len(match[1]) >= len(ticks) and not match[2]:
            opened = 0
    if opened:
        raise CourseError(f"{name}:{opened}: the fence that is opened here is never closed")


def _cells(parsed: Sequence[Any], openings: Sequence[int], name: str) -> Iterator[Cell]:
    numbers = iter(openings)
    previous, texts = "start", 0
    for cell in parsed:
        if cell.cell_type == "code":
            line = next(numbers)
            id, tags = _heading(cell.metadata, f"{name}:{line}")
            yield Cell("code", id, cell.source, name, tags, line + 1)
            previous, texts = id, 0
        elif cell.source.strip():
            texts += 1
            source = _NOT_RUN_FENCE.sub(r"\1", cell.source)
            yield Cell("markdown", f"{previous}-text-{texts}", source, name)


def _heading(metadata: dict[str, Any], where: str) -> tuple[str, tuple[str, ...]]:
    """Return the id and the tags that a fence's first line gives."""
    id, tags = metadata.get("id"), metadata.get("tags", [])
    if not isinstance(id, str):
        raise CourseError(
            f'{where}: this Python cell has no id: head it python id="a-name", or py if it is '
            f"to be shown and not run"
        )
    # What jupytext itself notes about blank lines is no concern of an author's.
    extra = metadata.keys() - {"id", "tags", "lines_to_next_cell"}
    if extra:
        raise CourseError(
            f"{where}: a cell may have an id and tags, not {', '.join(sorted(extra))}"
        )
    for tag in tags if isinstance(tags, list) else [tags]:
        if tag not in TAGS:
            raise CourseError(f"{where}: there is no tag {tag!r}; there are {', '.join(TAGS)}")
    return id, tuple(tags)


def _refuse_bad_ids(cells: Sequence[Cell], name: str) -> None:
    for cell in cells:
        if not _ID.fullmatch(cell.id):
            raise CourseError(
                f"{name}: the cell id {cell.id!r} must be 1 to 64 letters, digits, hyphens and "
                f"underscores (dots are not allowed in a notebook)"
            )
    for id, times in Counter(cell.id for cell in cells).items():
        if times > 1:
            raise CourseError(f"{name}: the cell id {id!r} is used {times} times")

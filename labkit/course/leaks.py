"""What a stored notebook must not hold: solutions, and outputs that only one machine gives.

Runs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from labkit.course.findings import Finding
from labkit.course.markdown import Cell
from labkit.course.strip import find_regions
from labkit.errors import CourseError

# A shorter line, such as `raise CloseError(1002)`, may well be what the text asks for.
MIN_LINE_CHARACTERS = 32
_UNSTABLE = {
    "an address in memory": re.compile(r"\bat 0x[0-9a-f]{6,}"),
    "a port": re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):\d{2,5}"),
    "a path of one machine": re.compile(r"/(?:home|root|tmp|Users|var|private)/\w|[A-Z]:\\\w"),
    "a colour code": re.compile("\x1b\\["),
    "a uuid": re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"),
    "an emoji": re.compile("[\U0001f300-\U0001faff]"),
}


def read_notebook(file: Path) -> Any:
    """Return the notebook in ``file`` as plain JSON. Raises ``CourseError``."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CourseError(f"it cannot be read: {error}") from error
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise CourseError("it is not a notebook: it has no cells")
    return document


def audit_exercise(notebook: Any, path: str, sources: Iterable[Cell]) -> Iterator[Finding]:
    """Yield what an exercise notebook holds of the solutions in ``sources``, wherever it does."""
    whole = _normal("\n".join(_texts(notebook)))
    for cell in sources:
        for fragment in sorted(_fragments(cell)):
            if fragment in whole:
                yield Finding(path, f"it holds a part of the solution in {cell.id}: {fragment!r}")
    for word in ("BEGIN SOLUTION", "END SOLUTION"):
        if word in whole:
            yield Finding(path, f"it holds the marker {word}")


def audit_outputs(notebook: Any, path: str) -> Iterator[Finding]:
    """Yield what stored outputs hold that another run would not give again."""
    for cell in notebook["cells"]:
        text = "\n".join(_texts(cell.get("outputs", [])))
        for what, pattern in _UNSTABLE.items():
            if match := pattern.search(text):
                yield Finding(
                    path, f"an output of cell {cell.get('id')} holds {what}: {match[0]!r}"
                )


def _fragments(cell: Cell) -> set[str]:
    """Return the long lines of a cell's solutions, each two lines in a row, and the wholes."""
    if cell.kind != "code":
        return set()
    fragments = set()
    for region in find_regions(cell.source, file=cell.file, line=cell.line):
        lines = [line for line in map(_normal, region.lines) if line]
        fragments |= {line for line in lines if len(line) >= MIN_LINE_CHARACTERS}
        fragments |= {f"{one} {after}" for one, after in pairwise(lines)}
        fragments.add(" ".join(lines))
    return fragments


def _normal(text: str) -> str:
    return " ".join(text.split())


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in ``value``; a list of lines, as notebooks have them, is one text."""
    match value:
        case str():
            yield value
        case list() if all(isinstance(item, str) for item in value):
            yield "".join(value)
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for key, item in value.items():
                yield key
                yield from _texts(item)

"""Reads a notebook as it was handed in, whatever state it is in. Runs and judges nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.errors import CourseError
from labkit.grading.pipe import Cell

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_SOURCE_CHARACTERS = 1024 * 1024
_LESSON = re.compile(r"(\d\d)_")


@dataclass(frozen=True)
class Notebook:
    """The cells of a notebook, in order. ``digest`` is the SHA-256 of the file, in hex."""

    name: str
    cells: tuple[Cell, ...]
    digest: str

    def defines(self, symbol: str) -> bool:
        """Whether some cell holds a definition of ``symbol``, or what is left of one."""
        name = re.escape(symbol)
        definition = re.compile(rf"^\s*(?:async\s+)?(?:def|class)\s+{name}\b|^{name}\s*=", re.M)
        return any(definition.search(cell.source) for cell in self.cells)


def read_notebook(path: Path) -> Notebook:
    """Return the notebook in ``path``.

    Of the format only what holds the answers is read: the cells and their sources. So damage
    elsewhere, in metadata, ids or outputs, costs nothing. Raises ``CourseError`` with the reason
    where there are no cells to be had.
    """
    name = readable(path.name)
    data = _bytes_of(path, name)
    cells = tuple(_cells_of(_json_of(data, name), name))
    if sum(len(cell.source) for cell in cells) > MAX_SOURCE_CHARACTERS:
        limit = f"{MAX_SOURCE_CHARACTERS:,} characters"
        raise CourseError(f"{name} holds more than {limit} of code and text; shorten it")
    return Notebook(name, cells, hashlib.sha256(data).hexdigest())


def read_lesson(path: Path, lesson: str, symbols: Iterable[str]) -> Notebook:
    """Return the notebook in ``path``, which holds an answer to ``lesson`` at least.

    Raises ``CourseError`` as ``read_notebook`` does, and where none of ``symbols`` is defined.
    """
    notebook = read_notebook(path)
    if not any(map(notebook.defines, symbols)):
        raise CourseError(
            f"{notebook.name} defines no answer of lesson {lesson}; "
            f"is it a notebook of another course?"
        )
    return notebook


def readable(name: str) -> str:
    """Return the name of a file as text that can be printed and written, be it UTF-8 or not."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def lesson_of(notebook: Notebook, symbols: Mapping[str, Iterable[str]]) -> str | None:
    """Return the lesson whose answers ``notebook`` holds, or None if it is no lesson's.

    ``symbols`` are the answers of each lesson. The file's name decides, ``01_protocol.ipynb``;
    where it does not, the lesson of which the notebook defines most.
    """
    if (named := lesson_named(notebook.name)) in symbols:
        return named
    defined = {lesson: sum(map(notebook.defines, of)) for lesson, of in symbols.items()}
    best = max(defined, key=lambda lesson: defined[lesson], default=None)
    return best if best is not None and defined[best] else None


def lesson_named(name: str) -> str | None:
    """Return the lesson that a file's name tells.

    >>> lesson_named("01_protocol.ipynb"), lesson_named("Untitled.ipynb")
    ('01', None)
    """
    match = _LESSON.match(name)
    return match[1] if match else None


def _bytes_of(path: Path, name: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise CourseError(
                f"{name} has {size / 2**20:,.0f} MiB, the limit is "
                f"{MAX_FILE_BYTES >> 20} MiB: clear its outputs and save it again"
            )
        if not path.is_file():
            raise CourseError(f"{name} is not a file")
        return path.read_bytes()
    except OSError as error:
        raise CourseError(f"{name} cannot be read: {error.strerror}") from error


def _json_of(data: bytes, name: str) -> Any:
    if not data.strip():
        raise CourseError(f"{name} is empty: save the notebook again and hand that in")
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        why = f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError) as error:
        why = f"{error}"
    raise CourseError(
        f"{name} is no notebook, because it is not JSON ({why}): "
        f"open it in JupyterLab, save it and hand that in"
    )


def _cells_of(document: Any, name: str) -> Iterator[Cell]:
    if not isinstance(document, dict):
        raise CourseError(f"{name} is JSON, but not a notebook: it holds no cells")
    found = document.get("cells")
    if found is None:
        # Until format 3, the cells were in worksheets, and code was called input.
        sheets = _list(document.get("worksheets"))
        found = [
            c for sheet in sheets if isinstance(sheet, dict) for c in _list(sheet.get("cells"))
        ]
    if not isinstance(found, list) or not found:
        raise CourseError(f"{name} is a notebook without cells")
    for cell in found:
        if isinstance(cell, dict):
            source = cell.get("source", cell.get("input", ""))
            text = "".join(filter(_is_text, source)) if isinstance(source, list) else source
            if isinstance(text, str) and text.strip():
                yield Cell(_encodable(text), is_code=cell.get("cell_type", "code") == "code")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _encodable(text: str) -> str:
    """Return ``text`` without halves of surrogate pairs: JSON may hold them, UTF-8 not."""
    return text.encode("utf-8", "replace").decode()

"""labkit.grading.notebook: what can be read of a notebook, and what is said of the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from labkit.errors import CourseError
from labkit.grading import notebook
from labkit.grading.notebook import Notebook, lesson_of, read_lesson, read_notebook
from labkit.grading.pipe import Cell

SYMBOLS = {"01": ["accept_key", "parse_header"], "02": ["serve"]}


def _written(folder: Path, document: Any, name: str = "01_protocol.ipynb") -> Path:
    path = folder / name
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return path


def _code(source: Any, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, **more}


def _sources(path: Path) -> list[str]:
    return [cell.source for cell in read_notebook(path).cells]


def test_cells_come_in_order_with_their_kind(tmp_path: Path) -> None:
    cells = [_code("a = 1"), {"cell_type": "markdown", "source": "text"}, _code("b = 2")]
    read = read_notebook(_written(tmp_path, {"nbformat": 4, "cells": cells}))
    assert read.cells == (Cell("a = 1"), Cell("text", is_code=False), Cell("b = 2"))


def test_a_source_may_be_a_list_of_lines(tmp_path: Path) -> None:
    assert _sources(_written(tmp_path, {"cells": [_code(["a = 1\n", "b = 2"])]})) == [
        "a = 1\nb = 2"
    ]


def test_missing_metadata_and_ids_cost_nothing(tmp_path: Path) -> None:
    assert _sources(_written(tmp_path, {"cells": [{"source": "a = 1"}]})) == ["a = 1"]


def test_duplicate_ids_cost_nothing(tmp_path: Path) -> None:
    cells = [_code("a = 1", id="x"), _code("b = 2", id="x")]
    assert _sources(_written(tmp_path, {"cells": cells})) == ["a = 1", "b = 2"]


def test_cells_that_are_none_are_left_out(tmp_path: Path) -> None:
    cells = [None, 7, _code(None), _code(""), _code([1, "a = 1"])]
    assert _sources(_written(tmp_path, {"cells": cells})) == ["a = 1"]


def test_format_3_keeps_its_code_in_worksheets(tmp_path: Path) -> None:
    sheet = {"cells": [{"cell_type": "code", "input": ["a = 1"]}, {"cell_type": "heading"}]}
    assert _sources(_written(tmp_path, {"nbformat": 3, "worksheets": [sheet]})) == ["a = 1"]


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    data = json.dumps({"cells": [_code("a = 1")]}).encode("utf-8-sig")
    assert _sources(_written(tmp_path, data)) == ["a = 1"]


def test_half_a_surrogate_pair_can_be_sent_to_a_box(tmp_path: Path) -> None:
    path = _written(tmp_path, rb'{"cells": [{"source": "a = \"\ud800\""}]}')
    assert _sources(path) == ['a = "?"']


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "01_protocol.ipynb is empty"),
        (b" \n", "01_protocol.ipynb is empty"),
        (b'{"cells": [\n', "is not JSON (line 2: Expecting value)"),
        (b"<<<<<<< HEAD\n{}", "is not JSON (line 1: "),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON (maximum recursion depth"),
        (b"[]", "JSON, but not a notebook"),
        (b"{}", "a notebook without cells"),
        (b'{"cells": {}}', "a notebook without cells"),
        (b'{"worksheets": [1, {"cells": 2}]}', "a notebook without cells"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(CourseError) as refused:
        read_notebook(_written(tmp_path, content))
    assert reason in str(refused.value)


def test_a_file_that_is_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "MAX_FILE_BYTES", 1 << 20)
    with pytest.raises(CourseError, match="has 3 MiB, the limit is 1 MiB: clear its outputs"):
        read_notebook(_written(tmp_path, b" " * (3 << 20)))


def test_more_source_than_anyone_writes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="more than 1,048,576 characters"):
        read_notebook(_written(tmp_path, {"cells": [_code("#" * (1 << 20) + "#")]}))


def test_a_folder_with_a_notebooks_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "01_protocol.ipynb").mkdir()
    with pytest.raises(CourseError, match="is not a file"):
        read_notebook(tmp_path / "01_protocol.ipynb")


def test_a_pipe_with_a_notebooks_name_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "01_protocol.ipynb")
    with pytest.raises(CourseError, match="is not a file"):
        read_notebook(tmp_path / "01_protocol.ipynb")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"01_x\.ipynb cannot be read: No such file"):
        read_notebook(tmp_path / "01_x.ipynb")


def test_a_name_that_is_not_utf_8_can_be_shown(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"01_\xff.ipynb")
    with pytest.raises(CourseError) as refused:
        read_notebook(path)
    assert str(refused.value).encode().startswith(b"01_\\xff.ipynb")


@pytest.mark.parametrize(
    ("name", "source", "lesson"),
    [
        ("02_setup.ipynb", "def accept_key(): ...", "02"),
        ("Untitled.ipynb", "def accept_key(): ...", "01"),
        ("Untitled.ipynb", "async def serve(): ...", "02"),
        ("77_other.ipynb", "accept_key = 1\ndef serve(): ...\ndef parse_header(): ...", "01"),
        ("Untitled.ipynb", "accept_key()", None),
    ],
)
def test_the_lesson_is_told_by_the_name_else_by_the_answers(
    name: str, source: str, lesson: str | None
) -> None:
    assert lesson_of(Notebook(name, (Cell(source),), ""), SYMBOLS) == lesson


def test_a_notebook_of_another_course_is_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, {"cells": [_code("def train(): ...")]})
    with pytest.raises(CourseError, match="defines no answer of lesson 01; is it a notebook of an"):
        read_lesson(path, "01", SYMBOLS["01"])

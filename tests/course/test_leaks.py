from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.course.leaks import audit_exercise, audit_outputs, read_notebook
from labkit.course.markdown import Cell
from labkit.errors import CourseError

SOURCE = """\
def spam(tin):
    ### BEGIN SOLUTION
    lid = tin.lid
    tin.open()
    return [slice for slice in tin.contents if slice.is_spam]
    ### END SOLUTION
"""
ANSWER = Cell("code", "ex-01-1", SOURCE, "exercises.md", line=10)
LONG = "return [slice for slice in tin.contents if slice.is_spam]"


def leaks(**parts: Any) -> list[str]:
    cell = {"id": "ex-01-1", "source": "def spam(tin):", "metadata": {}, "outputs": []} | parts
    notebook = {"cells": [cell], "metadata": {}}
    found = audit_exercise(notebook, "exercises/01_spam.ipynb", [ANSWER])
    return [finding.text for finding in found]


def outputs(text: str) -> list[str]:
    cell = {"id": "tin", "outputs": [{"output_type": "stream", "name": "stdout", "text": [text]}]}
    return [finding.text for finding in audit_outputs({"cells": [cell]}, "notebooks/01.ipynb")]


def test_a_stub_leaks_nothing() -> None:
    assert leaks() == []


@pytest.mark.parametrize(
    "parts",
    [
        {"source": ["def spam(tin):\n", f"  {LONG}\n"]},
        {"metadata": {"nbgrader": {"source": LONG}}},
        {"metadata": {LONG: 1}},
        {"outputs": [{"text": [LONG]}]},
        {"attachments": {"a": {"text/plain": f"x {LONG} y"}}},
    ],
)
def test_a_long_line_of_a_solution_is_found_wherever_it_is(parts: dict[str, Any]) -> None:
    assert leaks(**parts) == [f"it holds a part of the solution in ex-01-1: {LONG!r}"]


def test_two_short_lines_in_a_row_are_found_whatever_their_indentation() -> None:
    assert leaks(source="lid = tin.lid\n\n        tin.open()") == [
        "it holds a part of the solution in ex-01-1: 'lid = tin.lid tin.open()'"
    ]


def test_a_short_line_alone_is_no_leak() -> None:
    assert leaks(source="tin.open()") == []


def test_a_solution_of_one_short_line_is_found_whole() -> None:
    source = "### BEGIN SOLUTION\nreturn 1\n### END SOLUTION"
    cell = Cell("code", "ex-01-2", source, "exercises.md", line=1)
    notebook = {"cells": [{"source": "then return 1"}]}
    assert len(list(audit_exercise(notebook, "e.ipynb", [cell]))) == 1


def test_a_marker_is_found() -> None:
    assert leaks(source="### BEGIN SOLUTION") == ["it holds the marker BEGIN SOLUTION"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<Tin object at 0x7f12ab34cd56>", "an address in memory: 'at 0x7f12ab34cd56'"),
        ("ws://127.0.0.1:8765/", "a port: '127.0.0.1:8765'"),
        ("http://localhost:80", "a port: 'localhost:80'"),
        ("File /home/me/tin.py", "a path of one machine: '/home/m'"),
        ("C:\\tin.py", "a path of one machine: 'C:\\\\t'"),
        ("\x1b[31mred\x1b[0m", "a colour code: '\\x1b['"),
        ("7c9e6679-7425-40de-944b-e07fc1f90ae7", "a uuid: '7c9e6679-7425-40de-944b-e07fc1f90ae7'"),
        ("done 🎉", "an emoji: '🎉'"),
    ],
)
def test_an_output_that_another_run_would_not_give_is_found(text: str, what: str) -> None:
    assert outputs(text) == [f"an output of cell tin holds {what}"]


@pytest.mark.parametrize(
    "text", ["81 04 at 0x81", "client → server", "127.0.0.1", "GET /chat", "✓"]
)
def test_an_output_that_is_stable_is_no_finding(text: str) -> None:
    assert outputs(text) == []


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[]", b'{"cells": 1}', b'{"cells": [1]}', b"[" * 100_000]
)
def test_what_is_not_a_notebook_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.ipynb").write_bytes(data)
    with pytest.raises(CourseError, match=r"it cannot be read|it is not a notebook"):
        read_notebook(tmp_path / "a.ipynb")


def test_a_notebook_is_read_as_it_is(tmp_path: Path) -> None:
    document = {"cells": [{"id": "a"}]}
    (tmp_path / "a.ipynb").write_text(json.dumps(document))
    assert read_notebook(tmp_path / "a.ipynb") == document

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from labkit.course.markdown import Cell
from labkit.course.notebook import first_difference, make_notebook, serialize

CELLS = [
    Cell("markdown", "start-text-1", "# Späm\n\ntext", "lesson.md"),
    Cell("code", "tin", "x = 1\ny = 2", "lesson.md", ("nbval-skip",), 4),
]


def changed(**parts: Any) -> bytes:
    document = json.loads(serialize(make_notebook(CELLS, {})))
    document["cells"][1] |= parts
    return json.dumps(document).encode()


def test_a_cell_keeps_its_id_its_text_and_its_tags() -> None:
    read = nbformat.reads(serialize(make_notebook(CELLS, {})).decode(), as_version=4)
    cells = [(cell.id, cell.source, dict(cell.metadata)) for cell in read.cells]
    assert cells == [
        ("start-text-1", "# Späm\n\ntext", {}),
        ("tin", "x = 1\ny = 2", {"tags": ["nbval-skip"]}),
    ]


def test_metadata_is_added_to_the_cell_that_it_is_for() -> None:
    notebook = make_notebook(CELLS, {"tin": {"nbgrader": {"points": 1}}})
    assert notebook.cells[1].metadata == {"tags": ["nbval-skip"], "nbgrader": {"points": 1}}


def test_a_file_is_readable_json_that_ends_in_one_line_end() -> None:
    data = serialize(make_notebook(CELLS, {}))
    assert data.endswith(b"\n}\n")
    assert "Späm".encode() in data


def test_a_notebook_names_no_version_of_python() -> None:
    document = json.loads(serialize(make_notebook(CELLS, {})))
    assert document["metadata"] == {
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }


@pytest.mark.parametrize(
    ("old", "where"),
    [
        (changed(source=["x = 2"]), "the source of cell 2, tin"),
        (changed(metadata={}), "the metadata of cell 2, tin"),
        (changed(execution_count=7), "the execution_count of cell 2, tin"),
        (changed(id="can"), "the id of cell 2, tin"),
        (changed(), "its metadata, or how it is written"),
        (b'{"cells": []}', "it lacks cell 1"),
        (b"{", "it is not a notebook"),
        (b"[]", "it is not a notebook"),
        (b'{"cells": ["spam"]}', "it is not a notebook"),
        (b"\xff", "it is not a notebook"),
    ],
)
def test_the_first_difference_is_named(old: bytes, where: str) -> None:
    assert first_difference(old, serialize(make_notebook(CELLS, {}))) == where


def test_a_cell_too_many_is_named() -> None:
    new = serialize(make_notebook(CELLS[:1], {}))
    assert first_difference(changed(), new) == "it has one more, cell 2"

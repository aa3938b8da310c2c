"""A notebook as a file: its cells, its metadata, its bytes. Runs nothing.

``nbformat`` takes a second to import, so only what makes a notebook imports it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from labkit.course.markdown import Cell

_METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def make_notebook(cells: Sequence[Cell], metadata: Mapping[str, dict[str, Any]]) -> Any:
    """Return ``cells`` as a notebook that was not run. ``metadata`` is added, by cell id."""
    import nbformat

    nodes = [_node(cell, metadata.get(cell.id, {})) for cell in cells]
    document = {"cells": nodes, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict(document)  # type: ignore[no-untyped-call]


def serialize(notebook: Any) -> bytes:
    """Return the notebook's file: the same notebook, the same bytes."""
    import nbformat

    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    return f"{text.rstrip()}\n".encode()


def first_difference(old: bytes, new: bytes) -> str:
    """Return in a few words where the notebook ``old`` differs from ``new``."""
    try:
        ours, theirs = json.loads(old)["cells"], json.loads(new)["cells"]
        for number, (one, other) in enumerate(zip_longest(ours, theirs), start=1):
            if one is None or other is None:
                return f"{'it lacks' if one is None else 'it has one more,'} cell {number}"
            for part in ("id", "source", "metadata", "outputs", *one, *other):
                if one.get(part) != other.get(part):
                    return f"the {part} of cell {number}, {other['id']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "it is not a notebook"
    return "its metadata, or how it is written"


def _node(cell: Cell, metadata: dict[str, Any]) -> dict[str, Any]:
    tags = {"tags": list(cell.tags)} if cell.tags else {}
    node: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": cell.id,
        "metadata": tags | metadata,
        "source": cell.source,
    }
    if cell.kind == "code":
        node |= {"execution_count": None, "outputs": []}
    return node

"""The cells of the lessons that start something which goes on: a server, a client, a task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
#: Every cell of these notebooks that starts something and lets it run is here.
SERVER_CELLS = {
    "01_protocol": ("upgrade-request", "ticker", "push", "whiteboard"),
    "02_setup": (
        "smallest-server",
        "background",
        "printing-server",
        "strict-server",
        "socketio-server",
    ),
}


def code_cells(lesson: str) -> dict[str, str]:
    """Return the source of each code cell of a lesson's notebook, by the cell's id, in order."""
    notebook = json.loads((NOTEBOOKS / f"{lesson}.ipynb").read_bytes())
    cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    return {cell["id"]: "".join(cell["source"]) for cell in cells}


def starts_a_server(source: str) -> bool:
    """Whether a cell seems to start a server that outlives it.

    >>> starts_a_server('server = await serve("echo")')
    True
    >>> starts_a_server('async with serve("echo") as server: ...')
    False
    """
    return "= await serve(" in source or "= await labkit.serve(" in source


def unlisted() -> Iterator[str]:
    """Yield the cells that start a server and are not in ``SERVER_CELLS``."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for id, source in code_cells(path.stem).items():
            if starts_a_server(source) and id not in SERVER_CELLS.get(path.stem, ()):
                yield f"{path.stem}: {id}"

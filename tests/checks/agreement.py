"""Every answer whose verdict is known: right ones, wrong ones with their message, and stubs."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

HERE = Path(__file__).parent
EXERCISES = HERE.parents[1] / "exercises"

LESSONS = [
    importlib.import_module(f".answers.{path.stem}", __package__)
    for path in sorted((HERE / "answers").glob("lesson*.py"))
]
#: Exercise → what an answer does → its source.
RIGHT: dict[str, dict[str, str]] = {}
#: Exercise → what an answer does → its source, and what its verdict must say.
WRONG: dict[str, dict[str, tuple[str, str]]] = {}
for answers in LESSONS:
    RIGHT |= answers.RIGHT
    WRONG |= answers.WRONG


def stub(id: str) -> str:
    """Return what a learner finds in the cell of exercise ``id``."""
    lesson, _, number = id.partition(".")
    (path,) = EXERCISES.glob(f"{lesson}_*.ipynb")
    for cell in json.loads(path.read_bytes())["cells"]:
        if cell["id"] == f"ex-{lesson}-{number}":
            return "".join(cell["source"])
    raise LookupError(f"{path.name} has no cell for exercise {id}")

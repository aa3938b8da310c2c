"""The files of the page: what panels share, and what no panel may do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labkit.panels.assets import source

FOLDER = Path(__file__).parents[2] / "labkit" / "panels"


def test_files_are_joined_in_order() -> None:
    joined = source("dom.js", "live.js")
    assert joined.index("function element") < joined.index("function connectionLine")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_no_script_writes_markup_or_asks_the_network(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|WebSocket\(", text)
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.css")), ids=lambda path: path.name)
def test_no_style_asks_the_network(path: Path) -> None:
    assert not re.search(r"url\(|@import", path.read_text("utf-8"))

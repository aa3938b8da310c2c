from __future__ import annotations

import asyncio
import linecache
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from labkit.kernel.places import LONGEST, Place, Places

SOURCE = """
def outer(inner):
    return inner()
def fail():
    raise ValueError('no name given')
async def wait(future):
    await future
async def wait_for_both(future):
    await wait(future)
"""
FILE = "<cell 4>"


class Compiler:
    """Knows one cell, as IPython's compiler does."""

    def format_code_name(self, name: str) -> tuple[str, str] | None:
        return ("Cell", "In[4]") if name == FILE else None


@pytest.fixture
def places() -> Places:
    return Places(Compiler())


@pytest.fixture
def cell() -> dict[str, Any]:
    """The names that the cell defines."""
    names: dict[str, Any] = {}
    linecache.cache[FILE] = (len(SOURCE), None, SOURCE.splitlines(keepends=True), FILE)
    exec(compile(SOURCE, FILE, "exec"), names)
    return names


def test_a_place_quotes_its_line() -> None:
    place = Place("cell [4]", 3, "await connection.recv()", "greet")
    assert str(place) == "cell [4], line 3: `await connection.recv()`"


def test_a_place_quotes_the_beginning_of_a_long_line() -> None:
    place = Place("cell [4]", 3, "spam" * 100, "greet")
    quoted = str(place).partition("`")[2].removesuffix("`")
    assert len(quoted) == LONGEST
    assert quoted.endswith("spa…")


def test_a_frame_is_placed_at_the_innermost_line_of_a_cell(
    places: Places, cell: dict[str, Callable[..., Any]]
) -> None:
    def look() -> tuple[Place | None, Place | None]:
        return places.at(sys._getframe()), places.of_frame(sys._getframe())

    itself, called_from = cell["outer"](look)
    assert itself is None
    assert str(called_from) == "cell [4], line 3: `return inner()`"


def test_a_traceback_is_placed_by_the_cells_lines_only(
    places: Places, cell: dict[str, Callable[..., None]]
) -> None:
    with pytest.raises(ValueError, match="no name") as caught:
        cell["outer"](lambda: cell["fail"]())
    lines = [place.line for place in places.of_traceback(caught.value.__traceback__)]
    assert lines == [3, 5]


async def test_a_coroutine_is_placed_where_it_is_suspended(
    places: Places, cell: dict[str, Callable[..., Coroutine[Any, Any, None]]]
) -> None:
    future = asyncio.get_running_loop().create_future()
    coroutine = cell["wait_for_both"](future)
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    assert str(places.of_coroutine(coroutine)) == "cell [4], line 7: `await future`"
    assert [frame.f_lineno for frame in places.frames_of(coroutine)] == [9, 7]
    future.set_result(None)
    await task

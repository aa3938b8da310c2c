from __future__ import annotations

import asyncio
import contextvars
import importlib
import sys
from pathlib import Path
from types import FrameType

import pytest

from labkit.kernel.cells import Cell, current
from labkit.kernel.places import Places
from labkit.kernel.stacks import Activity, activity, imports, raise_at_next_line


class Compiler:
    """Knows of no cell."""

    def format_code_name(self, name: str) -> None:
        return None


PLACES = Places(Compiler())


def run_as(name: str) -> Activity:
    """Return what runs in a function that looks like ``name`` of IPython or ipykernel."""
    module, _, function = name.rpartition(".")
    names = {"__name__": module, "sys": sys, "activity": activity, "PLACES": PLACES}
    exec(f"def {function}(): return activity(sys._getframe(), PLACES)", names)
    found = names[function]()  # type: ignore[operator]
    assert isinstance(found, Activity)
    return found


def in_a_cells_context(name: str) -> Activity:
    """Return the same, where the context is that of a cell."""
    context = contextvars.copy_context()
    context.run(current.set, Cell("a1", 4, True))
    return context.run(run_as, name)


def test_what_a_cell_has_started_is_of_the_background() -> None:
    assert in_a_cells_context("anything.step") is Activity.BACKGROUND


def test_what_no_cell_has_started_is_the_kernels() -> None:
    assert run_as("anything.step") is Activity.KERNEL


@pytest.mark.parametrize(
    "name",
    ["ipykernel.kernelbase.execute_request", "IPython.core.interactiveshell.run_cell_async"],
)
def test_what_runs_a_cell_is_the_kernels_in_a_cells_context_too(name: str) -> None:
    assert in_a_cells_context(name) is Activity.KERNEL


def test_what_shows_an_interrupt_and_goes_on_is_shielded() -> None:
    assert in_a_cells_context("IPython.core.events.trigger") is Activity.SHIELDED


def test_an_import_is_told_from_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_here.py").write_text(
        "import sys\nfrom labkit.kernel.stacks import imports\nfound = imports(sys._getframe())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module("imported_here").found
    assert not imports(sys._getframe())


async def test_a_suspended_coroutine_meets_the_error_at_its_next_line() -> None:
    met: list[str] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                met.append("cancelled")

    def stop(frame: FrameType) -> BaseException:
        return RuntimeError(frame.f_code.co_name)

    coroutine = stubborn()
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    previous = sys.gettrace()
    raise_at_next_line([coroutine.cr_frame], stop)
    task.cancel()
    with pytest.raises(RuntimeError, match="stubborn"):
        await task
    assert met == []
    sys.settrace(previous)

"""Lesson 02 as a learner has it: JupyterLab, Chromium, the lesson run, cells interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab, LabNotebook

pytestmark = pytest.mark.needs("chromium")

ROOT = Path(__file__).parents[2]
#: The cells that break something, and what breaks.
ERRORS = {"port-taken": "PortInUse", "asyncio-run": "RuntimeError"}

CELLS = {
    "setup": "%load_ext labkit\nimport asyncio, time\nimport labkit",
    "await": "await asyncio.Future()",
    "serve": "server = await labkit.serve('echo')",
    "block": "time.sleep(300)",
    "background": (
        "async def speak():\n"
        "    await said.wait()\n"
        "    print('here I am')\n"
        "    raise ValueError('and gone')\n"
        "said = asyncio.Event()\n"
        "task = asyncio.create_task(speak())"
    ),
    "latest": "asyncio.get_running_loop().call_later(0.2, said.set)\nprint('the latest')",
}


@pytest.fixture(scope="module")
def lesson(lab: Lab) -> Iterator[LabNotebook]:
    """Open a copy of the lesson and run it."""
    shutil.copy(ROOT / "notebooks" / "02_setup.ipynb", lab.folder / "lesson.ipynb")
    with lab.open_notebook("lesson.ipynb") as notebook:
        notebook.run_all()
        expect(notebook.output("score")).to_contain_text("lesson 02", timeout=90_000)
        yield notebook


@pytest.fixture
def cells(lab: Lab) -> Iterator[LabNotebook]:
    """Open a notebook with a few cells of one's own."""
    lab.write_notebook("cells.ipynb", CELLS)
    with lab.open_notebook("cells.ipynb") as notebook:
        yield notebook


def interrupt(notebook: LabNotebook) -> None:
    """Press the square button."""
    notebook.page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")


def test_every_cell_of_the_lesson_runs(lesson: LabNotebook) -> None:
    expect(lesson.output("tasks")).to_contain_text("ticking")
    expect(lesson.output("panel").get_by_role("button", name="Connect")).to_be_visible()
    expect(lesson.output("overhead").locator("img")).to_be_visible()
    for id, error in ERRORS.items():
        expect(lesson.output(id)).to_contain_text(error)
    # JupyterLab shows an exception as it shows what is written to stderr.
    troubled = {
        id
        for id in lesson.cell_ids
        if lesson.output(id).locator("[data-mime-type*=stderr]").count()
    }
    assert troubled == {*ERRORS, "background-error", "socketio-plain"}


def test_what_the_background_says_stands_under_the_cell_that_ran(lesson: LabNotebook) -> None:
    expect(lesson.output("background-error")).to_contain_text("Task `greet` of cell [8] failed")
    expect(lesson.output("background-error")).to_contain_text('raise ValueError("no name given")')
    expect(lesson.output("printing-client")).to_have_text("somebody came in\nordered: tea")
    assert lesson.output("printing-server").inner_text() == ""


@pytest.mark.needs("node", "ws")
def test_node_runs_beside_python(lesson: LabNotebook) -> None:
    expect(lesson.output("node-run")).to_have_text(
        "Python received 'Spam'\nPython received b'Spam'\nNode received Spam"
    )


def test_the_server_is_tried_by_hand(lesson: LabNotebook) -> None:
    lesson.run_to("panel")
    panel = lesson.output("panel")
    panel.get_by_label("Subprotocols").fill("chat.v1, chat.v2")
    panel.get_by_role("button", name="Connect").click()
    expect(panel).to_contain_text("speaks chat.v2")
    panel.get_by_label("Length in characters").fill("2000")
    panel.get_by_role("button", name="Send").click()
    expect(panel).to_contain_text("1009")
    lesson.screenshot("lesson-02-panel", panel)


def test_a_cell_that_waits_for_ever_is_interrupted(cells: LabNotebook) -> None:
    cells.run_only("setup")
    expect(cells.cell("setup")).to_contain_text("[1]")
    cells.run_only("await")
    expect(cells.cell("await")).to_contain_text("[*]")
    interrupt(cells)
    expect(cells.output("await")).to_contain_text("interrupted at cell [2], line 1")


def test_a_cell_that_blocks_others_is_named_and_interrupted(cells: LabNotebook) -> None:
    for id in ("setup", "serve", "block"):
        cells.run_only(id)
    expect(cells.output("block")).to_contain_text("time.sleep(300)", timeout=30_000)
    expect(cells.output("block")).to_contain_text("has blocked the event loop")
    interrupt(cells)
    expect(cells.output("block")).to_contain_text("KeyboardInterrupt")


def test_what_is_printed_late_stands_under_the_cell_that_ran_last(cells: LabNotebook) -> None:
    for id in ("setup", "background", "latest"):
        cells.run_only(id)
    expect(cells.output("latest")).to_contain_text("the latest")
    expect(cells.output("latest")).to_contain_text("here I am")
    expect(cells.output("latest")).to_contain_text("failed: ValueError: and gone")
    assert cells.output("background").inner_text() == ""

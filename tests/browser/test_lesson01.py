"""Lesson 01 as a learner has it: JupyterLab, Chromium, the lesson run, an exercise written."""

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

ANSWER = """def apply_mask(data, key):
return bytes(byte ^ key[i % 4] for i, byte in enumerate(data))"""


@pytest.fixture(scope="module")
def lesson(lab: Lab) -> Iterator[LabNotebook]:
    """Open a copy of the lesson."""
    shutil.copy(ROOT / "notebooks" / "01_protocol.ipynb", lab.folder / "lesson.ipynb")
    with lab.open_notebook("lesson.ipynb") as notebook:
        yield notebook


def test_a_learner_edits_a_frame_of_the_lesson_and_sends_it(lesson: LabNotebook) -> None:
    lesson.run_to("frame-panel")
    editor = lesson.output("frame-panel")
    editor.get_by_label("Payload, text").fill("Hello, wire")
    editor.get_by_role("button", name="Send").click()
    expect(editor.get_by_text('TEXT unmasked "Hello, wire"')).to_be_visible()
    editor.locator(".lk-panel").first.evaluate("panel => panel.scrollIntoView()")
    lesson.screenshot("lesson-01")


def test_every_cell_of_the_lesson_runs_and_every_panel_lives(lesson: LabNotebook) -> None:
    lesson.run_all()
    expect(lesson.output("score")).to_contain_text("lesson 01", timeout=60_000)
    expect(lesson.output("four-ways").locator("img")).to_be_visible()
    expect(lesson.output("full-duplex")).to_contain_text('TEXT masked "spam"')
    expect(lesson.output("ticker")).to_contain_text("price")
    expect(lesson.output("push")).to_contain_text("Your tea is ready")
    expect(lesson.output("whiteboard").locator("canvas")).to_have_count(2)
    for trouble in ("error", "stderr"):
        outputs = lesson.page.locator(f".jp-OutputArea-output[data-mime-type*={trouble}]")
        assert outputs.all_inner_texts() == []


def test_an_answer_typed_into_the_exercises_is_checked_in_its_cell(lab: Lab) -> None:
    shutil.copy(ROOT / "exercises" / "01_protocol.ipynb", lab.folder / "exercises.ipynb")
    with lab.open_notebook("exercises.ipynb") as exercises:
        expect(exercises.output("check-01-3")).to_have_text("PASS 01.3 apply_mask 4/4")
        exercises.run_to("check-01-3")
        expect(exercises.output("check-01-3")).to_contain_text("TODO 01.3 apply_mask")
        exercises.write("ex-01-3", ANSWER)
        exercises.run_to("check-01-3")
        expect(exercises.output("check-01-3")).to_have_text("PASS 01.3 apply_mask 4/4")

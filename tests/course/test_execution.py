from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.course.execution import run_notebook
from labkit.course.markdown import Cell
from labkit.course.notebook import make_notebook
from labkit.errors import CourseError


async def run(*cells: Cell, cell_timeout_s: float = 30) -> dict[str, Any]:
    notebook = make_notebook(cells, {})
    await run_notebook(notebook, "lesson.md", cell_timeout_s=cell_timeout_s)
    return {cell.id: cell for cell in notebook.cells}


def code(id: str, source: str, *tags: str) -> Cell:
    return Cell("code", id, source, "lesson.md", tags)


async def test_cells_run_one_after_another_and_their_tags_are_respected() -> None:
    ran = await run(
        code("a", "x = 20"),
        code("awaited", "import asyncio\nawait asyncio.sleep(0)\nx + 1"),
        code("skipped", "x = 0", "nbval-skip"),
        code("unstable", "print(x)", "nbval-ignore-output"),
        code("raising", "1 / 0", "raises-exception"),
        code("last", "print(x)"),
    )
    assert ran["awaited"].outputs[0].data == {"text/plain": "21"}
    assert (ran["skipped"].outputs, ran["skipped"].execution_count) == ([], None)
    assert ran["unstable"].outputs == []
    assert ran["raising"].outputs[0].traceback == ["ZeroDivisionError: division by zero"]
    assert ran["last"].outputs[0].text == "20\n"
    assert [cell.execution_count for cell in ran.values()] == [1, 2, None, 3, 4, 5]
    assert all("execution" not in cell.metadata for cell in ran.values())


async def test_cells_run_in_an_empty_folder_and_without_what_is_the_machines_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("mine = 1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    ran = await run(
        code("folder", "import os\nos.listdir()"),
        code("hash", "os.environ['PYTHONHASHSEED'], os.environ.get('NBGRADER_EXECUTION')"),
        code("startup", "'mine' in globals()"),
    )
    values = [cell.outputs[0].data["text/plain"] for cell in ran.values()]
    assert values == ["[]", "('0', None)", "False"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print('spam')\n1 / 0", "failed with ZeroDivisionError: division by zero"),
        ("raise ValueError('first\\nlast line')", "failed with ValueError: last line"),
        ("raise KeyboardInterrupt", "failed with KeyboardInterrupt"),
        ("if", "failed with SyntaxError: invalid syntax"),
        ("import os\nos._exit(3)", "ended its kernel"),
    ],
)
async def test_a_cell_that_does_not_run_is_named_with_the_reason(source: str, why: str) -> None:
    with pytest.raises(CourseError) as caught:
        await run(code("good", "1"), code("bad", source))
    assert str(caught.value).startswith(f"lesson.md: cell bad {why}")


async def test_a_cell_that_hangs_is_named() -> None:
    with pytest.raises(CourseError, match=r"^lesson\.md: cell hung did not end within 1 s$"):
        await run(code("hung", "while True: pass"), cell_timeout_s=1)

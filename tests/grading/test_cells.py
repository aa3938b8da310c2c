"""labkit.grading.cells: which answers a notebook's cells give, in whatever state they are."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labkit.grading.cells import Notebook
from labkit.grading.pipe import Cell

Run = Callable[..., Notebook]
STUB = 'def f(x):\n    raise NotImplementedError("exercise 90.1")'


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run cells as a box does; f, g and C are the names of answers."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    before = signal.getsignal(signal.SIGALRM)

    def run_cells(*cells: str | Cell, skipped: dict[int, str] | None = None) -> Notebook:
        notebook = Notebook(["f", "g", "C"], announce=announced.append, deadline_s=0.2)
        known = [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]
        notebook.run(known, skipped or {})
        notebooks.append(notebook)
        return notebook

    announced: list[int] = []
    notebooks: list[Notebook] = []
    run_cells.announced = announced  # type: ignore[attr-defined]
    yield run_cells
    signal.signal(signal.SIGALRM, before)
    # A box ends with its notebook, and needs not tidy up.
    asyncio.set_event_loop(None)
    for notebook in notebooks:
        notebook._loop.close()


def _result(notebook: Notebook, name: str = "f", *arguments: Any) -> Any:
    return notebook.answers()[name](*arguments or (3,))


def test_an_answer_is_found_by_its_name(run: Run) -> None:
    assert _result(run("k = 2", "def f(x):\n    return k * x")) == 6


def test_the_last_of_two_answers_counts(run: Run) -> None:
    assert _result(run("def f(x): return 1", "def f(x): return 2")) == 2


def test_a_stub_after_an_answer_does_not_undo_it(run: Run) -> None:
    notebook = run("def f(x): return 1", STUB, "def g(x): return f(x)")
    assert (_result(notebook), _result(notebook, "g")) == (1, 1)


def test_a_stub_alone_is_what_there_is(run: Run) -> None:
    with pytest.raises(NotImplementedError):
        _result(run(STUB))


def test_a_cell_of_another_type_counts_if_it_holds_an_answer(run: Run) -> None:
    assert _result(run(Cell("def f(x): return 1", is_code=False))) == 1


def test_prose_about_an_answer_does_not(run: Run) -> None:
    prose = Cell("Write it so:\n\ndef f(x): return 1", is_code=False)
    assert run(prose).answers() == {}


def test_code_in_a_text_cell_that_is_no_answer_is_not_run(run: Run) -> None:
    assert "x" not in run(Cell("x = 1", is_code=False)).namespace


def test_a_function_split_in_two_cells_is_one(run: Run) -> None:
    assert _result(run("def f(x):\n    y = 2 * x", "    return y + 1")) == 7


def test_a_function_cut_after_its_first_line_is_one(run: Run) -> None:
    assert _result(run("def f(x):", "    return 1")) == 1


def test_a_class_split_in_three_cells_is_one(run: Run) -> None:
    notebook = run("class C:", "    def a(self):\n        return 1", "    def b(self): return 2")
    assert (notebook.answers()["C"]().a(), notebook.answers()["C"]().b()) == (1, 2)


def test_cells_in_any_order_give_the_same_answers(run: Run) -> None:
    notebook = run("class C(Base): pass", "class Base(Root): pass", "class Root: n = 1")
    assert notebook.answers()["C"].n == 1


def test_a_name_that_nothing_defines_is_looked_for_once_more_and_no_longer(run: Run) -> None:
    run("nothing")
    assert run.announced == [0, 0]  # type: ignore[attr-defined]


def test_a_failing_cell_costs_only_what_depends_on_it(run: Run) -> None:
    notebook = run("def f(x): return 1", "1 / 0\ndef g(x): return 2", "class C: pass")
    assert sorted(notebook.answers()) == ["C", "f"]
    reason = "its cell stopped with ZeroDivisionError: division by zero (line 1)"
    assert notebook.absent() == {"g": f"`g` is not defined: {reason}"}


def test_what_a_failing_cell_defined_before_it_failed_counts(run: Run) -> None:
    assert _result(run("def f(x): return 1\n1 / 0")) == 1


def test_a_syntax_error_is_told_with_its_line(run: Run) -> None:
    reason = run("def f(x):\n    return (x")
    assert reason.absent() == {
        "f": "`f` is not defined: its cell stopped with SyntaxError: '(' was never closed (line 2)"
    }


def test_an_answer_with_a_syntax_error_is_not_mistaken_for_the_stub_before_it(run: Run) -> None:
    assert "SyntaxError" in run(STUB, "def f(x) return 1").absent()["f"]


def test_a_cell_that_exits_is_a_failing_cell(run: Run) -> None:
    notebook = run("import sys\nsys.exit('bye')", "def f(x): return 1")
    assert _result(notebook) == 1


@pytest.mark.parametrize(
    "forever",
    [
        "while True: pass",
        "import time\ntime.sleep(1000)",
        "import asyncio\nawait asyncio.Event().wait()",
        "import asyncio\nwhile True: await asyncio.sleep(0)",
        "import time\ntry:\n    time.sleep(1000)\nexcept BaseException:\n    time.sleep(1000)",
    ],
)
def test_a_cell_that_does_not_end_is_ended_and_the_rest_goes_on(run: Run, forever: str) -> None:
    notebook = run(f"{forever}\ndef g(x): return 2", "def f(x): return 1")
    assert _result(notebook) == 1
    assert "its cell did not end within 0.2 s" in notebook.absent()["g"]


def test_a_cell_that_was_ended_does_not_go_on_behind_the_others(run: Run) -> None:
    forever = "import asyncio\nn = 0\nwhile True:\n    n += 1\n    await asyncio.sleep(0.001)"
    later = "before = n\nawait asyncio.sleep(0.05)\ndef f(x): return n - before"
    assert _result(run(forever, later)) == 0


def test_a_top_level_await_works(run: Run) -> None:
    assert _result(run("import asyncio\nk = await asyncio.sleep(0, 5)", "def f(x): return k")) == 5


def test_a_cell_runs_inside_a_running_loop(run: Run) -> None:
    notebook = run("import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(0, 5))\nawait task")
    assert notebook.namespace["task"].result() == 5


def test_a_skipped_cell_is_not_run_and_says_why(run: Run) -> None:
    notebook = run("def f(x): return 1", skipped={0: "its cell ended the process"})
    assert notebook.answers() == {}
    assert notebook.absent() == {"f": "`f` is not defined: its cell ended the process"}


def test_every_cell_is_announced_before_it_is_touched(run: Run) -> None:
    run("x = 1", "y = 2")
    assert run.announced == [0, 1]  # type: ignore[attr-defined]


def test_the_notebook_is_the_main_module(run: Run) -> None:
    notebook = run("import pickle\nclass C: pass\ndef f(x): return pickle.loads(pickle.dumps(C()))")
    assert type(_result(notebook)) is notebook.answers()["C"]


def test_an_error_whose_text_fails_is_told_by_its_kind(run: Run) -> None:
    source = "class E(Exception):\n    def __str__(self): 1 / 0\ndef g(x): return 1\nraise E"
    notebook = run(f"{source}\ndef f(x): return 1")
    assert notebook.absent()["f"] == "`f` is not defined: its cell stopped with E (line 4)"

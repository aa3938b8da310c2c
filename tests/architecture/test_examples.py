"""What a docstring shows is what Python answers: each example in the kit and its tests is run."""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import io
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def examples(source: str) -> list[doctest.Example]:
    """Return the examples in the docstrings of a module, found without running it.

    >>> [example.source for example in examples("'>>> 6 * 7'")]
    ['6 * 7\\n']
    """
    parser = doctest.DocTestParser()
    return [
        example
        for node in (ast.walk(ast.parse(source)) if ">>> " in source else ())
        if isinstance(node, DOCUMENTED)
        for example in parser.get_examples(ast.get_docstring(node) or "")
    ]


def run_examples(module: ModuleType) -> tuple[int, str]:
    """Run the examples of a module; return how many there are, and what is wrong with them."""
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        results = doctest.testmod(module)
    return results.attempted, report.getvalue()


SHOWN = [
    path
    for folder in ("labkit", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if examples(path.read_text("utf-8"))
]


@pytest.mark.parametrize("path", SHOWN, ids=relative)
def test_the_examples_of_a_module_hold(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    shown = examples(path.read_text("utf-8"))
    ran, wrong = run_examples(importlib.import_module(name))
    assert not wrong, wrong
    # One that is skipped, or that doctest does not find, as in a function inside a function, would
    # hold whatever it says.
    assert not any(doctest.SKIP in example.options for example in shown)
    assert ran == len(shown)


def test_an_example_that_does_not_hold_is_found() -> None:
    assert run_examples(ModuleType("spam", ">>> 6 * 7\n42")) == (1, "")
    ran, wrong = run_examples(ModuleType("spam", ">>> 6 * 7\n41"))
    assert ran == 1
    assert "Expected:\n    41\nGot:\n    42" in wrong


def test_an_example_that_nobody_runs_is_found() -> None:
    source = "def outer():\n    def inner():\n        '''\n        >>> 1\n        2\n        '''"
    module = ModuleType("spam")
    exec(source, module.__dict__)
    assert run_examples(module) == (0, "")
    assert len(examples(source)) == 1

"""What one person can hold in mind: the size, the name, the docstring and the test of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "labkit").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

MODULE_LINES = 300
FUNCTION_STATEMENTS = 40
#: Names that say where code was put, not what it is.
EMPTY_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
#: Folders of tests that are about more than one module, so that no module has their name.
WIDER = {"architecture", "benchmarks", "browser", "interop", "setup"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def long_functions(source: str) -> Iterator[str]:
    """Name each function over the limit. A check is a flat list of cases, each a statement."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            statements = sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1
            if statements > FUNCTION_STATEMENTS:
                yield f"{node.name} has {statements} statements"


def mirrored(test: Path) -> list[Path]:
    """Return what ``test`` may be named after: a module, a package, or a table of cases beside it.

    >>> [relative(path) for path in mirrored(ROOT / "tests/protocol/test_frames.py")]
    ['labkit/protocol/frames.py', 'labkit/protocol/frames', 'tests/protocol/frames.py']
    """
    folder = test.parent.relative_to(ROOT / "tests")
    name = test.stem.removeprefix("test_")
    package = ROOT / "labkit" / folder
    return [package / f"{name}.py", package / name, test.with_name(f"{name}.py")]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_fits_in_one_mind(path: Path) -> None:
    source = path.read_text("utf-8")
    assert len(source.splitlines()) <= MODULE_LINES
    assert list(long_functions(source)) == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_has_a_name_that_says_what_is_in_it(path: Path) -> None:
    assert not EMPTY_NAMES.intersection(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize(
    "path",
    [test for test in TESTS if not WIDER.intersection(test.relative_to(ROOT).parts)],
    ids=relative,
)
def test_a_test_is_named_after_what_it_tests(path: Path) -> None:
    assert any(candidate.exists() for candidate in mirrored(path)), (
        f"{relative(path)} names none of {', '.join(map(relative, mirrored(path)))}; "
        f"a test of several modules belongs in one of tests/{{{','.join(sorted(WIDER))}}}"
    )


def test_a_function_over_the_limit_is_found() -> None:
    body = "    pass\n" * FUNCTION_STATEMENTS
    assert list(long_functions(f"async def spam():\n{body}    pass\n")) == [
        "spam has 41 statements"
    ]
    assert list(long_functions(f"def spam():\n{body}")) == []

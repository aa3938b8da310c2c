"""Makes codecs of which each lacks one rule. Judges none of them.

A mutant is the package with one change to one module, loaded in memory under a name of its own.
Changed is what refuses something: a ``raise`` and what leads to it, and each function that answers
yes or no.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

PACKAGE = "mutant"

BOUNDS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}

Change = Callable[[ast.AST], None]


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what it is, and the module's code with it."""

    module: str
    line: int
    change: str
    source: str
    code: CodeType

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line}: {self.change}: {self.source}"


def read_package(folder: Path) -> dict[str, str]:
    """Return the source of each module of a package by its name."""
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield each mutant of a module.

    >>> source = "def f(x):\\n    if x < 0 or x > 9:\\n        raise ValueError(x)"
    >>> for mutant in mutants("f", source): print(mutant)
    f.py:3: without the raise: raise ValueError(x)
    f.py:2: without `x < 0`: if x < 0 or x > 9:
    f.py:2: without `x > 9`: if x < 0 or x > 9:
    f.py:2: the bound of `x < 0` moved: if x < 0 or x > 9:
    f.py:2: the bound of `x > 9` moved: if x < 0 or x > 9:
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    for index, node in enumerate(ast.walk(tree)):
        for line, words, change in _changes(node):
            changed = deepcopy(tree)
            change(next(copy for i, copy in enumerate(ast.walk(changed)) if i == index))
            code = compile(ast.fix_missing_locations(changed), f"{module}.py", "exec")
            yield Mutant(module, line, words, lines[line - 1].strip(), code)


def _changes(node: ast.AST) -> Iterator[tuple[int, str, Change]]:
    """Yield the changes to make to a node: the line, what it is in words, what makes it."""
    for block in ("body", "orelse"):
        statements = getattr(node, block, None)
        for place, statement in enumerate(statements if isinstance(statements, list) else []):
            if _refuses(statement):
                yield statement.lineno, "without the raise", _leaving_out(block, place)
    match node:
        case ast.If(test=test, body=body) if any(_refuses(statement) for statement in body):
            yield from _weakenings(test, lambda copy: copy.test)
        case ast.FunctionDef(returns=ast.Name(id="bool")):
            for place, each in enumerate(ast.walk(node)):
                if isinstance(each, ast.Return) and each.value is not None:
                    yield each.lineno, "yes", _answering_yes(place)
                    yield from _weakenings(each.value, lambda copy, at=place: _at(copy, at).value)


def _weakenings(
    test: ast.expr, find: Callable[[ast.AST], ast.AST]
) -> Iterator[tuple[int, str, Change]]:
    """Yield the changes to a condition, which ``find`` finds in a copy of its node."""
    for place, part in enumerate(ast.walk(test)):
        match part:
            case ast.BoolOp(values=values):
                for operand, value in enumerate(values):
                    words = f"without `{ast.unparse(value)}`"
                    yield part.lineno, words, _without_operand(find, place, operand)
            case ast.Compare(ops=ops):
                for operand, kind in enumerate(ops):
                    if type(kind) in BOUNDS:
                        words = f"the bound of `{ast.unparse(part)}` moved"
                        yield part.lineno, words, _moving_bound(find, place, operand)


def _refuses(statement: ast.stmt) -> bool:
    """Tell whether a statement raises, and not to say that this cannot happen."""
    match statement:
        case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
            return False
        case ast.Raise():
            return True
    return False


def _at(node: ast.AST, place: int) -> ast.AST:
    return next(each for i, each in enumerate(ast.walk(node)) if i == place)


def _leaving_out(block: str, place: int) -> Change:
    def change(node: ast.AST) -> None:
        getattr(node, block)[place] = ast.Pass()

    return change


def _answering_yes(place: int) -> Change:
    def change(node: ast.AST) -> None:
        _at(node, place).value = ast.Constant(True)  # type: ignore[attr-defined]

    return change


def _without_operand(find: Callable[[ast.AST], ast.AST], place: int, operand: int) -> Change:
    def change(node: ast.AST) -> None:
        condition = _at(find(node), place)
        assert isinstance(condition, ast.BoolOp)
        condition.values[operand] = ast.Constant(isinstance(condition.op, ast.And))

    return change


def _moving_bound(find: Callable[[ast.AST], ast.AST], place: int, operand: int) -> Change:
    def change(node: ast.AST) -> None:
        ops = _at(find(node), place).ops  # type: ignore[attr-defined]
        ops[operand] = BOUNDS[type(ops[operand])]()

    return change


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the modules of one package from compiled code."""

    def __init__(self, modules: Mapping[str, CodeType]) -> None:
        self._modules = modules

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, module = name.partition(".")
        if package != PACKAGE or (module or "__init__") not in self._modules:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=not module)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._modules[module.__name__.partition(".")[2] or "__init__"], vars(module))


@contextmanager
def loaded(modules: Mapping[str, CodeType]) -> Iterator[Callable[[str], ModuleType]]:
    """Load a package from compiled code; yield what imports a module of it by name."""
    finder = _Finder(modules)
    sys.meta_path.insert(0, finder)
    try:
        yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]

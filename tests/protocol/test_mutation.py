"""Without any one of its rules, the codec fails a case of the table."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType, ModuleType

import pytest

import labkit.protocol

from .conformance import CASES
from .mutation import Mutant, loaded, mutants, read_package
from .playing import play

SOURCES = read_package(Path(labkit.protocol.__file__).parent)
CODE: Mapping[str, CodeType] = {
    module: compile(source, f"{module}.py", "exec") for module, source in SOURCES.items()
}
MUTANTS = [mutant for module, source in SOURCES.items() for mutant in mutants(module, source)]


def failed_case(codec: Callable[[str], ModuleType]) -> str | None:
    """Return the name of the first case that does not come out as the table says."""
    for name, case in CASES.items():
        try:
            outcome = play(case, codec)
        except Exception:
            return name
        if outcome != list(case.expected):
            return name
    return None


def test_the_codec_as_it_is_fails_no_case() -> None:
    with loaded(CODE) as codec:
        assert failed_case(codec) is None


@pytest.mark.parametrize("module", sorted({mutant.module for mutant in MUTANTS}))
def test_without_any_one_rule_the_codec_fails_a_case(module: str) -> None:
    survivors = [mutant for mutant in MUTANTS if mutant.module == module and survives(mutant)]
    assert not survivors, "no case misses what these rules refuse:\n" + "\n".join(
        map(str, survivors)
    )


def survives(mutant: Mutant) -> bool:
    with loaded({**CODE, mutant.module: mutant.code}) as codec:
        return failed_case(codec) is None


def test_every_raise_of_the_codec_is_left_out_in_one_mutant() -> None:
    raises = [
        node
        for source in SOURCES.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Raise) and "AssertionError" not in ast.unparse(node)
    ]
    assert len([mutant for mutant in MUTANTS if mutant.change == "without the raise"]) == len(
        raises
    )

from __future__ import annotations

from IPython.core.compilerop import CachingCompiler

from labkit.kernel.places import Places
from labkit.kernel.wording import describe, explain, headline


def places_of(source: str) -> tuple[Places, dict[str, object]]:
    """Run ``source`` as IPython's cell 4 would; return how to find its lines, and what it made."""
    compiler = CachingCompiler()
    name = compiler.cache(source, 4)
    made: dict[str, object] = {}
    exec(compiler(source, name, "exec"), made)
    return Places(compiler), made


def error_of(function: object) -> BaseException:
    assert callable(function)
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def test_an_error_is_told_by_the_readers_own_lines() -> None:
    places, made = places_of(
        "def greet(name=''):\n    if not name:\n        raise ValueError('no name')"
    )

    assert describe("Task `greet` failed", error_of(made["greet"]), places) == (
        "Task `greet` failed: ValueError: no name\n"
        "  cell [4], line 3, in greet\n"
        "    raise ValueError('no name')\n"
    )


def test_a_line_outside_of_functions_names_none() -> None:
    places, _ = places_of("")
    source = "1 / 0"
    compiler = places._compiler
    code = compiler(source, compiler.cache(source, 5), "exec")

    text = explain(error_of(lambda: exec(code)), places)

    assert text == "ZeroDivisionError: division by zero\n  cell [5], line 1\n    1 / 0\n"


def test_an_error_that_passed_no_line_of_the_reader_is_placed_in_the_library() -> None:
    places, _ = places_of("")

    text = explain(error_of(lambda: int("spam")), places)

    assert "\n  test_wording.py, line " in text
    assert text.endswith('int("spam")), places)\n')


def test_each_error_of_a_group_is_told() -> None:
    places, _ = places_of("")
    inner = ExceptionGroup("inner", [KeyError("b"), OSError("c")])

    text = describe("Task failed", ExceptionGroup("outer", [ValueError("a"), inner]), places)

    assert text.splitlines() == [
        "Task failed: ValueError: a",
        "Task failed: KeyError: 'b'",
        "Task failed: OSError: c",
    ]


def test_a_deep_recursion_is_told_by_its_ends() -> None:
    places, made = places_of("def dig(n=20):\n    return dig(n - 1) if n else 1 / 0")

    lines = explain(error_of(made["dig"]), places).splitlines()

    assert lines.count("  cell [4], line 2, in dig") == 6
    assert lines[7] == "  … 15 more lines"


def test_an_error_without_a_text_is_told_by_its_name() -> None:
    assert headline(TimeoutError()) == "TimeoutError"

"""labkit.grading.sources: what a cell's text says."""

from __future__ import annotations

import pytest

from labkit.grading.sources import compiled, is_indented, names_in, parsed, stubs_in


def _run(source: str) -> dict[str, object]:
    namespace: dict[str, object] = {}
    exec(compiled(source, "cell"), namespace)
    return namespace


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\nx = 1",
        "!pip install websockets\nx = 1",
        "x = 1\n%time print(x)",
        "%%time\nx = 1",
        "x = 1\nprint?",
        "?print\nx = 1",
        "files = !ls\nx = 1",
        "t = %timeit -o f()\nx = 1",
        "if True:\n    %time f()\nx = 1",
        "    x = 1\n    y = 2",
    ],
)
def test_what_only_a_notebook_understands_does_nothing(source: str) -> None:
    assert _run(source)["x"] == 1


def test_a_percent_sign_in_good_python_is_left_alone() -> None:
    assert _run('x = """\n%time\n"""')["x"] == "\n%time\n"


def test_a_top_level_await_compiles() -> None:
    compiled("await something()", "cell")


def test_a_syntax_error_is_that_of_the_cell_as_written() -> None:
    with pytest.raises(SyntaxError) as error:
        compiled("x = 1\n%time\ndef f(:", "cell")
    assert error.value.lineno == 2


@pytest.mark.parametrize("source", ["def f(:", "\0", "(" * 10_000, "-" * 1_000_000 + "1"])
def test_what_is_no_python_has_no_tree(source: str) -> None:
    assert parsed(source) is None


def test_names_are_those_of_the_top_level() -> None:
    source = "import x\nasync def a(): b = 1\nclass C:\n    def d(self): ...\ne: int = 1\nf == 2"
    assert names_in(source) == {"a", "C", "e"}


def test_names_are_found_in_text_that_is_not_quite_python() -> None:
    assert names_in("def mask(data, key:\n    return 1") == {"mask"}


def test_a_function_with_the_stubs_error_is_a_stub() -> None:
    stub = 'def f(x):\n    """Doc."""\n    raise NotImplementedError("exercise 01.1")'
    assert stubs_in(stub) == {"f"}


def test_a_class_with_one_unwritten_method_is_a_stub() -> None:
    source = 'class C:\n    def f(self):\n        raise NotImplementedError("exercise 01.1")'
    assert stubs_in(source) == {"C"}


def test_an_error_of_the_learners_own_makes_no_stub() -> None:
    assert stubs_in('def f():\n    raise NotImplementedError("binary frames")') == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [("    return x", True), ("\n# note\n\treturn x", True), ("return x", False), ("", False)],
)
def test_the_second_half_of_a_function_begins_indented(source: str, expected: bool) -> None:
    assert is_indented(source) is expected

import linecache

import pytest

from labkit.checks.messages import Place, Raised, Unwritten
from labkit.checks.tracing import report

SOURCE = "import json\ndef f(text):\n    return json.loads(text)\n"


def raised_by(source: str, expression: str) -> tuple[BaseException, dict[str, object]]:
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    code: dict[str, object] = {}
    exec(compile(source, "<cell>", "exec"), code)
    try:
        eval(expression, dict(code))
    except BaseException as error:
        return error, code
    raise AssertionError("nothing was raised")


def test_the_place_is_the_innermost_line_of_the_learner() -> None:
    told = report(*raised_by(SOURCE, "f('{')"))
    assert isinstance(told, Raised)
    assert told.place == Place(3, "return json.loads(text)")


def test_an_error_before_any_line_of_the_learner_has_no_place() -> None:
    told = report(*raised_by(SOURCE, "f()"))
    assert isinstance(told, Raised)
    assert told.place is None


@pytest.mark.parametrize("arguments", [("exercise 01.1",), ()])
def test_the_stubs_own_error_is_no_error(arguments: tuple[str, ...]) -> None:
    told = report(NotImplementedError(*arguments), {})
    assert told == Unwritten("the cell still holds the stub")


def test_an_exception_that_cannot_say_what_it_is_is_told_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    told = report(Mute(), {})
    assert isinstance(told, Raised)
    assert told.text == "its `__str__` raised RuntimeError"

import asyncio
import linecache
from typing import Any

import pytest

from labkit.checks import plain
from labkit.checks.messages import Place, Raised, Unwritten
from labkit.checks.tracing import awaiting, innermost, report, returned

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


AWAITING = """import asyncio
async def outer():
    await inner()
async def inner():
    async with asyncio.timeout(60):
        await asyncio.Event().wait()
"""


async def test_a_coroutine_waits_at_the_innermost_line_of_the_learner() -> None:
    linecache.cache["<cell>"] = (0, None, AWAITING.splitlines(keepends=True), "<cell>")
    code: dict[str, Any] = {}
    exec(compile(AWAITING, "<cell>", "exec"), code)
    coroutine = code["outer"]()
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    assert innermost(awaiting(coroutine), code) == Place(6, "await asyncio.Event().wait()")
    task.cancel()
    await asyncio.wait([task])
    assert innermost(awaiting(coroutine), code) is None


async def test_a_coroutine_in_place_of_a_value_is_described_and_closed() -> None:
    told = returned(asyncio.sleep(1), remedy="is an `await` missing?")
    value = plain.decode(told.value)
    assert value == plain.Foreign("a coroutine: is an `await` missing?")

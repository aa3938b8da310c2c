"""A name that is not what its cell says, because the cell failed when it last ran."""

from __future__ import annotations

from typing import Any

import pytest

OUTDATED = "__import__('labkit.kernel.definitions').kernel.definitions.outdated('shout')"
GOOD = "def shout(text):\n    return text.upper()"


@pytest.mark.parametrize(
    "failing",
    ["def shout(text:\n    return text", "1 / 0\ndef shout(text):\n    return text"],
    ids=["does not compile", "fails before the definition"],
)
async def test_a_cell_that_fails_leaves_the_function_of_before(kernel: Any, failing: str) -> None:
    await kernel.run(GOOD, cell="answer")
    assert await kernel.value(OUTDATED) is None

    await kernel.run(failing, cell="answer")
    assert await kernel.value(OUTDATED) == "cell [4]"

    await kernel.run(GOOD, cell="answer")
    assert await kernel.value(OUTDATED) is None


async def test_a_cell_that_fails_after_the_definition_has_made_it_anew(kernel: Any) -> None:
    await kernel.run(GOOD)
    await kernel.run(f"{GOOD}\n1 / 0")
    assert await kernel.value(OUTDATED) is None


async def test_a_function_that_was_never_made_is_not_outdated(kernel: Any) -> None:
    await kernel.run("def shout(text:")
    assert await kernel.value(OUTDATED) is None


async def test_a_check_says_that_it_judged_what_was_there_before(kernel: Any) -> None:
    await kernel.run("from labkit import check")
    await kernel.run("async def shout(connection): ...", cell="answer")
    await kernel.run("async def shout(connection: ...", cell="answer")
    ran = await kernel.run("check('02.1', shout)")
    assert ran.text.startswith("FAIL 02.1 shout")
    assert ran.text.endswith("cell [4] failed: this was the `shout` of before\n")


async def test_after_unloading_nothing_is_noted(kernel: Any) -> None:
    await kernel.run(GOOD)
    await kernel.run("def shout(text:")
    await kernel.run("%unload_ext labkit")
    assert await kernel.value(OUTDATED) is None

"""What every test may rely on: a missing real component is skipped by name, or is a failure."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import warnings
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import settings

from labkit.course.parts import PARTS, survey

# A shell's background job ignores Ctrl-C, and so would every command that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
# A slow machine is not a bug.
settings.register_profile("labkit", deadline=None)
settings.load_profile("labkit")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Collect what a module has left before the next begins, which may take it for its own."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()


@pytest_asyncio.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind, or something to be closed."""
    with warnings.catch_warnings():
        # What the tests before have left is not this one's.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    yield
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != {asyncio.current_task()}:
            await asyncio.sleep(0)
    gc.collect()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose real component is missing; where everything is required, fail it."""
    needed = {name for mark in item.iter_markers("needs") for name in mark.args}
    assert needed <= {part.name for part in PARTS}, f"doctor does not know all of {needed}"
    for finding in survey(part for part in PARTS if part.name in needed):
        if finding.state == "ok":
            continue
        message = f"needs {finding.part.name}: {finding.remedy}"
        if os.environ.get("LABKIT_REQUIRE_ALL") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)

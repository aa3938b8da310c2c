"""Runs a test in a simulated network, as a check runs: nobody waits for its time to pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from labkit.simnet.loop import SimLoop
from labkit.simnet.process import Process
from labkit.simnet.world import World

Given = ParamSpec("Given")


def simulated(
    test: Callable[Given, Coroutine[Any, Any, None]],
) -> Callable[Given, None]:
    """Have ``test`` run in virtual time. If everybody waits for somebody, it fails with a table."""

    @wraps(test)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        with asyncio.Runner(loop_factory=lambda: SimLoop(Process(World()))) as runner:
            runner.run(test(*args, **kwargs))

    return run

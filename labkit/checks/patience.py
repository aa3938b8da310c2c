"""How long a check waits for an answer: as long as something may come, and hardly longer.

A wrong answer mostly waits for what never comes. The answer's loop is asked for that, so that the
check need not wait as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

SOON_S = 0.01
#: What an answer will do of itself later than this is not waited for. A sleep or a timeout in an
#: answer is shorter; what the `websockets` library does of itself, it does after 10 s or more.
HORIZON_S = 1.0
# How long bytes may be on their way through the kernel of a busy machine. Waited for once: where
# nothing came one time, the verdict is fail, and the times after it need not be as sure.
GRACE_S = 0.03
LATER_S = 0.003

Found = TypeVar("Found")


@dataclass(frozen=True)
class Rest:
    """An answer has acted on everything that arrived. ``why`` says why nothing came of it.

    It will act of itself in ``wakes_s``; None: never. What ``is_stalled`` may come back to life,
    but whether and when is no matter of merit: it stays stalled.
    """

    why: str
    wakes_s: float | None = None
    is_stalled: bool = False


class Patience:
    """Waits for one answer. Whoever waits for the same answer shares it."""

    def __init__(self) -> None:
        self._grace_s = GRACE_S
        self._stalled: Rest | None = None

    async def wait(
        self,
        within: Callable[[float], Awaitable[Found | None]],
        settle: Callable[[], Awaitable[Rest]],
    ) -> Found | Rest:
        """Return what ``within`` some seconds is found, or the rest in which it cannot come."""
        if self._stalled is not None:
            return self._stalled
        now = asyncio.get_running_loop().time
        ends = now() + HORIZON_S
        wait_s = min(SOON_S, self._grace_s)
        while True:
            found = await within(wait_s)
            if found is not None:
                return found
            rest = await settle()
            if rest.is_stalled:
                self._stalled = rest
                return rest
            if rest.wakes_s is None or not now() + rest.wakes_s <= ends:
                break
            wait_s = max(rest.wakes_s, SOON_S)
        found = await within(self._grace_s)
        if found is not None:
            return found
        self._grace_s = LATER_S
        return rest


async def taken(queue: asyncio.Queue[Found], within_s: float) -> Found | None:
    """Return what ``queue`` gives within some seconds."""
    try:
        async with asyncio.timeout(within_s):
            return await queue.get()
    except TimeoutError:
        return None

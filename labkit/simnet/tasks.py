"""Tasks that know on which host they run, and in which order they began. Starts none."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

LOCALHOST = "localhost"

#: On which host the current code runs. Tasks that it starts run there, too.
current_host: ContextVar[str] = ContextVar("current_host", default=LOCALHOST)


class SimTask(asyncio.Task[Any]):
    """The ``number``th task of its loop.

    Its hash is its number: asyncio keeps tasks in sets, and cancels them in the order of those,
    which is one of chance where a hash is an address.
    """

    def __init__(self, coro: Any, *, number: int, host: str, **options: Any) -> None:
        # asyncio puts the task into a set as soon as it is made.
        self.number = number
        self.host = host
        options["name"] = options.get("name") or f"Task-{number}"
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number

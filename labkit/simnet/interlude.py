"""Steps out of the event loop that runs in this thread, so that another one may run there.

Does not let the first one run meanwhile: it stands still, and everybody on it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def interlude() -> Iterator[None]:
    """Run the block as if no event loop ran, and no task. Afterwards all is as it was."""
    loop = asyncio._get_running_loop()
    if loop is None:
        yield
        return
    task = asyncio.current_task(loop)
    # A task can be left and entered only while its loop is the one that runs.
    if task is not None:
        asyncio._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if task is not None:
            asyncio._enter_task(loop, task)

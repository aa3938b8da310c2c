"""What code finds around it in the thread of a simulated loop. Runs none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from labkit.simnet.blocking import blocking_sockets
from labkit.simnet.clocks import virtual_time
from labkit.simnet.entropy import seeded
from labkit.simnet.own_threads import own_threads
from labkit.simnet.virtual import VirtualLoop


@contextlib.contextmanager
def inhabited(loop: VirtualLoop, seed: object) -> Iterator[None]:
    """Have this thread be the loop's own: its clocks, its sockets, its threads, and a chance."""
    with (
        _without_proxies(),
        virtual_time(loop.clock),
        blocking_sockets(loop.access),
        own_threads(loop.threads),
        seeded(seed),
    ):
        yield


@contextlib.contextmanager
def _without_proxies() -> Iterator[None]:
    """Keep the environment out: a simulated network has no proxy that it names."""
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "*"
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before

"""A host and a world around it, as a check has them: for tests that ask an answer themselves."""

from __future__ import annotations

import asyncio
import contextlib
import linecache
import textwrap
import threading
from collections.abc import Coroutine, Iterator
from multiprocessing import Pipe
from typing import Any, TypeVar

from labkit.checks.channel import Channel
from labkit.checks.host import Host
from labkit.checks.messages import Leave, Reply, Request
from labkit.simnet import pipe as simnet
from labkit.simnet.loop import SimLoop
from labkit.simnet.process import Process
from labkit.simnet.world import World

Value = TypeVar("Value")


class Conversation:
    """The near end of ``pipe``: a simulated world, in virtual time, with a channel to the host."""

    def __init__(self, pipe: simnet.PolledPipe, *, limit_s: float = 60.0) -> None:
        self.network = World(limit_s=24 * 3600.0)
        self.channel = Channel(self.network, pipe, limit_s=limit_s)
        self._runner = asyncio.Runner(loop_factory=lambda: SimLoop(Process(self.network)))

    def ask(self, request: Request) -> Reply:
        """Return the reply to ``request``."""
        return self.run(self.channel.ask(request))

    def run(self, coroutine: Coroutine[Any, Any, Value]) -> Value:
        """Run the check's side of something; the answer's side runs meanwhile."""
        return self._runner.run(coroutine)

    def close(self) -> None:
        """End the check."""
        self._runner.close()


@contextlib.contextmanager
def conversing(pipe: simnet.PolledPipe, *, limit_s: float = 60.0) -> Iterator[Conversation]:
    """Converse with whatever is at the far end of ``pipe``."""
    conversation = Conversation(pipe, limit_s=limit_s)
    try:
        yield conversation
        conversation.ask(Leave())
    finally:
        conversation.close()


@contextlib.contextmanager
def hosting(source: str, *, deadline_s: float = 0.3, **options: Any) -> Iterator[Conversation]:
    """Host the names that ``source`` defines, as a cell would, and look after the host."""
    source = textwrap.dedent(source)
    linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
    code: dict[str, Any] = {}
    exec(compile(source, "<cell>", "exec"), code)
    near, far = Pipe()
    with far, Host(far, code, code=code, deadline_s=deadline_s, **options) as host:
        watch = threading.Thread(target=host.watch, name="watch", daemon=True)
        watch.start()
        with near, conversing(near) as conversation:
            yield conversation
        watch.join()

"""What runs on a simulated host as soon as the host does. Knows no network but its hosts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from typing import Any, TypeAlias

from labkit.errors import UsageError
from labkit.simnet.tasks import current_host
from labkit.simnet.virtual import VirtualLoop
from labkit.simnet.world import World

Program: TypeAlias = Callable[[], Coroutine[Any, Any, object]]


class Programs:
    """The programs of the hosts of ``world``, started with their hosts, and ended with them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._installed: list[tuple[str, Program]] = []
        self._loop: VirtualLoop | None = None
        #: The host, by the task. What a crash has ended is not in it.
        self._running: dict[asyncio.Task[Any], str] = {}

    def install(self, host: str, program: Program) -> None:
        """Have ``program`` run while ``host`` does, and start it if that is now.

        Raises UsageError if it cannot be started again, as a coroutine cannot.
        """
        if asyncio.iscoroutine(program):
            program.close()
            name = program.__qualname__
            raise UsageError(
                f"{name}() is one run of a program, and a host may start more than once: "
                f"give the function, {name}"
            )
        self._world.hosts.named(host)
        self._installed.append((host, program))
        self._start(host, program)

    @contextlib.contextmanager
    def running_on(self, loop: VirtualLoop) -> Iterator[None]:
        """Run the programs on ``loop``, those of which the hosts are up."""
        self._loop = loop
        self._world.crashed, self._world.restarted = self._end, self._start_all
        for installed in self._installed:
            self._start(*installed)
        try:
            yield
        finally:
            # From here on, the loop ends what runs on it.
            self._world.restarted = lambda host: None
            self._loop = None
            self._running.clear()

    def _start_all(self, name: str) -> None:
        for host, program in self._installed:
            if host == name:
                self._start(host, program)

    def _start(self, host: str, program: Program) -> None:
        if self._loop is None or not self._world.hosts.get(host).is_up:
            return
        # Another machine has nothing of what is set on this one.
        context = Context()
        context.run(current_host.set, host)
        task = self._loop.create_task(context.run(program), context=context)
        self._running[task] = host
        task.add_done_callback(self._take)

    def _end(self, name: str) -> None:
        self._running = {task: host for task, host in self._running.items() if host != name}
        if self._loop is not None:
            self._loop.end_tasks_of(name)

    def _take(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        host = self._running.pop(task, None)
        if error is not None and host is not None and self._loop is not None:
            error.add_note(f"on the simulated host {host!r}")
            self._loop.end_with(error)

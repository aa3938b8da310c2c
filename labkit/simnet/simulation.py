"""A network to run programs in: hosts, links and faults, and a clock that nobody waits for.

>>> from websockets.asyncio.client import connect
>>> from websockets.asyncio.server import serve
>>> simulation = Simulation()
>>> simulation.link("phone", "shop", latency_s=0.05)
>>> async def answer(connection):
...     async for question in connection:
...         await asyncio.sleep(60)
...         await connection.send(f"{question} is on its way")
>>> async def order():
...     with simulation.on("shop"):
...         await serve(answer, "shop", 80)
...     with simulation.on("phone"):
...         async with connect("ws://shop") as connection:
...             await connection.send("Spam")
...             return await connection.recv(), asyncio.get_running_loop().time()
>>> simulation.run(order())
('Spam is on its way', 60.3)
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from labkit.errors import SimulationError
from labkit.simnet.faults import Fault, apply
from labkit.simnet.habitat import inhabited
from labkit.simnet.hosts import Host
from labkit.simnet.interlude import interlude
from labkit.simnet.loop import SimLoop, current_host
from labkit.simnet.paths import Conditions
from labkit.simnet.process import Process
from labkit.simnet.programs import Program, Programs
from labkit.simnet.recording import Recording
from labkit.simnet.schedule import nanoseconds
from labkit.simnet.watch import watched
from labkit.simnet.world import World

Value = TypeVar("Value")

#: Many connections are many objects, and hardly any of them garbage.
GC_THRESHOLDS = (50_000, 20, 100)


class Simulation:
    """A world and one event loop in it, with a clock and a chance of their own.

    It ends with TimeIsUp after ``limit_s`` virtual seconds, and with Blocked if some code keeps the
    loop for ``busy_s`` real ones. The same ``seed`` and the same code give the same bytes at the
    same times.
    """

    def __init__(self, seed: object = 0, *, limit_s: float = 3600.0, busy_s: float = 5.0) -> None:
        self.world = World(seed, limit_s=limit_s)
        self._programs = Programs(self.world)
        self._seed = seed
        self._busy_s = busy_s

    def host(self, name: str) -> Host:
        """Return the host of that name; the first time, make it."""
        return self.world.hosts.named(name)

    def link(
        self,
        one: str,
        other: str,
        *,
        latency_s: float = 0.0,
        jitter_s: float = 0.0,
        bandwidth: float | None = None,
    ) -> None:
        """Set what the link between two hosts does, both ways. See ``Conditions``."""
        for name in (one, other):
            self.host(name)
        for origin, target in _both_ways(one, other):
            path = self.world.path(origin, target)
            path.conditions = Conditions(latency_s, jitter_s, bandwidth)

    def cut(self, one: str, other: str, *, one_way: bool = False) -> None:
        """Let nothing through between two hosts, or from one to the other. Nobody is told.

        Raises UsageError for a name that ``host``, ``link``, ``on`` and ``boot`` were never given.
        """
        for origin, target in _both_ways(one, other)[: 1 if one_way else 2]:
            self.world.set_cut(origin, target, True)

    def heal(self, one: str, other: str) -> None:
        """Let everything through again."""
        for origin, target in _both_ways(one, other):
            self.world.set_cut(origin, target, False)

    def at(self, time_s: float, action: Callable[[], object]) -> None:
        """Have ``action`` called at a virtual time, in seconds."""

        def act() -> None:
            action()
            self.world.alert()

        self.world.schedule.at(nanoseconds(time_s), act)

    def boot(self, host: str, program: Program) -> None:
        """Run ``program``, a coroutine function, on ``host``: now, and whenever it starts again.

        As long as nothing runs, now is when ``run`` begins. What the program raises ends the run,
        and has the host's name in a note; if the host has crashed, nobody hears of it. Where it
        still runs at the end of the run, it is cancelled.

        >>> async def shop():
        ...     print("open since", asyncio.get_running_loop().time())
        ...     await asyncio.Event().wait()
        >>> simulation = Simulation()
        >>> simulation.boot("shop", shop)
        >>> simulation.at(5, lambda: simulation.crash("shop"))
        >>> simulation.at(7.5, lambda: simulation.restart("shop"))
        >>> simulation.run(asyncio.sleep(10))
        open since 0.0
        open since 7.5
        """
        self._programs.install(host, program)

    def crash(self, host: str) -> None:
        """End everything on ``host`` without a word to anybody. Raises UsageError; see ``cut``."""
        self.world.crash(host)

    def restart(self, host: str) -> None:
        """Let ``host`` be there again, with what was booted on it, and nothing else."""
        self.world.restart(host)

    def plan(self, faults: Iterable[Fault]) -> None:
        """Have ``faults`` happen when they say. See ``labkit.simnet.faults`` and ``plans``."""
        apply(self.world, faults)

    def record(self) -> Recording:
        """Write down everything that crosses the network from now on."""
        return Recording(self.world)

    @contextlib.contextmanager
    def on(self, host: str) -> Iterator[Host]:
        """Run the block, and the tasks that it starts, on ``host``."""
        token = current_host.set(host)
        try:
            yield self.host(host)
        finally:
            current_host.reset(token)

    def run(self, main: Coroutine[Any, Any, Value]) -> Value:
        """Run ``main`` to its end, and return what it returns.

        Raises Deadlock if it never ends, TimeIsUp if it takes too long. Where a loop runs already,
        as in a notebook, that one stands still meanwhile.
        """
        loop = SimLoop(Process(self.world), skew_s=self._skew_s)
        with (
            interlude(),
            _patient_collector(),
            watched(loop, self._busy_s),
            inhabited(loop, self._seed),
            _closing(asyncio.Runner(loop_factory=lambda: loop)) as runner,
            self._programs.running_on(loop),
        ):
            return runner.run(main)

    def _skew_s(self, name: str) -> float:
        host = self.world.hosts.known(name)
        return host.clock_skew_s if host is not None else 0.0


def _both_ways(one: str, other: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (one, other), (other, one)


@contextlib.contextmanager
def _closing(runner: asyncio.Runner) -> Iterator[asyncio.Runner]:
    """Close ``runner`` at the end, and have an error of the block come before one of closing.

    An interrupt may break off a task in the middle of a step, so that it never ends.
    """
    try:
        yield runner
    except BaseException:
        with contextlib.suppress(SimulationError):
            runner.close()
        raise
    runner.close()


@contextlib.contextmanager
def _patient_collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)

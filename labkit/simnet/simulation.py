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
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from labkit.simnet.clocks import virtual_time
from labkit.simnet.entropy import seeded
from labkit.simnet.faults import Fault, apply
from labkit.simnet.hosts import Host
from labkit.simnet.loop import SimLoop, current_host
from labkit.simnet.paths import Conditions
from labkit.simnet.process import Process
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
        for origin, target in self._both_ways(one, other):
            path = self.world.path(origin, target)
            path.conditions = Conditions(latency_s, jitter_s, bandwidth)

    def cut(self, one: str, other: str, *, one_way: bool = False) -> None:
        """Let nothing through between two hosts, or from one to the other. Nobody is told."""
        for origin, target in self._both_ways(one, other)[: 1 if one_way else 2]:
            self.world.set_cut(origin, target, True)

    def heal(self, one: str, other: str) -> None:
        """Let everything through again."""
        for origin, target in self._both_ways(one, other):
            self.world.set_cut(origin, target, False)

    def at(self, time_s: float, action: Callable[[], object]) -> None:
        """Have ``action`` called at a virtual time, in seconds."""

        def act() -> None:
            action()
            self.world.alert()

        self.world.schedule.at(nanoseconds(time_s), act)

    def crash(self, host: str) -> None:
        """End everything on ``host`` without a word to anybody."""
        self.world.crash(host)

    def restart(self, host: str) -> None:
        """Let ``host`` be there again, with nothing on it."""
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

        Raises Deadlock if it never ends, TimeIsUp if it takes too long. In a notebook, whose own
        loop runs already, it runs in a thread of its own, and the notebook waits.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._run(main)
        results: list[Value] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(self._run(main))
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, name="labkit-simulation")
        thread.start()
        thread.join()
        for error in errors:
            raise error
        return results[0]

    def _run(self, main: Coroutine[Any, Any, Value]) -> Value:
        loop = SimLoop(Process(self.world), skew_s=self._skew_s)
        self.world.crashed = loop.end_tasks_of
        with (
            _patient_collector(),
            _without_proxies(),
            virtual_time(loop.clock),
            seeded(self._seed),
            watched(loop, self._busy_s),
            asyncio.Runner(loop_factory=lambda: loop) as runner,
        ):
            return runner.run(main)

    def _skew_s(self, name: str) -> float:
        host = self.world.hosts.known(name)
        return host.clock_skew_s if host is not None else 0.0

    def _both_ways(self, one: str, other: str) -> tuple[tuple[str, str], tuple[str, str]]:
        one, other = self.host(one).name, self.host(other).name
        return (one, other), (other, one)


@contextlib.contextmanager
def _patient_collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


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

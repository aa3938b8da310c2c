"""What a simulated network costs, and what it saves: an echo, a herd of clients, a long backoff.

The echo runs the same code over real loopback and over the simulated one, in turns. The herd runs
in a process of its own, so that its memory is its own, and without the garbage collector.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import multiprocessing
import random
import resource
import statistics
import sys
import time
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from reporting import parse_flags, print_json, print_table
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve

from labkit.simnet.clocks import real_time
from labkit.simnet.connections import Connection
from labkit.simnet.observer import Observer
from labkit.simnet.schedule import seconds
from labkit.simnet.simulation import Simulation
from labkit.simnet.world import World

ROUNDS, QUICK_ROUNDS = 15, 5
ROUND_TRIPS = 2_000
JUDGEMENTS, QUICK_JUDGEMENTS = 41, 11

HERD, QUICK_HERD = 10_000, 1_000
CRASH_S, BACK_S, END_S = 60, 90, 660
#: What the library waits at first and at most, of itself.
BASE_S, CAP_S = 5.0, 90.0

#: Five minutes of it.
SCHEDULE_S = [2.0**n for n in range(6)] + [60.0] * 4


async def echo(connection: ServerConnection) -> None:
    """Send every message back."""
    async for message in connection:
        await connection.send(message)


async def echoes_per_s() -> float:
    """Return how many round trips a second one client makes."""
    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as client:
            for left in range(ROUND_TRIPS + ROUND_TRIPS // 10, 0, -1):
                if left == ROUND_TRIPS:
                    started = real_time()
                await client.send("Spam")
                await client.recv()
            return ROUND_TRIPS / (real_time() - started)


def measure_echo(rounds: int) -> tuple[float, float, list[float]]:
    """Return the round trips a second over real and simulated loopback, and each pair's ratio."""
    real, simulated = [], []
    for _ in range(rounds):
        real.append(asyncio.run(echoes_per_s()))
        simulated.append(Simulation().run(echoes_per_s()))
    ratios = sorted(b / a for a, b in zip(real, simulated, strict=True))
    return statistics.median(real), statistics.median(simulated), ratios


# A herd


@dataclass(frozen=True)
class Herd:
    """How a herd of clients came back, the last after ``back_s``, and what it took to see it."""

    clients: int
    refusals: int
    back: int
    back_s: float
    wall_s: float
    rss_mb: float


def full_jitter(rng: random.Random) -> Generator[float, None, None]:
    """Wait between nothing and a bound that doubles, so that a herd spreads out."""
    for attempt in itertools.count():
        yield rng.uniform(0, min(CAP_S, BASE_S * 2**attempt))


class Shop:
    """A server that crashes and comes back.

    Keepalive and compression are off at both ends: they would measure something else.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._server: Server | None = None

    async def open(self) -> None:
        """Serve."""
        with self._simulation.on("shop"):
            self._server = await serve(
                ServerConnection.wait_closed, "shop", 80, ping_interval=None, compression=None
            )

    def crash(self) -> None:
        """Be gone, without a goodbye."""
        assert self._server is not None
        self._server.close(close_connections=False)
        for connection in self._server.connections:
            connection.transport.abort()


class Flock:
    """The clients: how often they were refused, and when they were let in again."""

    def __init__(self) -> None:
        self.refusals = 0
        self.returns_s: list[float] = []

    async def keep_connected(self, number: int) -> None:
        """Be one client, which connects again when it is cut off, until everybody goes home."""
        rng = random.Random(number)

        def delays() -> Generator[float, None, None]:
            for delay in full_jitter(rng):
                self.refusals += 1
                yield delay

        now = asyncio.get_running_loop().time
        # They have not all come in the same instant.
        await asyncio.sleep(rng.uniform(0, CRASH_S / 2))
        async for connection in connect(
            "ws://shop",
            reconnect_delays=delays,
            ping_interval=None,
            compression=None,
            proxy=None,
        ):
            if now() > CRASH_S:
                self.returns_s.append(now())
            await connection.wait_closed()
            if now() > END_S:
                return
            # A connection that ends was a success, after which the library waits for nothing.
            await asyncio.sleep(rng.uniform(0, BASE_S))


async def stampede(simulation: Simulation, clients: int) -> Flock:
    """Let the server crash and come back; the clients have ten minutes to do the same."""
    shop, flock = Shop(simulation), Flock()
    await shop.open()
    with simulation.on("town"):
        herd = [asyncio.create_task(flock.keep_connected(number)) for number in range(clients)]
    await asyncio.sleep(CRASH_S)
    shop.crash()
    await asyncio.sleep(BACK_S - CRASH_S)
    await shop.open()
    await asyncio.sleep(END_S - BACK_S)
    shop.crash()
    await asyncio.gather(*herd)
    return flock


def run_herd(clients: int) -> Herd:
    """Measure a herd. Call it in a process that has done nothing else."""
    # A sixth of the time would go into looking for cycles in millions of objects that live.
    gc.disable()
    started = time.perf_counter()
    simulation = Simulation()
    simulation.link("town", "shop", latency_s=0.02, jitter_s=0.02)
    flock = simulation.run(stampede(simulation, clients))
    wall_s = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In bytes on macOS, in KiB elsewhere.
    rss_mb = peak / (2**20 if sys.platform == "darwin" else 2**10)
    back_s = max(flock.returns_s) - BACK_S
    return Herd(clients, flock.refusals, len(flock.returns_s), back_s, wall_s, rss_mb)


def measure_herd(clients: int) -> Herd:
    """Measure a herd in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(run_herd, clients).result()


# A backoff


class Attempts(Observer):
    """When connections were asked for."""

    def __init__(self, world: World) -> None:
        self.at_s: list[float] = []
        self._schedule = world.schedule

    def begun(self, connection: Connection) -> None:
        self.at_s.append(seconds(self._schedule.now_ns))


async def knock_until_let_in() -> None:
    """Be a client whose server comes back after five minutes."""

    async def come_back() -> None:
        await asyncio.sleep(sum(SCHEDULE_S) - 1)
        await serve(echo, "127.0.0.1", 80)

    coming = asyncio.create_task(come_back())
    async for connection in connect("ws://127.0.0.1:80", reconnect_delays=lambda: delays()):
        await connection.close()
        break
    await coming


def delays() -> Generator[float, None, None]:
    """Wait as SCHEDULE_S says."""
    yield from SCHEDULE_S


def judge_ms() -> float:
    """Return what it takes to simulate a backoff of five minutes and to judge each delay."""
    started = time.perf_counter()
    simulation = Simulation()
    simulation.world.observer = attempts = Attempts(simulation.world)
    simulation.run(knock_until_let_in())
    waited = [later - earlier for earlier, later in itertools.pairwise(attempts.at_s)]
    assert [round(s, 6) for s in waited] == SCHEDULE_S, waited
    return (time.perf_counter() - started) * 1000


def herd_figures(herd: Herd) -> dict[str, float | None]:
    """Return flat figures; without a whole herd, nothing is said of how long one takes."""
    figures: dict[str, float | None] = {f"herd_{HERD}_wall_s": None, f"herd_{HERD}_rss_mb": None}
    return figures | {
        f"herd_{herd.clients}_wall_s": herd.wall_s,
        f"herd_{herd.clients}_rss_mb": herd.rss_mb,
        "herd_clients": herd.clients,
        "herd_back": herd.back,
        "herd_refusals": herd.refusals,
        "herd_back_after_s": herd.back_s,
    }


def main() -> None:
    """Measure, then print."""
    flags = parse_flags(__doc__)
    real, simulated, ratios = measure_echo(QUICK_ROUNDS if flags.quick else ROUNDS)
    low, _, high = statistics.quantiles(ratios)
    ratio = statistics.median(ratios)
    judged_ms = [judge_ms() for _ in range(QUICK_JUDGEMENTS if flags.quick else JUDGEMENTS)]
    herd = measure_herd(QUICK_HERD if flags.quick else HERD)
    if flags.json:
        print_json(
            {
                "echo_ratio_to_loopback": ratio,
                "echo_ratio_low_quartile": low,
                "echo_ratio_high_quartile": high,
                "echo_per_s": simulated,
                "echo_loopback_per_s": real,
                "backoff_judged_ms": statistics.median(judged_ms),
                "backoff_judged_worst_ms": max(judged_ms),
                **herd_figures(herd),
            }
        )
        return
    rows = [("over real loopback", f"{real:.0f}", "")]
    rows += [
        ("over the simulated one", f"{simulated:.0f}", f"× {ratio:.2f} ({low:.2f} to {high:.2f})")
    ]
    print_table(("echo", "round trips a second", "median of the pairs (quartiles)"), rows)
    rows = [
        (
            f"{sum(SCHEDULE_S):.0f} s of backoff, judged",
            f"{statistics.median(judged_ms):.1f} ms",
            "",
        ),
        (
            f"{END_S - CRASH_S} s of {herd.clients} clients after a crash",
            f"{herd.wall_s:.1f} s",
            f"{herd.rss_mb:.0f} MB",
        ),
    ]
    print_table(("\nin virtual time", "\ntakes", "\nat most"), rows)
    print(
        f"{herd.back} of {herd.clients} clients came back, after {herd.refusals} refusals, "
        f"the last {herd.back_s:.0f} s after the server."
    )


if __name__ == "__main__":
    main()

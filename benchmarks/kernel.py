"""What the kernel extension costs, and how soon an interrupt ends a cell with and without it.

Kernels are real. The start is timed in fresh ones, the echo in one that loads and unloads the
extension in turns, an interrupt from the signal to the cell's prompt.
"""

from __future__ import annotations

import ast
import asyncio
import atexit
import contextlib
import functools
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from reporting import parse_flags, print_json, print_table

STARTS, QUICK_STARTS = 11, 3
ECHOES, QUICK_ECHOES = 41, 5
INTERRUPTS, QUICK_INTERRUPTS = 20, 3
#: An interrupt that has not worked by now is given up, and its kernel with it.
BOUND_S = 3.0

TIMED = """
import time
started = time.perf_counter()
{statement}
elapsed_ms = (time.perf_counter() - started) * 1000
"""
LOAD = "get_ipython().run_line_magic('load_ext', 'labkit')"
IMPORT = "import websockets.asyncio.server, websockets.asyncio.client"
UNLOAD = "get_ipython().run_line_magic('unload_ext', 'labkit')"

PREPARE_ECHO = """
import time, websockets
async def echo(connection):
    async for message in connection:
        await connection.send(message)
"""
ECHO = """
async with websockets.serve(echo, "127.0.0.1", 0) as server:
    port = server.sockets[0].getsockname()[1]
    async with websockets.connect(f"ws://127.0.0.1:{port}") as client:
        for left in range(1200, 0, -1):
            if left == 1000:
                started = time.perf_counter()
            await client.send("Spam")
            await client.recv()
per_s = 1000 / (time.perf_counter() - started)
"""

PREPARE_INTERRUPTS = """
import asyncio, time, websockets
async def silent(connection):
    await connection.wait_closed()
async def blocking(connection):
    await connection.recv()
    print("at it", flush=True)
    time.sleep(60)
async def connect_to(handler):
    server = await websockets.serve(handler, "127.0.0.1", 0)
    return await websockets.connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
"""
AT_IT = "print('at it', flush=True)\n"
INTERRUPTED = {
    "a future": AT_IT + "await asyncio.Future()",
    "a sleep": AT_IT + "await asyncio.sleep(60)",
    "a silent recv()": "client = await connect_to(silent)\n" + AT_IT + "await client.recv()",
    "a busy loop": AT_IT + "while True: pass",
    "a busy loop after an await": "await asyncio.sleep(0)\n" + AT_IT + "while True: pass",
    "a handler that blocks": (
        "client = await connect_to(blocking)\nawait client.send('')\nawait client.recv()"
    ),
}


class Kernel:
    """A kernel, with or without the extension."""

    def __init__(self, manager: Any, client: Any) -> None:
        self._manager = manager
        self._client = client

    async def value(self, code: str, name: str = "0") -> float:
        """Run a cell; return what the variable ``name`` is after it."""
        reply = await self._client.execute_interactive(
            code,
            user_expressions={"value": name},
            output_hook=lambda message: None,
            timeout=60,
        )
        content = reply["content"]
        assert content["status"] == "ok", content
        return float(ast.literal_eval(content["user_expressions"]["value"]["data"]["text/plain"]))

    async def interrupt_ms(self, code: str) -> float | None:
        """Run a cell, interrupt it when it says that it is at it; None if it goes on too long."""
        id = self._client.execute(code)
        await self._read(id, "stream")
        # What comes between the text and the statement after it would be measured otherwise.
        await asyncio.sleep(0.02)
        started = time.perf_counter()
        await self._manager.interrupt_kernel()
        try:
            async with asyncio.timeout(BOUND_S):
                while (await self._read(id, "status"))["execution_state"] != "idle":
                    pass
        except TimeoutError:
            return None
        return (time.perf_counter() - started) * 1000

    async def _read(self, id: str, kind: str) -> Any:
        while True:
            message = await self._client.get_iopub_msg()
            if message["parent_header"].get("msg_id") == id and message["msg_type"] == kind:
                return message["content"]


@functools.cache
def environment() -> dict[str, str]:
    """Return the environment of every kernel: in it, what is imported was compiled before."""
    # It lives as long as this program.
    compiled = tempfile.TemporaryDirectory()
    atexit.register(compiled.cleanup)
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": compiled.name}


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[Kernel]:
    """Start a kernel; end it, whatever it is at."""
    with tempfile.TemporaryDirectory() as folder:
        manager = AsyncKernelManager(transport="ipc", ip=f"{folder}/kernel")
        await manager.start_kernel(env=environment())
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            yield Kernel(manager, client)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)


async def measure_start(rounds: int) -> dict[str, float]:
    """Return what a kernel's start takes, and in it the extension and, beside it, a library."""
    times: dict[str, list[float]] = {"start": [], LOAD: [], IMPORT: []}
    for count in range(rounds + 1):
        for statement in (LOAD, IMPORT):
            begun = time.perf_counter()
            async with started() as kernel:
                start_ms = (time.perf_counter() - begun) * 1000
                ms = await kernel.value(TIMED.format(statement=statement), "elapsed_ms")
            # The first of each compiles.
            if count:
                times["start"].append(start_ms)
                times[statement].append(ms)
    return {statement: statistics.median(runs) for statement, runs in times.items()}


async def measure_echo(rounds: int) -> tuple[float, float, list[float]]:
    """Return the round trips a second without and with the extension, and each pair's ratio."""
    without, with_it = [], []
    async with started() as kernel:
        await kernel.value(PREPARE_ECHO)
        for _ in range(rounds):
            without.append(await kernel.value(ECHO, "per_s"))
            await kernel.value(LOAD)
            with_it.append(await kernel.value(ECHO, "per_s"))
            await kernel.value(UNLOAD)
    ratios = sorted(b / a for a, b in zip(without, with_it, strict=True))
    return statistics.median(without), statistics.median(with_it), ratios


async def measure_interrupts(rounds: int, *, load: bool) -> dict[str, list[float | None]]:
    """Return the time of each interrupt, by what it interrupts."""
    times: dict[str, list[float | None]] = {}
    async with contextlib.AsyncExitStack() as stack:
        kernel: Kernel | None = None
        for what, code in INTERRUPTED.items():
            times[what] = []
            for _ in range(rounds):
                if kernel is None:
                    await stack.aclose()
                    kernel = await stack.enter_async_context(started())
                    await kernel.value(PREPARE_INTERRUPTS)
                    await kernel.value(LOAD if load else "pass")
                times[what].append(ms := await kernel.interrupt_ms(code))
                kernel = kernel if ms is not None else None
    return times


def shown(times: Sequence[float | None]) -> tuple[str, str]:
    """Return the median and the worst of ``times`` for a reader, in ms."""
    bounded = [ms if ms is not None else BOUND_S * 1000 for ms in times]
    too_late = f"not within {BOUND_S:.0f} s"
    median, worst = statistics.median(bounded), max(bounded)
    return (
        f"{median:.0f}" if median < BOUND_S * 1000 else too_late,
        f"{worst:.0f}" if worst < BOUND_S * 1000 else too_late,
    )


def interrupt_figures(name: str, times: Mapping[str, Sequence[float | None]]) -> dict[str, Any]:
    """Return flat figures of all that was interrupted."""
    every = [ms for runs in times.values() for ms in runs]
    ended = [ms for ms in every if ms is not None]
    return {
        f"interrupts_{name}": len(every),
        f"interrupts_{name}_within_1_s": sum(ms < 1000 for ms in ended),
        f"interrupt_{name}_median_ms": statistics.median(ended) if ended else None,
        f"interrupt_{name}_worst_ms": max(ended) if len(ended) == len(every) else None,
    }


async def measure(quick: bool) -> tuple[Any, Any, Any, Any]:
    """Measure everything, one thing after the other."""
    start = await measure_start(QUICK_STARTS if quick else STARTS)
    echo = await measure_echo(QUICK_ECHOES if quick else ECHOES)
    rounds = QUICK_INTERRUPTS if quick else INTERRUPTS
    with_it = await measure_interrupts(rounds, load=True)
    without = await measure_interrupts(1 if quick else rounds, load=False)
    return start, echo, with_it, without


def main() -> None:
    """Measure, then print."""
    flags = parse_flags(__doc__)
    start, (echo_without, echo_with, ratios), with_it, without = asyncio.run(measure(flags.quick))
    low, _, high = statistics.quantiles(ratios)
    ratio = statistics.median(ratios)
    if flags.json:
        print_json(
            {
                "load_ms": start[LOAD],
                "kernel_start_ms": start["start"],
                "import_websockets_ms": start[IMPORT],
                "ratio_to_import_websockets": start[LOAD] / start[IMPORT],
                "echo_per_s": echo_with,
                "echo_without_per_s": echo_without,
                "echo_ratio": ratio,
                "echo_ratio_low_quartile": low,
                "echo_ratio_high_quartile": high,
                **interrupt_figures("with", with_it),
                **interrupt_figures("without", without),
            }
        )
        return
    rows = [("%load_ext labkit in a fresh kernel", f"{start[LOAD]:.1f}")]
    rows += [("import of websockets' server and client in a fresh kernel", f"{start[IMPORT]:.1f}")]
    rows += [("the start of a kernel", f"{start['start']:.0f}")]
    print_table(("what", "ms"), rows)
    rows = [("without the extension", f"{echo_without:.0f}", "")]
    rows += [("with it", f"{echo_with:.0f}", f"× {ratio:.3f} ({low:.3f} to {high:.3f})")]
    print_table(
        ("\necho in one kernel", "\nround trips a second", "\nmedian of the pairs (quartiles)"),
        rows,
    )
    times = [(what, *shown(with_it[what]), *shown(without[what])) for what in INTERRUPTED]
    columns = (
        "\nan interrupt ends",
        "with it\nmedian, ms",
        "\nworst",
        "without\nmedian, ms",
        "\nworst",
    )
    counts = f"{len(with_it['a future'])} and {len(without['a future'])}"
    print_table(
        columns, times, note=f"{counts} interrupts of each, with and without the extension."
    )


if __name__ == "__main__":
    main()

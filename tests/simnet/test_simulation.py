from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from labkit.errors import Blocked, Deadlock, TimeIsUp
from labkit.simnet.simulation import Simulation


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)


async def never() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ValueError("Spam")


async def spin() -> None:
    while True:
        pass


def test_sleeping_takes_virtual_time_only() -> None:
    async def sleep() -> float:
        await asyncio.sleep(3000)
        return now_s()

    assert Simulation().run(sleep()) == 3000


def test_a_link_delays_both_ways_and_other_hosts_are_as_near_as_before() -> None:
    simulation = Simulation()
    simulation.link("phone", "shop", latency_s=0.1)

    async def main() -> list[float]:
        with simulation.on("shop"):
            await serve(echo, "shop", 80)
        took = []
        for host in ("phone", "kitchen", "shop"):
            with simulation.on(host):
                began = now_s()
                async with connect("ws://shop"):
                    took.append(round(now_s() - began, 6))
        return took

    # A round trip for TCP and one for the handshake.
    assert simulation.run(main()) == [0.4, 0, 0]


def test_tasks_run_on_the_host_that_they_were_started_on() -> None:
    simulation = Simulation()

    async def address() -> str:
        await asyncio.sleep(1)
        async with connect("ws://shop") as connection:
            return str(connection.local_address[0])

    async def main() -> list[str]:
        with simulation.on("shop"):
            await serve(echo, "shop", 80)
        tasks = []
        for host in ("phone", "kitchen"):
            with simulation.on(host):
                tasks.append(asyncio.create_task(address()))
        return list(await asyncio.gather(*tasks))

    addresses = [simulation.host(name).address for name in ("phone", "kitchen")]
    assert simulation.run(main()) == addresses


def test_nothing_gets_through_a_cut_until_it_is_healed() -> None:
    simulation = Simulation()

    async def main() -> tuple[str, float]:
        with simulation.on("shop"):
            await serve(echo, "shop", 80)
        with simulation.on("phone"):
            async with connect("ws://shop", ping_interval=None) as connection:
                simulation.cut("phone", "shop")
                simulation.at(10, lambda: simulation.heal("phone", "shop"))
                await connection.send("Spam")
                return str(await connection.recv()), now_s()

    answer, answered_s = simulation.run(main())
    assert (answer, answered_s) == ("Spam", 10)


def test_who_waits_for_what_never_comes_is_named_at_once() -> None:
    with pytest.raises(Deadlock) as caught:
        Simulation().run(never())
    sentence, titles, row = str(caught.value).splitlines()
    assert sentence == "everybody waits for somebody, and nothing is planned"
    assert titles.split() == ["task", "waits", "at", "for"]
    assert "`await asyncio.Event().wait()`" in row
    assert row.endswith("Event.wait")


def test_a_simulation_that_goes_on_for_ever_ends() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(1)

    with pytest.raises(TimeIsUp, match=r"^100 simulated seconds have passed\n"):
        Simulation(limit_s=100).run(main())


async def test_inside_of_a_running_loop_it_needs_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    async def main() -> float:
        await asyncio.sleep(3000)
        return now_s()

    assert Simulation().run(main()) == 3000


@pytest.mark.parametrize(
    ("main", "error"), [(never, Deadlock), (fail, ValueError), (spin, Blocked)]
)
async def test_a_running_loop_goes_on_whatever_a_simulation_in_it_raises(
    main: Callable[[], Coroutine[Any, Any, None]], error: type[Exception]
) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    beside = asyncio.create_task(asyncio.sleep(0, "beside"))
    began_s = time.monotonic()
    with pytest.raises(error):
        Simulation(busy_s=0.2).run(main())
    assert (asyncio.get_running_loop(), asyncio.current_task()) == (loop, task)
    assert time.monotonic() >= began_s
    assert await beside == "beside"
    assert await asyncio.to_thread(int, "7") == 7


async def stay() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


def test_an_error_is_not_hidden_by_a_task_that_never_ends() -> None:
    async def main() -> None:
        staying = asyncio.create_task(stay())
        await asyncio.sleep(1)
        raise ValueError(f"Spam, not {staying.get_name()}")

    with pytest.raises(ValueError, match="Spam"):
        Simulation().run(main())


def test_a_task_that_never_ends_is_named_where_all_else_is_well() -> None:
    async def main() -> asyncio.Task[None]:
        staying = asyncio.create_task(stay(), name="the last guest")
        await asyncio.sleep(1)
        return staying

    with pytest.raises(Deadlock, match="the last guest"):
        Simulation().run(main())


async def test_an_interrupt_in_the_middle_of_a_step_ends_the_simulation_and_not_the_loop() -> None:
    class Interrupting(asyncio.Future[None]):
        def add_done_callback(self, *arguments: Any, **options: Any) -> None:
            raise KeyboardInterrupt

    async def main() -> None:
        await Interrupting()

    before = asyncio.current_task()
    with pytest.raises(KeyboardInterrupt):
        Simulation().run(main())
    assert asyncio.current_task() is before
    assert await asyncio.sleep(0, "goes on") == "goes on"


async def test_a_running_loop_stands_still_while_a_simulation_runs_in_it() -> None:
    turned: list[str] = []
    asyncio.get_running_loop().call_soon(turned.append, "outside")
    Simulation().run(asyncio.sleep(3000))
    assert turned == []
    await asyncio.sleep(0)
    assert turned == ["outside"]


def test_a_simulation_may_run_in_another_with_a_time_of_its_own() -> None:
    async def inner() -> float:
        await asyncio.sleep(500)
        return time.monotonic()

    async def outer() -> list[float]:
        await asyncio.sleep(10)
        times = [Simulation().run(inner())]
        await asyncio.sleep(1)
        return [*times, time.monotonic()]

    assert Simulation().run(outer()) == [500, 11]


async def test_inside_of_a_running_loop_it_begins_on_the_host_it_was_started_on() -> None:
    simulation = Simulation()

    async def address() -> str:
        server = await asyncio.start_server(lambda reader, writer: None, "phone", 80)
        return str(server.sockets[0].getsockname()[0])

    with simulation.on("phone"):
        assert simulation.run(address()) == simulation.host("phone").address


def test_the_same_seed_gives_the_same_times_and_another_one_others() -> None:
    def played(seed: str) -> list[float]:
        simulation = Simulation(seed)
        simulation.link("phone", "shop", latency_s=0.1, jitter_s=0.1)

        async def main() -> list[float]:
            with simulation.on("shop"):
                await serve(echo, "shop", 80)
            times = []
            with simulation.on("phone"):
                async with connect("ws://shop") as connection:
                    for _ in range(5):
                        await connection.send("Spam")
                        await connection.recv()
                        times.append(now_s())
            return times

        return simulation.run(main())

    assert played("a") == played("a")
    assert played("a") != played("b")


def test_a_recording_says_what_crossed_and_when() -> None:
    simulation = Simulation()
    simulation.link("phone", "shop", latency_s=0.05)
    recording = simulation.record()

    async def main() -> None:
        with simulation.on("shop"):
            await serve(echo, "shop", 80)
        with simulation.on("phone"):
            async with connect("ws://shop", compression=None) as connection:
                await connection.send("Spam")
                await connection.recv()

    simulation.run(main())
    assert '0.200000  0.250000  #1 phone → shop:80  TEXT  masked    "Spam"' in recording.text()


def test_a_host_that_crashes_ends_its_programs_and_answers_again_after_its_restart() -> None:
    simulation = Simulation(limit_s=1000)
    ended: list[float] = []

    async def shop() -> None:
        try:
            async with serve(echo, "shop", 80):
                await asyncio.Event().wait()
        finally:
            ended.append(now_s())

    async def main() -> float:
        with simulation.on("shop"):
            task = asyncio.create_task(shop())
        simulation.at(5, lambda: simulation.crash("shop"))
        simulation.at(30, lambda: simulation.restart("shop"))
        await asyncio.wait({task})
        with simulation.on("phone"), pytest.raises(ConnectionRefusedError):
            # The first knock that is answered is the one after 31 seconds.
            await asyncio.open_connection("shop", 80)
        return now_s()

    assert simulation.run(main()) == 36
    assert ended == [5]


def test_what_is_planned_wakes_who_waits_for_it() -> None:
    simulation = Simulation()

    async def main() -> float:
        event = asyncio.Event()
        simulation.at(7, event.set)
        await event.wait()
        return now_s()

    assert simulation.run(main()) == 7


def test_a_proxy_of_the_environment_is_none_of_a_simulation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "example.com")
    simulation = Simulation()

    async def main() -> str:
        with simulation.on("shop"):
            await serve(echo, "shop", 80)
        async with connect("ws://shop") as connection:
            await connection.send("Spam")
            return str(await connection.recv())

    assert simulation.run(main()) == "Spam"
    assert os.environ["no_proxy"] == "example.com"


def test_code_that_never_comes_back_to_the_loop_is_named() -> None:
    with pytest.raises(Blocked, match=r"while True|pass"):
        Simulation(busy_s=0.2).run(spin())


def test_a_blocking_sleep_is_named() -> None:
    async def sleep() -> None:
        time.sleep(60)  # noqa: ASYNC251

    with pytest.raises(Blocked, match=r"time\.sleep"):
        Simulation().run(sleep())

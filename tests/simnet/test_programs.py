"""What runs on a host runs when the host does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from labkit.errors import UsageError
from labkit.simnet.faults import Crash
from labkit.simnet.simulation import Simulation


def now_s() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
def simulation() -> Simulation:
    return Simulation()


class Shop:
    """A program that notes when it begins and ends, and on which host."""

    def __init__(self) -> None:
        self.opened: list[float] = []
        self.closed: list[float] = []

    async def __call__(self) -> None:
        self.opened.append(now_s())
        try:
            await asyncio.Event().wait()
        finally:
            self.closed.append(now_s())


def test_what_is_booted_before_the_run_begins_with_it(simulation: Simulation) -> None:
    shop = Shop()
    simulation.boot("shop", shop)
    assert shop.opened == []
    simulation.run(asyncio.sleep(10))
    assert (shop.opened, shop.closed) == ([0], [10])


def test_what_is_booted_during_the_run_begins_at_once(simulation: Simulation) -> None:
    shop = Shop()

    async def main() -> None:
        await asyncio.sleep(3)
        simulation.boot("shop", shop)
        await asyncio.sleep(3)

    simulation.run(main())
    assert shop.opened == [3]


def test_what_is_booted_begins_again_with_every_restart_and_ends_with_every_crash(
    simulation: Simulation,
) -> None:
    shop, till = Shop(), Shop()
    simulation.boot("shop", shop)
    simulation.boot("till", till)
    simulation.plan([Crash(5, 2.5, "shop"), Crash(10, 5, "shop")])
    simulation.run(asyncio.sleep(20))
    assert (shop.opened, shop.closed) == ([0, 7.5, 15], [5, 10, 20])
    assert till.opened == [0]


def test_what_has_ended_by_itself_begins_again_with_a_restart(simulation: Simulation) -> None:
    begun: list[float] = []

    async def start() -> None:
        begun.append(now_s())

    simulation.boot("shop", start)
    simulation.plan([Crash(5, 1, "shop")])
    simulation.run(asyncio.sleep(10))
    assert begun == [0, 6]


def test_what_is_booted_on_a_host_that_is_down_begins_when_it_starts(
    simulation: Simulation,
) -> None:
    shop = Shop()
    simulation.host("shop")
    simulation.crash("shop")
    simulation.boot("shop", shop)
    simulation.at(5, lambda: simulation.restart("shop"))
    simulation.run(asyncio.sleep(10))
    assert shop.opened == [5]


def test_a_server_that_is_booted_is_reached_again_after_a_restart(simulation: Simulation) -> None:
    async def greet(connection: Any) -> None:
        await connection.send("Spam")
        await connection.wait_closed()

    async def shop() -> None:
        async with serve(greet, "shop", 80):
            await asyncio.Event().wait()

    async def order() -> str:
        async with connect("ws://shop") as connection:
            return str(await connection.recv())

    async def main() -> list[str]:
        with simulation.on("phone"):
            first = await order()
            simulation.crash("shop")
            simulation.restart("shop")
            return [first, await order()]

    simulation.boot("shop", shop)
    assert simulation.run(main()) == ["Spam", "Spam"]


def test_several_programs_of_a_host_begin_in_the_order_in_which_they_were_booted(
    simulation: Simulation,
) -> None:
    begun: list[str] = []

    def program(name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def begin() -> None:
            begun.append(name)

        return begin

    for name in ("first", "second"):
        simulation.boot("shop", program(name))
    simulation.plan([Crash(1, 1, "shop")])
    simulation.run(asyncio.sleep(10))
    assert begun == ["first", "second"] * 2


def test_a_host_has_nothing_of_what_is_set_where_it_was_booted(simulation: Simulation) -> None:
    order: ContextVar[str] = ContextVar("order", default="nothing")
    seen: list[str] = []

    async def look() -> None:
        seen.append(order.get())

    async def main() -> None:
        order.set("Spam")
        simulation.boot("shop", look)
        await asyncio.sleep(1)

    simulation.run(main())
    assert seen == ["nothing"]


def test_an_error_of_what_is_booted_ends_the_run_and_names_the_host(
    simulation: Simulation,
) -> None:
    async def shop() -> None:
        await asyncio.sleep(5)
        raise ValueError("no more Spam") from KeyError("Spam")

    simulation.boot("shop", shop)
    ended: list[float] = []

    async def main() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append(now_s())

    with pytest.raises(ValueError, match="no more Spam") as caught:
        simulation.run(main())
    assert caught.value.__notes__ == ["on the simulated host 'shop'"]
    assert isinstance(caught.value.__cause__, KeyError)
    assert ended == [5]


def test_an_error_of_what_a_crash_has_ended_is_heard_by_nobody(
    simulation: Simulation, caplog: pytest.LogCaptureFixture
) -> None:
    async def shop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.open_connection("shop", 80)

    simulation.boot("shop", shop)
    simulation.plan([Crash(5, 1, "shop")])
    simulation.run(asyncio.sleep(5.5))
    assert not caplog.records


def test_what_is_booted_may_be_cancelled_from_within(simulation: Simulation) -> None:
    async def shop() -> None:
        raise asyncio.CancelledError

    simulation.boot("shop", shop)
    assert simulation.run(asyncio.sleep(5, "Spam")) == "Spam"


def test_what_is_booted_begins_again_with_the_next_run(simulation: Simulation) -> None:
    shop = Shop()
    simulation.boot("shop", shop)
    simulation.run(asyncio.sleep(10))
    simulation.run(asyncio.sleep(10))
    assert shop.opened == [0, 10]


def test_a_coroutine_cannot_be_booted_since_it_runs_once(simulation: Simulation) -> None:
    async def shop() -> None:
        pass

    with pytest.raises(UsageError, match=r"shop\(\) is one run of a program.*give the function"):
        simulation.boot("shop", shop())  # type: ignore[arg-type]

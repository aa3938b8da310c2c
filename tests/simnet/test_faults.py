"""What faults do to programs: streams of asyncio on a simulated loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import UsageError
from labkit.simnet.faults import (
    BlackHole,
    Crash,
    Cut,
    Fault,
    Late,
    Reset,
    Skew,
    Slow,
    Twice,
    apply,
)
from labkit.simnet.recording import Recording
from labkit.simnet.simulation import Simulation
from labkit.simnet.world import World

LATENCY_S = 0.5

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Shop:
    """A shop and a phone, half a second from each other, and what happens in the shop."""

    def __init__(self, *faults: Fault, seed: object = 0, **conditions: Any) -> None:
        self.simulation = Simulation(seed, limit_s=100_000)
        self.simulation.link("phone", "shop", **{"latency_s": LATENCY_S, **conditions})
        self.simulation.host("till")
        self.callers: asyncio.Queue[Streams] = asyncio.Queue()
        apply(self.simulation.world, faults)

    def run(self, main: Callable[[Shop], Awaitable[Any]]) -> Any:
        """Open the shop, and return what ``main`` returns."""

        async def opened() -> Any:
            await self.open()
            return await main(self)

        return self.simulation.run(opened())

    async def open(self) -> None:
        async def call(*streams: Any) -> None:
            self.callers.put_nowait(streams)

        with self.simulation.on("shop"):
            await asyncio.start_server(call, "shop", 80)

    async def phone(self) -> Streams:
        with self.simulation.on("phone"):
            return await asyncio.open_connection("shop", 80)


def now() -> float:
    return round(asyncio.get_running_loop().time(), 6)


async def failed(streams: Streams) -> tuple[str, float]:
    """Return how a connection ends from which nothing comes, and when."""
    try:
        data = await streams[0].read()
    except OSError as error:
        return type(error).__name__, now()
    return repr(data), now()


async def pinged(shop: Shop, at_s: float) -> tuple[float, float]:
    """Send a byte each way at a time; return when the shop and the phone have it."""
    (phone, to_shop), (caller, to_phone) = await shop.phone(), await shop.callers.get()
    await asyncio.sleep(at_s - now())
    to_shop.write(b"?")
    to_phone.write(b"!")

    async def heard(reader: asyncio.StreamReader) -> float:
        await reader.readexactly(1)
        return now()

    there, back = await asyncio.gather(heard(caller), heard(phone))
    return there, back


def test_without_faults_a_byte_takes_the_latency() -> None:
    assert Shop().run(lambda shop: pinged(shop, 10)) == (10.5, 10.5)


def test_what_is_sent_during_a_cut_arrives_after_it() -> None:
    cut = Cut(9, 11, "phone", "shop")
    assert Shop(cut).run(lambda shop: pinged(shop, 10)) == (20.5, 20.5)


def test_a_cut_in_one_direction_holds_up_one() -> None:
    cut = Cut(9, 11, "phone", "shop", is_one_way=True)
    assert Shop(cut).run(lambda shop: pinged(shop, 10)) == (20.5, 10.5)


def test_of_two_cuts_that_overlap_the_later_end_counts() -> None:
    cuts = Cut(8, 10, "phone", "shop"), Cut(9, 21, "shop", "phone"), Cut(12, 1, "phone", "shop")
    assert Shop(*cuts).run(lambda shop: pinged(shop, 10)) == (30.5, 30.5)


def test_what_is_sent_while_the_link_is_slow_arrives_later() -> None:
    slow = Slow(9, 2, "phone", "shop", 3)
    assert Shop(slow).run(lambda shop: pinged(shop, 10)) == (13.5, 13.5)


@pytest.mark.parametrize(("at_s", "heard_s"), [(5, 10.5), (7.5, 10), (20, 20.5)])
def test_a_link_is_as_slow_as_all_that_slows_it_at_the_time(at_s: float, heard_s: float) -> None:
    slows = Slow(3, 4, "phone", "shop", 3), Slow(4, 4, "phone", "shop", 2)
    assert Shop(*slows).run(lambda shop: pinged(shop, at_s)) == (heard_s, heard_s)


async def connected(shop: Shop, at_s: float) -> float:
    """Connect at a time; return when that is done."""
    await asyncio.sleep(at_s)
    await shop.phone()
    return now()


@pytest.mark.parametrize(("at_s", "connected_s"), [(9, 12.5), (10.5, 14.5), (11.5, 13), (20, 21)])
def test_an_attempt_to_connect_is_late_while_the_fault_lasts(
    at_s: float, connected_s: float
) -> None:
    lates = Late(8, 3, "phone", "shop", 2.5), Late(10, 2, "phone", "shop", 0.5)
    assert Shop(*lates).run(lambda shop: connected(shop, at_s)) == connected_s


def test_a_copy_of_an_attempt_is_a_connection_on_which_nothing_comes_and_which_is_reset() -> None:
    twice = Twice(9, 2, "phone", "shop", 5)

    async def main(shop: Shop) -> tuple[str, float]:
        await connected(shop, 10)
        await shop.callers.get()
        return await failed(await shop.callers.get())

    assert Shop(twice).run(main) == ("ConnectionResetError", 10 + 5 + 3 * LATENCY_S)


def test_no_attempt_is_copied_when_the_fault_is_over() -> None:
    twice = Twice(9, 2, "phone", "shop", 5)

    async def main(shop: Shop) -> int:
        await connected(shop, 12)
        await asyncio.sleep(20)
        return shop.callers.qsize()

    assert Shop(twice).run(main) == 1


def test_a_reset_ends_a_connection_at_both_ends() -> None:
    async def main(shop: Shop) -> list[tuple[str, float]]:
        phone, caller = await shop.phone(), await shop.callers.get()
        return [await failed(caller), await failed(phone)]

    resets = [("ConnectionResetError", 10.0), ("ConnectionResetError", 10.5)]
    assert Shop(Reset(10, "phone", "shop")).run(main) == resets


@pytest.mark.parametrize("nth", [1, 4])
def test_which_connection_is_reset_is_counted_round(nth: int) -> None:
    async def main(shop: Shop) -> list[bool]:
        phones = [await shop.phone() for _ in range(3)]
        await asyncio.sleep(20)
        return [reader.exception() is not None for reader, _ in phones]

    assert Shop(Reset(10, "shop", "phone", nth)).run(main) == [False, True, False]


def test_a_reset_of_no_connection_is_nothing() -> None:
    reset = Reset(0.1, "phone", "shop")
    assert Shop(reset).run(lambda shop: pinged(shop, 10)) == (10.5, 10.5)


@pytest.mark.parametrize("fault", [Reset(10, "phone", "till"), BlackHole(10, "till", "shop")])
def test_a_connection_of_others_is_not_hit(fault: Fault) -> None:
    assert Shop(fault).run(lambda shop: pinged(shop, 20)) == (20.5, 20.5)


def test_a_connection_in_a_black_hole_ends_only_when_linux_gives_up() -> None:
    async def main(shop: Shop) -> tuple[str, float]:
        phone = await shop.phone()
        await asyncio.sleep(20)
        phone[1].write(b"?")
        return await failed(phone)

    black_hole = BlackHole(10, "phone", "shop")
    assert Shop(black_hole).run(main) == ("TimeoutError", 2 * LATENCY_S + 20 + 924.6)


def test_only_one_connection_is_in_the_black_hole() -> None:
    async def main(shop: Shop) -> tuple[float, float]:
        await shop.phone()
        await shop.callers.get()
        return await pinged(shop, 20)

    assert Shop(BlackHole(10, "phone", "shop")).run(main) == (20.5, 20.5)


def test_a_crashed_host_resets_who_has_sent_to_it_once_it_runs_again() -> None:
    async def main(shop: Shop) -> tuple[str, float]:
        phone = await shop.phone()
        await asyncio.sleep(11)
        phone[1].write(b"?")
        return await failed(phone)

    assert Shop(Crash(10, 50, "shop")).run(main) == ("ConnectionResetError", 61.0)


@pytest.mark.parametrize("fault", [Crash(10, 5, "shopp"), Cut(10, 5, "phone", "shopp")])
def test_faults_of_a_host_that_nobody_has_named_are_refused_before_any_happens(
    fault: Fault,
) -> None:
    world = World()
    for name in ("phone", "shop"):
        world.hosts.named(name)
    with pytest.raises(UsageError, match="named 'shopp'; there are phone and shop"):
        apply(world, [Crash(5, 5, "shop"), fault])
    assert world.schedule.next_ns() is None


def test_a_host_that_crashes_twice_at_once_runs_again_when_both_are_over() -> None:
    async def main(shop: Shop) -> list[bool]:
        states = []
        for _ in range(3):
            await asyncio.sleep(10)
            states.append(shop.simulation.host("shop").is_up)
        return states

    crashes = Crash(5, 10, "shop"), Crash(6, 20, "shop")
    assert Shop(*crashes).run(main) == [False, False, True]


def test_what_runs_on_a_host_ends_at_the_moment_it_crashes() -> None:
    async def main(shop: Shop) -> tuple[list[bool], float]:
        tasks = []
        for host in ("phone", "shop"):
            with shop.simulation.on(host):
                tasks.append(asyncio.create_task(asyncio.sleep(100)))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return [task.done() for task in tasks], now()

    assert Shop(Crash(10, 5, "shop")).run(main) == ([False, True], 10.0)


def test_a_clock_jumps_and_goes_on() -> None:
    async def main(shop: Shop) -> list[float]:
        await asyncio.sleep(10)
        return [shop.simulation.host(name).clock_skew_s for name in ("phone", "shop")]

    skews = Skew(1, "shop", 30), Skew(2, "shop", -10)
    assert Shop(*skews).run(main) == [0, 20]


def test_who_looks_on_is_told_of_every_fault_and_of_its_end() -> None:
    shop = Shop(
        Cut(10, 1, "phone", "shop"),
        Cut(12, 1, "phone", "shop", is_one_way=True),
        Slow(14, 1, "phone", "shop", 0.25),
        Late(16, 1, "phone", "shop", 0.25),
        Twice(18, 1, "phone", "shop", 0.25),
        Skew(20, "till", -2.5),
        BlackHole(21, "shop", "phone"),
        Reset(22, "shop", "phone"),
        Crash(23, 1, "shop"),
    )
    recording = Recording(shop.simulation.world)

    async def main(shop: Shop) -> None:
        streams = await shop.phone(), await shop.callers.get()
        await asyncio.sleep(30)
        assert len(streams) == 2

    shop.run(main)
    assert [line for line in recording.text().splitlines() if line >= "10"] == [
        "10.000000              phone ↔ shop     cut: nothing passes",
        "11.000000              phone ↔ shop     healed",
        "12.000000              phone → shop     cut: nothing passes",
        "13.000000              phone → shop     healed",
        "14.000000              phone ↔ shop     slower by 0.25 s",
        "15.000000              phone ↔ shop     slower by 0.25 s: over",
        "16.000000              phone → shop     attempts to connect arrive 0.25 s late",
        "17.000000              phone → shop     attempts to connect arrive 0.25 s late: over",
        "18.000000              phone → shop     attempts to connect arrive again 0.25 s later",
        "19.000000              phone → shop     attempts to connect arrive again 0.25 s later: "
        "over",
        "20.000000              till             the wall clock jumps by -2.5 s",
        "21.000000           #1 shop ↔ phone     a black hole swallows what is sent",
        "22.000000           #1 shop ↔ phone     a fault resets the connection",
        "22.000000           #1 shop:80 → phone  connection reset",
        "23.000000              shop             crashes",
        "24.000000              shop             starts again",
    ]


def test_of_a_cut_that_another_one_outlasts_only_the_end_of_both_is_told() -> None:
    shop = Shop(Cut(1, 5, "phone", "shop"), Cut(2, 9, "shop", "phone", is_one_way=True))
    recording = Recording(shop.simulation.world)
    shop.run(lambda shop: asyncio.sleep(20))
    assert recording.text().splitlines()[1:] == [
        " 1.000000            phone ↔ shop  cut: nothing passes",
        " 6.000000            phone → shop  healed",
        "11.000000            shop → phone  healed",
    ]


#: Faults come when the connection is made, whatever the jitter.
BEGIN_S = 10.0
TIMES = st.integers(0, 60_000).map(lambda ms: ms / 1_000)
LINK = st.sampled_from([("phone", "shop"), ("shop", "phone")])
CUTS = st.builds(
    lambda at_s, for_s, link, is_one_way: Cut(BEGIN_S + at_s, for_s, *link, is_one_way),
    TIMES,
    TIMES,
    LINK,
    st.booleans(),
)
SLOWS = st.builds(
    lambda at_s, for_s, link, by_s: Slow(BEGIN_S + at_s, for_s, *link, by_s),
    *[TIMES] * 2,
    LINK,
    TIMES,
)
PIECES = st.lists(st.tuples(TIMES, st.integers(1, 300_000)), max_size=5)


@settings(max_examples=200)
@given(
    faults=st.lists(CUTS | SLOWS, max_size=6),
    pieces=st.tuples(PIECES, PIECES),
    latency_s=st.sampled_from([0, 0.001, 0.5]),
    jitter_s=st.sampled_from([0, 0.01, 2]),
    bandwidth=st.sampled_from([None, 10_000, 1_000_000]),
)
def test_what_arrives_is_what_was_sent_in_its_order_and_in_the_end_all_of_it(
    faults: list[Fault], pieces: tuple[list[tuple[float, int]], ...], **conditions: Any
) -> None:
    sent = [bytearray(), bytearray()]
    arrived = [bytearray(), bytearray()]

    async def send(number: int, writer: asyncio.StreamWriter) -> None:
        for index, (pause_s, size) in enumerate(pieces[number]):
            await asyncio.sleep(pause_s)
            piece = bytes([index + 1]) * size
            sent[number] += piece
            writer.write(piece)
            await writer.drain()
        writer.write_eof()

    async def receive(number: int, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(1 << 20):
            begin = len(arrived[number])
            assert sent[number][begin : begin + len(data)] == data
            arrived[number] += data

    async def main(shop: Shop) -> None:
        phone, caller = await shop.phone(), await shop.callers.get()
        await asyncio.gather(
            send(0, phone[1]), receive(0, caller[0]), send(1, caller[1]), receive(1, phone[0])
        )

    Shop(*faults, **conditions).run(main)
    assert arrived == sent

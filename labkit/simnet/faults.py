"""Faults that have their time: what each is, and how it happens. Knows of no program it hits.

>>> world = World()
>>> phone, shop = world.hosts.named("phone"), world.hosts.named("shop")
>>> apply(world, [Cut(1, 3, "phone", "shop"), Crash(5, 2.5, "shop")])
>>> world.schedule.next_ns()
1000000000
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from labkit.simnet.connections import Connection
from labkit.simnet.schedule import nanoseconds
from labkit.simnet.world import World


@dataclass(frozen=True)
class Cut:
    """Nothing passes between two hosts; with ``is_one_way``, nothing from ``one`` to ``other``."""

    at_s: float
    for_s: float
    one: str
    other: str
    is_one_way: bool = False


@dataclass(frozen=True)
class Slow:
    """What passes between two hosts takes ``by_s`` longer, each way."""

    at_s: float
    for_s: float
    one: str
    other: str
    by_s: float


@dataclass(frozen=True)
class Late:
    """Attempts to connect from ``one`` to ``other`` arrive ``by_s`` late."""

    at_s: float
    for_s: float
    one: str
    other: str
    by_s: float


@dataclass(frozen=True)
class Twice:
    """Attempts to connect from ``one`` to ``other`` arrive once more, ``by_s`` later."""

    at_s: float
    for_s: float
    one: str
    other: str
    by_s: float


@dataclass(frozen=True)
class Reset:
    """A connection between two hosts is reset: the ``nth`` oldest, counted round; or none is."""

    at_s: float
    one: str
    other: str
    nth: int = 0


@dataclass(frozen=True)
class BlackHole:
    """Nothing passes on a connection any more. See Reset for which one."""

    at_s: float
    one: str
    other: str
    nth: int = 0


@dataclass(frozen=True)
class Crash:
    """A host loses all that it has, and starts again."""

    at_s: float
    for_s: float
    host: str


@dataclass(frozen=True)
class Skew:
    """A host's wall clock jumps by ``by_s``."""

    at_s: float
    host: str
    by_s: float


Fault: TypeAlias = Cut | Slow | Late | Twice | Reset | BlackHole | Crash | Skew


def apply(world: World, faults: Iterable[Fault]) -> None:
    """Have ``faults`` happen in ``world``, each at its time.

    Where two of a kind overlap, what they hit is whole again when both are over. Raises UsageError
    for a host that does not exist.
    """
    lasting: Counter[tuple[str, ...]] = Counter()
    faults = list(faults)
    for fault in faults:
        for name in _hosts(fault):
            world.hosts.get(name)
    for fault in faults:
        begin = partial(_begin, world, lasting, fault)
        world.schedule.at(nanoseconds(fault.at_s), begin)
        match fault:
            case Cut() | Slow() | Late() | Twice() | Crash():
                end = partial(_end, world, lasting, fault)
                world.schedule.at(nanoseconds(fault.at_s + fault.for_s), end)


def _begin(world: World, lasting: Counter[tuple[str, ...]], fault: Fault) -> None:
    match fault:
        case Cut():
            for way in _ways(fault):
                lasting["cut", *way] += 1
                world.set_cut(*way, True)
        case Slow(by_s=by_s):
            _mark(world, fault)
            for way in _ways(fault):
                world.path(*way).slowed_ns += nanoseconds(by_s)
        case Late(_, _, one, other, by_s):
            _mark(world, fault)
            world.path(one, other).attempts_late_ns += nanoseconds(by_s)
        case Twice(_, _, one, other, by_s):
            _mark(world, fault)
            lasting["twice", one, other] += 1
            world.path(one, other).attempts_again_ns = nanoseconds(by_s)
        case Crash(_, _, host):
            lasting["crash", host] += 1
            world.crash(host)
        case Skew(_, host, by_s):
            _mark(world, fault)
            world.hosts.get(host).clock_skew_s += by_s
        case Reset():
            for connection in _hit(world, fault):
                _mark(world, fault, number=connection.number)
                connection.reset()
        case BlackHole():
            for connection in _hit(world, fault):
                _mark(world, fault, number=connection.number)
                connection.set_swallowed(True)


def _end(
    world: World, lasting: Counter[tuple[str, ...]], fault: Cut | Slow | Late | Twice | Crash
) -> None:
    match fault:
        case Cut():
            for way in _ways(fault):
                if _is_over(lasting, "cut", *way):
                    world.set_cut(*way, False)
        case Slow(by_s=by_s):
            for way in _ways(fault):
                world.path(*way).slowed_ns -= nanoseconds(by_s)
            _mark(world, fault, is_over=True)
        case Late(_, _, one, other, by_s):
            world.path(one, other).attempts_late_ns -= nanoseconds(by_s)
            _mark(world, fault, is_over=True)
        case Twice(_, _, one, other):
            if _is_over(lasting, "twice", one, other):
                world.path(one, other).attempts_again_ns = None
            _mark(world, fault, is_over=True)
        case Crash(_, _, host):
            if _is_over(lasting, "crash", host):
                world.restart(host)


def _is_over(lasting: Counter[tuple[str, ...]], *key: str) -> bool:
    lasting[key] -= 1
    return not lasting[key]


def _hosts(fault: Fault) -> tuple[str, ...]:
    return (fault.host,) if isinstance(fault, Crash | Skew) else (fault.one, fault.other)


def _mark(
    world: World,
    fault: Slow | Late | Twice | Skew | Reset | BlackHole,
    *,
    is_over: bool = False,
    number: int | None = None,
) -> None:
    """Tell who looks on of a fault; of the others, the world tells."""
    match fault:
        case Slow(by_s=by_s):
            words = f"slower by {by_s:g} s"
        case Late(by_s=by_s):
            words = f"attempts to connect arrive {by_s:g} s late"
        case Twice(by_s=by_s):
            words = f"attempts to connect arrive again {by_s:g} s later"
        case Skew(by_s=by_s):
            words = f"the wall clock jumps by {by_s:+g} s"
        case Reset():
            words = "a fault resets the connection"
        case BlackHole():
            words = "a black hole swallows what is sent"
    world.mark(
        "relief" if is_over else "fault",
        f"{words}: over" if is_over else words,
        *_hosts(fault),
        is_both_ways=not isinstance(fault, Late | Twice | Skew),
        number=number,
    )


def _ways(fault: Cut | Slow) -> list[tuple[str, str]]:
    there, back = (fault.one, fault.other), (fault.other, fault.one)
    return [there] if isinstance(fault, Cut) and fault.is_one_way else [there, back]


def _hit(world: World, fault: Reset | BlackHole) -> list[Connection]:
    """Return the connection that ``fault`` hits, if there is one."""
    between = [
        connection
        for connection in world.connections.values()
        if connection.client is not None
        and connection.server is not None
        and {connection.client.host.name, connection.server.host.name} == {fault.one, fault.other}
    ]
    return [between[fault.nth % len(between)]] if between else []

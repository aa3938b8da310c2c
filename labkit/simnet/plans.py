"""Faults as a plan, written down or drawn from a seed. Lets none of them happen.

>>> print(Plan((Crash(5, 2.5, "shop"), Cut(1, 3, "phone", "shop"))))
     1.000 s  cut        phone ↔ shop      for 3.000 s
     5.000 s  crash      shop              for 2.500 s
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from labkit.errors import UsageError
from labkit.simnet.faults import BlackHole, Crash, Cut, Fault, Late, Reset, Skew, Slow, Twice
from labkit.simnet.paths import Chance

#: The most that a drawn fault delays what is sent, and sets a clock forward or back, in seconds.
DELAY_S, SKEW_S = 2.0, 60.0
#: How many of the drawn cuts are cuts in one direction.
ONE_WAY = 1 / 3


@dataclass(frozen=True)
class Plan:
    """Faults. As text, a line for each, in the order of their times."""

    faults: tuple[Fault, ...]

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    def __str__(self) -> str:
        return "\n".join(map(_line, sorted(self.faults, key=lambda fault: fault.at_s)))


class _Draw:
    """What a plan's faults are made of, drawn by ``chance``, in thousandths of a second."""

    def __init__(self, chance: Chance, hosts: Sequence[str], duration_s: float) -> None:
        self._chance = chance
        self._hosts = hosts
        self._duration_s = duration_s

    def index(self, count: int) -> int:
        return int(self._chance.draw() * count)

    def seconds(self, most_s: float) -> float:
        return self.index(round(most_s * 1_000)) / 1_000

    def moment(self) -> float:
        return self.seconds(self._duration_s)

    def span(self) -> tuple[float, float]:
        """Return when something begins and how long it lasts: mostly not long."""
        at_s = self.moment()
        return at_s, self.seconds((self._duration_s - at_s) * self._chance.draw())

    def host(self) -> str:
        return self._hosts[self.index(len(self._hosts))]

    def pair(self) -> tuple[str, str]:
        one = self.host()
        others = [host for host in self._hosts if host != one]
        return one, others[self.index(len(others))]

    def skew(self) -> float:
        return round(self.seconds(2 * SKEW_S) - SKEW_S, 3)

    def is_one_way(self) -> bool:
        return self._chance.draw() < ONE_WAY


_DRAWN: dict[type[Fault], Callable[[_Draw], Fault]] = {
    Cut: lambda draw: Cut(*draw.span(), *draw.pair(), draw.is_one_way()),
    Slow: lambda draw: Slow(*draw.span(), *draw.pair(), draw.seconds(DELAY_S)),
    Late: lambda draw: Late(*draw.span(), *draw.pair(), draw.seconds(DELAY_S)),
    Twice: lambda draw: Twice(*draw.span(), *draw.pair(), draw.seconds(DELAY_S)),
    Reset: lambda draw: Reset(draw.moment(), *draw.pair(), draw.index(100)),
    BlackHole: lambda draw: BlackHole(draw.moment(), *draw.pair(), draw.index(100)),
    Crash: lambda draw: Crash(*draw.span(), draw.host()),
    Skew: lambda draw: Skew(draw.moment(), draw.host(), draw.skew()),
}
KINDS = tuple(_DRAWN)


def plan(
    seed: object,
    hosts: Sequence[str],
    duration_s: float,
    *,
    count: int = 10,
    kinds: Sequence[type[Fault]] = KINDS,
) -> Plan:
    """Draw ``count`` faults of ``hosts``. What ends, ends before ``duration_s`` is over.

    The same arguments give the same plan, on every machine. Raises UsageError where there are too
    few hosts.
    """
    needed = 1 if {Crash, Skew}.issuperset(kinds) else 2
    if len(set(hosts)) < needed:
        names = ", ".join(hosts) or "none"
        raise UsageError(f"a plan of these faults needs {needed} hosts or more; got {names}")
    draw = _Draw(Chance(f"{seed}/plan"), hosts, duration_s)
    drawn = [_DRAWN[kinds[draw.index(len(kinds))]](draw) for _ in range(count)]
    return Plan(tuple(sorted(drawn, key=lambda fault: fault.at_s)))


def _line(fault: Fault) -> str:
    match fault:
        case Cut(_, for_s, one, other, is_one_way):
            arrow = "→" if is_one_way else "↔"
            words = ("cut", f"{one} {arrow} {other}", f"for {for_s:.3f} s")
        case Slow(_, for_s, one, other, by_s):
            words = ("slow", f"{one} ↔ {other}", f"for {for_s:.3f} s, by {by_s:.3f} s")
        case Late(_, for_s, one, other, by_s):
            words = ("late", f"{one} → {other}", f"for {for_s:.3f} s, by {by_s:.3f} s")
        case Twice(_, for_s, one, other, by_s):
            words = ("twice", f"{one} → {other}", f"for {for_s:.3f} s, after {by_s:.3f} s")
        case Reset(_, one, other, nth):
            words = ("reset", f"{one} ↔ {other}", f"connection {nth}, counted round")
        case BlackHole(_, one, other, nth):
            words = ("black hole", f"{one} ↔ {other}", f"connection {nth}, counted round")
        case Crash(_, for_s, host):
            words = ("crash", host, f"for {for_s:.3f} s")
        case Skew(_, host, by_s):
            words = ("skew", host, f"by {by_s:+.3f} s")
    return "{:10.3f} s  {:10} {:16}  {}".format(fault.at_s, *words)

"""How long what is sent takes from one host to another, and whether it arrives. Carries nothing."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from labkit.simnet.hosts import Host
from labkit.simnet.schedule import NS, nanoseconds


@dataclass(frozen=True)
class Conditions:
    """What a link does to what is sent over it, one way.

    ``latency_s`` and ``jitter_s`` are in seconds: a segment takes the one and a random share of the
    other. ``bandwidth`` is in bytes a second; None: no limit.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bandwidth: float | None = None


class Chance:
    """Numbers from 0 up to 1 that depend on nothing but ``seed``."""

    __slots__ = ("_drawn", "_seed")

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._drawn = 0

    def draw(self) -> float:
        """Return the next number."""
        # A ``random.Random`` takes 2.5 kB and eight times as long: most draw a few times at most.
        self._drawn += 1
        digest = blake2b(f"{self._seed}/{self._drawn}".encode(), digest_size=6).digest()
        return int.from_bytes(digest, "big") / 2**48


class Path:
    """One direction between two hosts. All connections between them share its bandwidth."""

    def __init__(self, conditions: Conditions, target: Host) -> None:
        self.conditions = conditions
        self.is_cut = False
        #: What a fault adds to the latency.
        self.slowed_ns = 0
        #: How much longer a connection attempt takes.
        self.attempts_late_ns = 0
        #: How long after a connection attempt its copy arrives; None: there is none.
        self.attempts_again_ns: int | None = None
        self._target = target
        self._free_at_ns = 0

    @property
    def conditions(self) -> Conditions:
        """What holds for what is sent from now on."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._latency_ns = nanoseconds(conditions.latency_s)

    @property
    def is_whole(self) -> bool:
        """Whether what is sent arrives: nothing is cut, and somebody is there."""
        return self._target.is_up and not self.is_cut

    @property
    def latency_ns(self) -> int:
        """What the shortest segment takes, if the path is free."""
        return self._latency_ns + self.slowed_ns

    def arrival_ns(self, now_ns: int, size: int, chance: Chance) -> int:
        """Return when a segment of ``size`` bytes arrives that is sent now."""
        conditions = self._conditions
        leaves_ns = now_ns
        if conditions.bandwidth:
            leaves_ns = max(now_ns, self._free_at_ns) + round(size / conditions.bandwidth * NS)
            self._free_at_ns = leaves_ns
        arrives_ns = leaves_ns + self.latency_ns
        if conditions.jitter_s:
            arrives_ns += nanoseconds(conditions.jitter_s * chance.draw())
        return arrives_ns

"""How long what is sent takes from one host to another, and whether it arrives. Carries nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass

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


class Path:
    """One direction between two hosts. All connections between them share its bandwidth."""

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self.is_cut = False
        self._free_at_ns = 0

    @property
    def latency_ns(self) -> int:
        """What the shortest segment takes, if the path is free."""
        return nanoseconds(self.conditions.latency_s)

    def arrival_ns(self, now_ns: int, size: int, rng: random.Random) -> int:
        """Return when a segment of ``size`` bytes arrives that is sent now."""
        leaves_ns = now_ns
        if self.conditions.bandwidth:
            leaves_ns = max(now_ns, self._free_at_ns) + round(size / self.conditions.bandwidth * NS)
            self._free_at_ns = leaves_ns
        jitter_ns = nanoseconds(self.conditions.jitter_s * rng.random())
        return leaves_ns + self.latency_ns + (jitter_ns if self.conditions.jitter_s else 0)

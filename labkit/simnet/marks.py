"""What is done to hosts and to what is between them, for those who look on. Does nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

#: What a host goes through; anything else that is done, and its end.
Kind: TypeAlias = Literal["crash", "restart", "fault", "relief"]

CUT: tuple[Kind, str] = ("fault", "cut: nothing passes")
HEALED: tuple[Kind, str] = ("relief", "healed")


@dataclass(frozen=True, slots=True)
class Mark:
    """What is done at ``at_ns`` to a host, or to what passes from one host to another.

    ``number`` is that of the connection, where it is done to one.
    """

    at_ns: int
    kind: Kind
    label: str
    hosts: tuple[str, ...]
    is_both_ways: bool = False
    number: int | None = None

    @property
    def parties(self) -> tuple[str, str]:
        """The hosts at the ends; a host that is alone is both."""
        return self.hosts[0], self.hosts[-1]

    @property
    def place(self) -> str:
        """Name the hosts.

        >>> Mark(0, "fault", "cut: nothing passes", ("phone", "shop")).place
        'phone → shop'
        """
        return (" ↔ " if self.is_both_ways else " → ").join(self.hosts)

    def joined(self, other: Mark) -> Mark | None:
        """Return this and ``other`` as one mark, if that is the same the other way round.

        >>> one, other = (Mark(0, "fault", "cut", ends) for ends in ("ab", "ba"))
        >>> one.joined(other).place, one.joined(one)
        ('a ↔ b', None)
        """
        back = replace(self, hosts=self.hosts[::-1])
        return replace(self, is_both_ways=True) if other == back != self else None

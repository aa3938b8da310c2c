"""How a connection comes about: a client knocks until it is answered; then the ends are joined.

Carries no bytes, and does not know who listens.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from labkit.simnet.connections import Endpoint, Owner
from labkit.simnet.hosts import Host
from labkit.simnet.observer import Observer
from labkit.simnet.paths import Chance, Path
from labkit.simnet.schedule import NS, Schedule
from labkit.simnet.seam import Address
from labkit.simnet.streams import OPENING, Stream

#: When Linux knocks again, in seconds after the first time, and when it gives up.
KNOCKS_S = (1, 3, 7, 15, 31, 63, 127)


@dataclass(frozen=True, eq=False)
class Listener:
    """Who listens at ``address`` of ``host``."""

    number: int
    owner: Owner
    host: Host
    address: Address


class Attempt:
    """A client's attempt to connect: SYN over ``there``, an answer over ``back``.

    ``answer`` returns who listens, None: nobody. ``connect`` is told when the client knows that it
    is connected, ``refuse`` why it is not, and ``copy`` who hears the same SYN once more.
    """

    def __init__(
        self,
        schedule: Schedule,
        client: Endpoint,
        there: Path,
        back: Path,
        chance: Chance,
        *,
        answer: Callable[[], Listener | None],
        connect: Callable[[Listener], None],
        copy: Callable[[Listener], None],
        refuse: Callable[[int], None],
    ) -> None:
        self._schedule = schedule
        self._client = client
        self._there = there
        self._back = back
        self._chance = chance
        self._answer = answer
        self._connect = connect
        self._copy = copy
        self._refuse = refuse
        self._begun_ns = schedule.now_ns

    def knock(self, attempt: int = 0) -> None:
        """Send a SYN."""
        if self._client.is_closed:
            return
        if attempt == len(KNOCKS_S):
            self._refuse(errno.ETIMEDOUT)
            return
        if not self._there.is_whole:
            self._knock_again(attempt)
            return
        arrives_ns = self._arrival_ns(self._there) + self._there.attempts_late_ns
        self._schedule.at(arrives_ns, partial(self._arrive, attempt))
        if (again_ns := self._there.attempts_again_ns) is not None:
            self._schedule.at(arrives_ns + again_ns, self._arrive_again)

    def _arrive(self, attempt: int) -> None:
        if not self._there.is_whole:
            self._knock_again(attempt)
            return
        hear = partial(self._hear, attempt, self._answer())
        self._schedule.at(self._arrival_ns(self._back), hear)

    def _arrive_again(self) -> None:
        if self._there.is_whole and (listener := self._answer()) is not None:
            self._copy(listener)

    def _hear(self, attempt: int, listener: Listener | None) -> None:
        if self._client.is_closed:
            return
        if not self._back.is_whole:
            self._knock_again(attempt)
        elif listener is None:
            self._refuse(errno.ECONNREFUSED)
        else:
            self._connect(listener)

    def _knock_again(self, attempt: int) -> None:
        again_ns = self._begun_ns + KNOCKS_S[attempt] * NS
        self._schedule.at(again_ns, partial(self.knock, attempt + 1))

    def _arrival_ns(self, path: Path) -> int:
        return path.arrival_ns(self._schedule.now_ns, 0, self._chance)


def join(
    schedule: Schedule,
    client: Endpoint,
    listener: Listener,
    number: int,
    there: Path,
    back: Path,
    *,
    seed: object,
    window: int,
    observer: Callable[[], Observer | None],
    accept: Callable[[Endpoint], None],
    hold: Callable[[int, Stream], None],
) -> None:
    """Make the server's end of a connection, with ``number``, and the streams between the ends.

    ``window`` is the size of a receive buffer. ``accept`` is given the server's end when it hears
    that the client is connected, ``hold`` what is held up, with the sender's number.
    """
    connection = client.connection
    server = connection.server = Endpoint(
        number, listener.owner, connection, "server", listener.host, client.peer, client.local
    )

    def direction(sender: Endpoint, receiver: Endpoint, path: Path, back: Path) -> Stream:
        role = sender.role

        def leave(data: bytes | None) -> None:
            if (watching := observer()) is not None:
                watching.left(connection, role, data)

        def deliver(data: bytes | None) -> None:
            if data == OPENING:
                accept(receiver)
                return
            if (watching := observer()) is not None:
                watching.arrived(connection, role, data)
            receiver.take(data)

        def break_off() -> None:
            if (watching := observer()) is not None:
                watching.broken(connection, role)

        sender.broke_off = break_off
        return Stream(
            schedule,
            path,
            back,
            Chance(f"{seed}/{connection.number}/{role}"),
            window=window,
            leave=leave,
            deliver=deliver,
            acknowledge=sender.acknowledge,
            hold=partial(hold, sender.number),
            give_up=sender.time_out,
        )

    client.stream = direction(client, server, there, back)
    server.stream = direction(server, client, back, there)
    client.stream.open()

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


class Direction:
    """What goes from ``sender`` to ``receiver``, and whom to tell of it. See Ends and ``join``."""

    __slots__ = ("_accept", "_hold", "_observer", "_receiver", "_sender")

    def __init__(
        self,
        sender: Endpoint,
        receiver: Endpoint,
        *,
        observer: Callable[[], Observer],
        accept: Callable[[Endpoint], None],
        hold: Callable[[int, Stream], None],
    ) -> None:
        self._sender = sender
        self._receiver = receiver
        self._observer = observer
        self._accept = accept
        self._hold = hold

    def leave(self, data: bytes | None) -> None:
        """See Ends."""
        self._observer().left(self._sender.connection, self._sender.role, data)

    def deliver(self, data: bytes | None) -> None:
        """See Ends."""
        if data == OPENING:
            self._accept(self._receiver)
            return
        self._observer().arrived(self._sender.connection, self._sender.role, data)
        self._receiver.take(data)

    def acknowledge(self, size: int) -> None:
        """See Ends."""
        self._sender.acknowledge(size)

    def hold(self, stream: Stream) -> None:
        """See Ends."""
        self._hold(self._sender.number, stream)

    def give_up(self) -> None:
        """See Ends."""
        self._observer().given_up(self._sender.connection, self._sender.role)
        self._sender.time_out()

    def break_off(self) -> None:
        """Take note that the sender breaks the connection off."""
        self._observer().broken(self._sender.connection, self._sender.role)


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
    observer: Callable[[], Observer],
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

    def stream(sender: Endpoint, receiver: Endpoint, path: Path, back: Path) -> Stream:
        direction = Direction(sender, receiver, observer=observer, accept=accept, hold=hold)
        sender.broke_off = direction.break_off
        chance = Chance(f"{seed}/{connection.number}/{sender.role}")
        return Stream(schedule, direction, path, back, chance, window=window)

    client.stream = stream(client, server, there, back)
    server.stream = stream(server, client, back, there)
    client.stream.open()

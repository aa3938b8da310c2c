"""Hosts, the links between them, and the connections: the network as the loops on it see it.

Time moves here, and only when every loop rests. Runs no code of those loops.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from labkit.errors import Deadlock, TimeIsUp
from labkit.simnet.attempts import Attempt, Listener, join
from labkit.simnet.connections import Connection, Endpoint, Owner
from labkit.simnet.hosts import ANY, LOOPBACK, Host, Hosts, error
from labkit.simnet.marks import CUT, HEALED, Kind, Mark
from labkit.simnet.observer import Observer
from labkit.simnet.paths import Chance, Conditions, Path
from labkit.simnet.schedule import NS, Schedule
from labkit.simnet.seam import Accepted, Address, Broken, Connected, Other
from labkit.simnet.streams import Stream

#: Linux on loopback takes 3.9 MB for a peer that never reads, in the two buffers together.
SEND_BUFFER = 2_500 * 1024
RECEIVE_BUFFER = 1_320 * 1024


class World:
    """A network in virtual time. The same ``seed`` and the same calls give the same events."""

    def __init__(self, seed: object = 0, *, limit_s: float = 3600.0) -> None:
        self.schedule = Schedule()
        self.hosts = Hosts()
        #: Those of which an end is still in use, by number.
        self.connections: dict[int, Connection] = {}
        self.observer = Observer()
        #: The loops that rest while another one drives.
        self.others: list[Other] = []
        #: Told the name of a host that has crashed, and of one that runs again.
        self.crashed: Callable[[str], object] = lambda host: None
        self.restarted: Callable[[str], object] = lambda host: None
        self._seed = seed
        self._limit_ns = round(limit_s * NS)
        self._paths: dict[tuple[str, str], Path] = {}
        self._numbers = itertools.count(1)
        self._connection_numbers = itertools.count(1)
        self._listeners: dict[int, Listener] = {}
        self._endpoints: dict[int, Endpoint] = {}
        self._dirty: dict[int, Stream] = {}
        #: What cannot pass, by the sender's socket.
        self._held: dict[int, Stream] = {}
        self._is_alerted = False

    def path(self, origin: str, target: str) -> Path:
        """Return the path from one host to another; the first time, make one without delay."""
        key = (origin, target)
        if key not in self._paths:
            self._paths[key] = Path(Conditions(), self.hosts.named(target))
        return self._paths[key]

    def set_cut(self, origin: str, target: str, is_cut: bool) -> None:
        """Let nothing through from one host to another, or everything again.

        What was sent meanwhile is on its way again when the path is whole. Raises UsageError for
        the name of no host.
        """
        path = self.path(self.hosts.get(origin).name, self.hosts.get(target).name)
        if path.is_cut != is_cut:
            path.is_cut = is_cut
            self.mark(*(CUT if is_cut else HEALED), origin, target)
            self._resume()

    def mark(self, kind: Kind, label: str, *hosts: str, **more: Any) -> None:
        """Tell the observer what is done to ``hosts``. See Mark."""
        self.observer.marked(Mark(self.schedule.now_ns, kind, label, hosts, **more))

    def crash(self, name: str) -> None:
        """Switch a host off, if it is on: its sockets are gone, and nobody is told.

        Raises UsageError for the name of no host.
        """
        host = self.hosts.get(name)
        if not host.is_up:
            return
        self.mark("crash", "crashes", name)
        host.is_up = False
        host.listening.clear()
        for listener in [one for one in self._listeners.values() if one.host is host]:
            del self._listeners[listener.number]
        for endpoint in [one for one in self._endpoints.values() if one.host is host]:
            endpoint.vanish()
            self.forget(endpoint)
        self.crashed(name)
        for other in self.others:
            other.crash(name)
        self._is_alerted = True

    def restart(self, name: str) -> None:
        """Switch a host on, if it is off. Nobody listens; it resets what came before it.

        Raises UsageError for the name of no host.
        """
        host = self.hosts.get(name)
        if host.is_up:
            return
        self.mark("restart", "starts again", name)
        host.is_up = True
        self._resume()
        self.restarted(name)
        self._is_alerted = True

    def alert(self) -> None:
        """Have the loop look again: something has happened on it from outside."""
        self._is_alerted = True

    def drive(self, process: Owner, until_ns: int | None) -> int:
        """Let time pass until something happens to ``process``, or until ``until_ns``."""
        schedule = self.schedule
        while True:
            self._transmit()
            while schedule.run_due() and self._dirty:
                self._transmit()
            has_come = until_ns is not None and until_ns <= schedule.now_ns
            if process.is_alerted or self._is_alerted or has_come:
                process.is_alerted = self._is_alerted = False
                return schedule.now_ns
            if self.others and (due := [one for one in self.others if one.is_due()]):
                due[0].resume()
            else:
                schedule.now_ns = self._next_ns(until_ns)

    def listen(self, process: Owner, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        owner = self._running(host, address)
        bound = owner.bind(address)
        number = owner.listening[bound] = next(self._numbers)
        self._listeners[number] = Listener(number, process, owner, bound)
        return number, bound

    def stop_listening(self, process: Owner, listener: int) -> None:
        """See Network."""
        known = self._listeners.get(listener)
        if known is not None and known.owner is process:
            del self._listeners[listener]
            known.host.listening.pop(known.address, None)

    def connect(self, process: Owner, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        origin = self._running(host, address)
        if address[0] == ANY:
            # Linux takes any address for its own.
            address = (LOOPBACK, address[1])
        target = self.hosts.at(address[0], origin)
        if target is None:
            raise error(errno.ENETUNREACH, address)
        local = origin.address_towards(address)
        connection = Connection(next(self._connection_numbers), address)
        self.connections[connection.number] = connection
        endpoint = connection.client = Endpoint(
            next(self._numbers), process, connection, "client", origin, local, address
        )
        self._endpoints[endpoint.number] = endpoint
        self.observer.begun(connection)
        endpoint.broke_off = lambda: self.observer.decided(connection, errno.ECANCELED)
        self._attempt(endpoint, target).knock()
        return endpoint.number, local

    def endpoint(self, owner: Owner, number: int) -> Endpoint | None:
        """Return a socket of ``owner`` that is not closed."""
        endpoint = self._endpoints.get(number)
        return endpoint if endpoint is not None and endpoint.owner is owner else None

    def close_all(self, owner: Owner) -> None:
        """Close what ``owner`` has open, as the system does when a process ends."""
        for listener in list(self._listeners):
            self.stop_listening(owner, listener)
        for endpoint in list(self._endpoints.values()):
            if endpoint.owner is owner:
                endpoint.close(reset=False)
                self.touch(endpoint)
                self.forget(endpoint)

    def touch(self, endpoint: Endpoint) -> None:
        """Have what ``endpoint`` sent leave before time moves on.

        In the order of the sockets, not of the calls: who sends to a set of clients does so in an
        order of chance.
        """
        if endpoint.stream is not None:
            self._dirty[endpoint.number] = endpoint.stream

    def forget(self, endpoint: Endpoint) -> None:
        """Know a socket no longer."""
        self._endpoints.pop(endpoint.number, None)
        twin = endpoint.twin
        if twin is None or twin.number not in self._endpoints:
            self.connections.pop(endpoint.connection.number, None)

    def _next_ns(self, until_ns: int | None) -> int:
        ahead_ns = self.schedule.next_ns()
        for at_ns in (until_ns, *[other.wakes_ns for other in self.others]):
            if at_ns is not None and (ahead_ns is None or at_ns < ahead_ns):
                ahead_ns = at_ns
        if ahead_ns is None:
            raise Deadlock("everybody waits for somebody, and nothing is planned")
        if ahead_ns > self._limit_ns:
            raise TimeIsUp(f"{self._limit_ns / NS:g} simulated seconds have passed")
        return ahead_ns

    def _transmit(self) -> None:
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            for number in sorted(dirty):
                dirty[number].transmit()

    def _resume(self) -> None:
        held = list(self._held.values())
        self._held.clear()
        for stream in held:
            stream.resume()

    def _running(self, name: str, address: Address) -> Host:
        host = self.hosts.named(name)
        if not host.is_up:
            raise error(errno.ENETDOWN, address)
        return host

    def _attempt(self, client: Endpoint, target: Host) -> Attempt:
        return Attempt(
            self.schedule,
            client,
            self.path(client.host.name, target.name),
            self.path(target.name, client.host.name),
            Chance(f"{self._seed}/{client.connection.number}/attempt"),
            answer=lambda: self._listeners.get(target.listener_at(client.peer) or 0),
            connect=partial(self._connect, client),
            copy=partial(self._copy, client),
            refuse=partial(self._refuse, client),
        )

    def _refuse(self, client: Endpoint, number: int) -> None:
        client.post(Broken(client.number, number))
        self.forget(client)
        self.observer.decided(client.connection, number)

    def _connect(self, client: Endpoint, listener: Listener) -> None:
        self._join(client, listener)
        client.space = SEND_BUFFER
        client.post(Connected(client.number, SEND_BUFFER))
        self.observer.decided(client.connection, 0)

    def _copy(self, client: Endpoint, listener: Listener) -> None:
        # The client's host knows of no second connection, and says so when it is answered.
        connection = Connection(next(self._connection_numbers), client.peer)
        number, local, peer = next(self._numbers), client.local, client.peer
        stranger = connection.client = Endpoint(
            number, client.owner, connection, "client", client.host, local, peer
        )
        again = f"the attempt of #{client.connection.number} arrives again"
        self.mark("fault", again, client.host.name, listener.host.name, number=connection.number)
        self._join(stranger, listener)
        stranger.is_closed = True
        back = self.path(listener.host.name, client.host.name)

        def hear() -> None:
            if back.is_whole:
                stranger.reset()

        self.schedule.after(back.latency_ns, hear)

    def _join(self, client: Endpoint, listener: Listener) -> None:
        join(
            self.schedule,
            client,
            listener,
            next(self._numbers),
            self.path(client.host.name, listener.host.name),
            self.path(listener.host.name, client.host.name),
            seed=self._seed,
            window=RECEIVE_BUFFER,
            observer=lambda: self.observer,
            accept=partial(self._accept, listener),
            hold=self._held.__setitem__,
        )

    def _accept(self, listener: Listener, server: Endpoint) -> None:
        if server.is_broken or listener.number not in self._listeners:
            server.reset()
            return
        server.space = SEND_BUFFER
        self._endpoints[server.number] = server
        self.connections[server.connection.number] = server.connection
        number, local, peer = server.number, server.local, server.peer
        server.post(Accepted(listener.number, number, local, peer, SEND_BUFFER))

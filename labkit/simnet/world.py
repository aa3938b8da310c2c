"""Hosts, the links between them, and the connections: the network as the loops on it see it.

Time moves here, and only when every loop rests. Runs no code of those loops.
"""

from __future__ import annotations

import errno
import itertools
import random
import re
import socket as names
from collections.abc import Callable
from functools import partial

from labkit.errors import Deadlock, TimeIsUp
from labkit.simnet.connections import Connection, Endpoint
from labkit.simnet.hosts import LOOPBACK, Host, Hosts, error
from labkit.simnet.paths import Conditions, Path
from labkit.simnet.schedule import NS, Schedule
from labkit.simnet.seam import Accepted, Address, Broken, Connected, Event
from labkit.simnet.streams import Stream

#: Linux on loopback takes 3.9 MB for a peer that never reads, in the two buffers together.
SEND_BUFFER = 2_500 * 1024
RECEIVE_BUFFER = 1_320 * 1024
#: When Linux knocks again, in seconds after the first time, and when it gives up.
KNOCKS_S = (1, 3, 7, 15, 31, 63, 127)


class World:
    """A network in virtual time. The same ``seed`` and the same calls give the same events."""

    def __init__(self, seed: object = 0, *, limit_s: float = 3600.0) -> None:
        self.schedule = Schedule()
        self.hosts = Hosts()
        #: Those of which an end is still in use, by number.
        self.connections: dict[int, Connection] = {}
        self.observers: list[Callable[[Connection, str, bytes | None], None]] = []
        self._seed = seed
        self._limit_ns = round(limit_s * NS)
        self._paths: dict[tuple[str, str], Path] = {}
        self._numbers = itertools.count(1)
        self._connection_numbers = itertools.count(1)
        self._listeners: dict[int, tuple[Process, Host, Address]] = {}
        self._endpoints: dict[int, Endpoint] = {}
        self._dirty: dict[int, Stream] = {}

    def process(self) -> Process:
        """Return the network for one more event loop."""
        return Process(self)

    def path(self, origin: str, target: str) -> Path:
        """Return the path from one host to another; the first time, make one without delay."""
        key = (origin, target)
        if key not in self._paths:
            self._paths[key] = Path(Conditions())
        return self._paths[key]

    def set_cut(self, origin: str, target: str, is_cut: bool) -> None:
        """Let nothing through from one host to another, or everything again.

        What was sent meanwhile is on its way again when the path is whole.
        """
        self.path(origin, target).is_cut = is_cut
        for connection in list(self.connections.values()):
            for endpoint in (connection.client, connection.server):
                if endpoint is not None and endpoint.stream is not None:
                    endpoint.stream.resume()

    def drive(self, process: Process, until_ns: int | None) -> int:
        """Let time pass until something happens to ``process``, or until ``until_ns``."""
        schedule = self.schedule
        while True:
            self._transmit()
            if schedule.run_due() or self._dirty:
                continue
            if process.is_alerted or (until_ns is not None and until_ns <= schedule.now_ns):
                process.is_alerted = False
                return schedule.now_ns
            ahead = [at for at in (until_ns, schedule.next_ns()) if at is not None]
            if not ahead:
                raise Deadlock("everybody waits for somebody, and nothing is planned")
            if min(ahead) > self._limit_ns:
                raise TimeIsUp(f"{self._limit_ns / NS:g} simulated seconds have passed")
            schedule.now_ns = min(ahead)

    def listen(self, process: Process, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        owner = self.hosts.named(host)
        bound = owner.bind(address)
        number = owner.listening[bound] = next(self._numbers)
        self._listeners[number] = (process, owner, bound)
        return number, bound

    def stop_listening(self, listener: int) -> None:
        """See Network."""
        _, owner, bound = self._listeners.pop(listener, (None, None, None))
        if owner is not None and bound is not None:
            owner.listening.pop(bound, None)

    def connect(self, process: Process, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        origin = self.hosts.named(host)
        target = self.hosts.at(address[0], origin)
        if target is None:
            raise error(errno.ENETUNREACH, address)
        is_local = "/" in address[0]
        local = ("", 0) if is_local else (LOOPBACK if target is origin else origin.address, 0)
        if not is_local:
            local = (local[0], origin.any_port())
        connection = Connection(next(self._connection_numbers), address)
        self.connections[connection.number] = connection
        endpoint = connection.client = Endpoint(
            next(self._numbers), process, connection, "client", origin, local, address
        )
        self._endpoints[endpoint.number] = endpoint
        self._knock(endpoint, target, attempt=0)
        return endpoint.number, local

    def endpoint(self, number: int) -> Endpoint | None:
        """Return a socket that is not closed."""
        return self._endpoints.get(number)

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

    def _transmit(self) -> None:
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            for number in sorted(dirty):
                dirty[number].transmit()

    def _knock(self, endpoint: Endpoint, target: Host, *, attempt: int) -> None:
        there = self.path(endpoint.host.name, target.name)
        back = self.path(target.name, endpoint.host.name)
        if attempt == len(KNOCKS_S):
            endpoint.post(Broken(endpoint.number, errno.ETIMEDOUT))
            self.forget(endpoint)
            return

        def arrive() -> None:
            if endpoint.is_closed:
                return
            if there.is_cut or back.is_cut or not target.is_up:
                before_s = KNOCKS_S[attempt - 1] if attempt else 0
                wait_ns = (KNOCKS_S[attempt] - before_s) * NS - there.latency_ns
                self.schedule.after(
                    wait_ns, partial(self._knock, endpoint, target, attempt=attempt + 1)
                )
                return
            listener = target.listener_at(endpoint.peer)
            if listener is None:
                refusal = Broken(endpoint.number, errno.ECONNREFUSED)
                self.schedule.after(back.latency_ns, partial(endpoint.post, refusal))
                self.forget(endpoint)
            else:
                self._establish(endpoint, target, listener)

        self.schedule.after(there.latency_ns, arrive)

    def _establish(self, client: Endpoint, target: Host, listener: int) -> None:
        process, _, _ = self._listeners[listener]
        there = self.path(client.host.name, target.name)
        back = self.path(target.name, client.host.name)
        connection = client.connection
        server = connection.server = Endpoint(
            next(self._numbers), process, connection, "server", target, client.peer, client.local
        )
        self._endpoints[server.number] = server
        client.stream = self._stream(client, server, there, back)
        server.stream = self._stream(server, client, back, there)
        connected_ns = self.schedule.now_ns + back.latency_ns
        accepted_ns = connected_ns + there.latency_ns
        client.stream.latest_ns, server.stream.latest_ns = accepted_ns, connected_ns
        client.space = server.space = SEND_BUFFER
        connected = Connected(client.number, SEND_BUFFER)
        accepted = Accepted(listener, server.number, server.local, server.peer, SEND_BUFFER)
        self.schedule.at(connected_ns, partial(client.post, connected))
        self.schedule.at(accepted_ns, partial(self._accept, server, accepted))

    def _accept(self, server: Endpoint, accepted: Accepted) -> None:
        if accepted.listener in self._listeners:
            server.post(accepted)
        else:
            server.reset()

    def _stream(self, sender: Endpoint, receiver: Endpoint, path: Path, back: Path) -> Stream:
        role = sender.role
        connection = sender.connection

        def deliver(data: bytes | None) -> None:
            for observe in self.observers:
                observe(connection, role, data)
            receiver.take(data)

        return Stream(
            self.schedule,
            path,
            back,
            random.Random(f"{self._seed}/{connection.number}/{role}"),
            window=RECEIVE_BUFFER,
            deliver=deliver,
            acknowledge=sender.acknowledge,
        )


class Process:
    """The world as one event loop in this process sees it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._inbox: list[Event] = []
        self.is_alerted = False

    def post(self, event: Event, *, alert: bool = True) -> None:
        """Tell the loop of ``event`` when it next asks; with ``alert``, as soon as it rests."""
        self._inbox.append(event)
        self.is_alerted |= alert

    def listen(self, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        return self._world.listen(self, host, address)

    def stop_listening(self, listener: int) -> None:
        """See Network."""
        self._world.stop_listening(listener)

    def connect(self, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        return self._world.connect(self, host, address)

    def send(self, socket: int, data: bytes) -> None:
        """See Network."""
        endpoint = self._world.endpoint(socket)
        if endpoint is not None and endpoint.stream is not None:
            endpoint.space -= len(data)
            endpoint.stream.send(data)
            self._world.touch(endpoint)

    def finish(self, socket: int) -> None:
        """See Network."""
        endpoint = self._world.endpoint(socket)
        if endpoint is not None and endpoint.stream is not None:
            endpoint.stream.finish()
            self._world.touch(endpoint)

    def consume(self, socket: int, size: int) -> None:
        """See Network."""
        endpoint = self._world.endpoint(socket)
        twin = endpoint.twin if endpoint is not None else None
        if twin is not None and twin.stream is not None and twin.stream.consume(size):
            self._world.touch(twin)

    def close(self, socket: int, *, reset: bool = False) -> None:
        """See Network."""
        endpoint = self._world.endpoint(socket)
        if endpoint is None:
            return
        endpoint.close(reset=reset)
        self._world.touch(endpoint)
        self._world.forget(endpoint)

    def resolve(self, host: str, name: str) -> list[str]:
        """See Network."""
        if name == "localhost":
            return [LOOPBACK]
        if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
            return [name]
        origin = self._world.hosts.named(host)
        known = origin if name == host else self._world.hosts.known(name)
        if known is None:
            raise names.gaierror(names.EAI_NONAME, f"no simulated host is named {name!r}")
        return [known.address]

    def wait(self, until_ns: int | None) -> tuple[int, list[Event]]:
        """See Network."""
        now_ns = self._world.drive(self, until_ns)
        events, self._inbox = self._inbox, []
        return now_ns, events

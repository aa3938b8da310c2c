"""One event loop's way into the world, where both are in one process. Holds what it is to hear."""

from __future__ import annotations

import re
import socket as names
from collections.abc import Callable

from labkit.simnet.hosts import LOOPBACK
from labkit.simnet.seam import Address, Event
from labkit.simnet.world import World


class Process:
    """The world as one event loop sees it. See Network, whose part it plays."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._inbox: list[Event] = []
        self.is_alerted = False
        #: Called with what the loop tells.
        self.hear: Callable[[bytes], object] = lambda data: None

    def post(self, event: Event, *, alert: bool = True) -> None:
        """Tell the loop of ``event`` when it next asks; with ``alert``, as soon as it rests."""
        self._inbox.append(event)
        self.is_alerted |= alert

    def begin(self) -> int:
        """See Network."""
        return self._world.schedule.now_ns

    def listen(self, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        return self._world.listen(self, host, address)

    def stop_listening(self, listener: int) -> None:
        """See Network."""
        self._world.stop_listening(self, listener)

    def connect(self, host: str, address: Address) -> tuple[int, Address]:
        """See Network."""
        return self._world.connect(self, host, address)

    def send(self, socket: int, data: bytes) -> None:
        """See Network."""
        endpoint = self._world.endpoint(self, socket)
        # The loop knows how much room there is. Who sends more is not a loop of ours.
        if endpoint is not None and endpoint.stream is not None and len(data) <= endpoint.space:
            endpoint.space -= len(data)
            endpoint.stream.send(data)
            self._world.touch(endpoint)

    def finish(self, socket: int) -> None:
        """See Network."""
        endpoint = self._world.endpoint(self, socket)
        if endpoint is not None and endpoint.stream is not None:
            endpoint.stream.finish()
            self._world.touch(endpoint)

    def consume(self, socket: int, size: int) -> None:
        """See Network."""
        endpoint = self._world.endpoint(self, socket)
        twin = endpoint.twin if endpoint is not None else None
        if twin is not None and twin.stream is not None and twin.stream.consume(size):
            self._world.touch(twin)

    def close(self, socket: int, *, reset: bool = False) -> None:
        """See Network."""
        endpoint = self._world.endpoint(self, socket)
        if endpoint is None:
            return
        endpoint.close(reset=reset)
        self._world.touch(endpoint)
        self._world.forget(endpoint)

    def resolve(self, host: str, name: str) -> list[str]:
        """See Network."""
        if name == "localhost":
            return [LOOPBACK]
        origin = self._world.hosts.named(host)
        known = origin if name == host else self._world.hosts.known(name)
        if known is not None:
            return [known.address]
        if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
            return [name]
        raise names.gaierror(names.EAI_NONAME, f"no simulated host is named {name!r}")

    def tell(self, data: bytes) -> None:
        """See Network."""
        self.hear(data)

    def wait(self, until_ns: int | None) -> tuple[int, list[Event]]:
        """See Network."""
        now_ns = self._world.drive(self, until_ns)
        return now_ns, self.take()

    def take(self) -> list[Event]:
        """Return what the loop has not heard yet."""
        events, self._inbox = self._inbox, []
        return events

    def leave(self) -> None:
        """Close everything, as the system does for a process that ends."""
        self._world.close_all(self)

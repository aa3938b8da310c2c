"""Two sides of one connection and a wire between them that delivers in any pieces. No network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from labkit.protocol.connection import Connection, Side
from labkit.protocol.events import Accept, Event, Upgrade
from labkit.protocol.extensions import Deflate


class ConnectionPair:
    """A client and a server, the handshake done."""

    def __init__(self, deflate: Deflate | None = None) -> None:
        self.client = Connection(Side.CLIENT, deflate=deflate)
        self.server = Connection(Side.SERVER, deflate=deflate)
        self.client.send(Upgrade("example.com", "/chat"))
        assert [type(event) for event in self.deliver(self.client)] == [Upgrade]
        self.server.send(Accept())
        assert [type(event) for event in self.deliver(self.server)] == [Accept]

    def deliver(self, sender: Connection, cuts: Iterable[int] = ()) -> list[Event]:
        """Bring what ``sender`` has sent to the other side, cut at these places."""
        receiver = self.server if sender is self.client else self.client
        data = sender.data_to_send()
        return list(receive(receiver, data, cuts))


def receive(receiver: Connection, data: bytes, cuts: Iterable[int] = ()) -> Iterator[Event]:
    """Yield what happens as ``data`` arrives, cut at these places."""
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        if piece := data[start:end]:
            receiver.receive_data(piece)
            yield from receiver.events()

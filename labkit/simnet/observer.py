"""What may be seen of a simulated network from outside. Changes nothing in it."""

from __future__ import annotations

from labkit.simnet.connections import Connection, Role
from labkit.simnet.marks import Mark


class Observer:
    """Is told what happens, when it happens: the world's clock shows the time of it.

    Takes no notice: a subclass has methods for what it wants to hear of.
    """

    def begun(self, connection: Connection) -> None:
        """A client asks to be connected."""

    def decided(self, connection: Connection, error: int) -> None:
        """The client knows: it is connected, or ``error``, an errno, says why it is not.

        ECANCELED: it has closed its socket before there was an answer.
        """

    def left(self, connection: Connection, role: Role, data: bytes | None) -> None:
        """What ``role`` sends has left its host; None is the end."""

    def arrived(self, connection: Connection, role: Role, data: bytes | None) -> None:
        """What ``role`` sent has arrived at the other host, if it still has one to take it."""

    def broken(self, connection: Connection, role: Role) -> None:
        """``role``'s host breaks the connection off."""

    def given_up(self, connection: Connection, role: Role) -> None:
        """``role``'s host gives the connection up: nobody has acknowledged what it sends."""

    def marked(self, mark: Mark) -> None:
        """Something is done to a host, to a path or to a connection, by no program on it."""

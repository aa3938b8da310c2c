"""What may be seen of a simulated network from outside. Changes nothing in it."""

from __future__ import annotations

from typing import Protocol

from labkit.simnet.connections import Connection, Role


class Observer(Protocol):
    """Is told what happens, when it happens: the world's clock shows the time of it."""

    def begun(self, connection: Connection) -> None:
        """A client asks to be connected."""
        ...

    def decided(self, connection: Connection, error: int) -> None:
        """The client knows: it is connected, or ``error``, an errno, says why it is not."""
        ...

    def left(self, connection: Connection, role: Role, data: bytes | None) -> None:
        """What ``role`` sends has left its host; None is the end."""
        ...

    def arrived(self, connection: Connection, role: Role, data: bytes | None) -> None:
        """What ``role`` sent has arrived at the other host, if it still has one to take it."""
        ...

    def broken(self, connection: Connection, role: Role) -> None:
        """``role``'s host breaks the connection off."""
        ...

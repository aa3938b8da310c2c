"""The machines of a simulated network: their addresses, ports and clocks. Connects nothing."""

from __future__ import annotations

import errno
import itertools
import os
from dataclasses import dataclass, field

from labkit.errors import UsageError
from labkit.simnet.seam import Address

LOOPBACK = "127.0.0.1"
ANY = "0.0.0.0"
#: What Linux gives to those who ask for any port.
FIRST_PORT, LAST_PORT = 32768, 60999


@dataclass
class Host:
    """A machine. ``clock_skew_s`` is how far its wall clock is ahead of the others."""

    name: str
    address: str
    is_up: bool = True
    clock_skew_s: float = 0.0
    #: The listener's number, by where it listens.
    listening: dict[Address, int] = field(default_factory=dict)
    _next_port: int = FIRST_PORT

    def has(self, address: str) -> bool:
        """Whether an IP address is this host's own."""
        return address == self.address or address.startswith("127.")

    def bind(self, address: Address) -> Address:
        """Return where a listener at ``address`` listens; port 0 is any free one.

        Raises OSError: EADDRNOTAVAIL, or EADDRINUSE.
        """
        ip, port = address
        if ip != ANY and "/" not in ip and not self.has(ip):
            raise error(errno.EADDRNOTAVAIL, address)
        if port == 0 and "/" not in ip:
            return ip, self.any_port()
        if self._is_taken(address):
            raise error(errno.EADDRINUSE, address)
        return address

    def address_towards(self, target: Address) -> Address:
        """Return from where a connection to ``target`` comes. Raises OSError without a free port.

        Loopback is reached from loopback; a Unix socket from nowhere.
        """
        if "/" in target[0]:
            return "", 0
        return LOOPBACK if target[0].startswith("127.") else self.address, self.any_port()

    def any_port(self) -> int:
        """Return the next free port. Raises OSError if there is none."""
        for _ in range(FIRST_PORT, LAST_PORT + 1):
            port = self._next_port
            self._next_port = FIRST_PORT if port == LAST_PORT else port + 1
            if not self._is_taken((ANY, port)):
                return port
        raise error(errno.EADDRINUSE, (ANY, 0))

    def listener_at(self, address: Address) -> int | None:
        """Return the number of who listens where a connection to ``address`` arrives."""
        return self.listening.get(address, self.listening.get((ANY, address[1])))

    def _is_taken(self, address: Address) -> bool:
        ip, port = address
        return any(
            port == other_port and (ip == other_ip or ANY in (ip, other_ip))
            for other_ip, other_port in self.listening
        )


class Hosts:
    """Every machine, by its name and by its address."""

    def __init__(self) -> None:
        self._by_name: dict[str, Host] = {}
        self._by_address: dict[str, Host] = {}
        self._numbers = itertools.count(1)

    def named(self, name: str) -> Host:
        """Return the host of that name; the first time, make it."""
        if name not in self._by_name:
            high, low = divmod(next(self._numbers), 250)
            host = Host(name, f"10.0.{high}.{low + 1}")
            self._by_name[name] = self._by_address[host.address] = host
        return self._by_name[name]

    def get(self, name: str) -> Host:
        """Return the host of that name. Raises UsageError if there is none."""
        if name not in self._by_name:
            *others, last = [*self._by_name] or ["none"]
            known = f"are {', '.join(others)} and {last}" if others else f"is {last}"
            raise UsageError(f"no simulated host is named {name!r}; there {known}")
        return self._by_name[name]

    def known(self, name: str) -> Host | None:
        """Return the host of that name, if there is one."""
        return self._by_name.get(name)

    def at(self, address: str, origin: Host) -> Host | None:
        """Return whose ``address`` is, as seen from ``origin``."""
        return origin if origin.has(address) or "/" in address else self._by_address.get(address)


def error(number: int, address: Address) -> OSError:
    """Return the error that the system would raise, with the address in its text."""
    return OSError(number, f"{os.strerror(number)}: {address[0]}:{address[1]}")

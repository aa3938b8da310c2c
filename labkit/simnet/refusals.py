"""What an asyncio loop does with the real system, and a simulated one refuses. Does none of it."""

from __future__ import annotations

from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import Callable
from typing import Any, NoReturn

from labkit.errors import UsageError

TLS = "a simulated network has no TLS: connect with ws://, and serve without ssl"
SOCKETS = "a simulated network takes no real socket: give a host and a port"
_PROCESSES = "a simulation starts no processes: run a coroutine on another simulated host instead"
_PIPES = "a simulation has no pipes to the system: connect to a simulated host instead"
_FILES = "a simulation waits for no real file: read it in a thread, with asyncio.to_thread"
_DATAGRAMS = "a simulated network has no UDP: use create_connection and create_server"
_SIGNALS = "a simulation gets no signals: end it by a task of your own"
_NAMES = "a simulated network has no names for addresses: look a host up by its name"


def refuse(sentence: str) -> NoReturn:
    """Raise UsageError."""
    raise UsageError(sentence)


def _refused(sentence: str) -> Callable[..., NoReturn]:
    def method(*_: Any, **__: Any) -> NoReturn:
        refuse(sentence)

    return method


class Refusals(BaseSelectorEventLoop):
    """A loop that does without the system, and says so in one sentence where it is asked for."""

    start_tls: Any = _refused(TLS)
    sock_accept: Any = _refused(SOCKETS)
    sock_connect: Any = _refused(SOCKETS)
    sock_recv: Any = _refused(SOCKETS)
    sock_recv_into: Any = _refused(SOCKETS)
    sock_recvfrom: Any = _refused(SOCKETS)
    sock_recvfrom_into: Any = _refused(SOCKETS)
    sock_sendall: Any = _refused(SOCKETS)
    sock_sendto: Any = _refused(SOCKETS)
    connect_accepted_socket: Any = _refused(SOCKETS)
    create_datagram_endpoint: Any = _refused(_DATAGRAMS)
    getnameinfo: Any = _refused(_NAMES)
    add_reader: Any = _refused(_FILES)
    add_writer: Any = _refused(_FILES)
    connect_read_pipe: Any = _refused(_PIPES)
    connect_write_pipe: Any = _refused(_PIPES)
    subprocess_exec: Any = _refused(_PROCESSES)
    subprocess_shell: Any = _refused(_PROCESSES)
    add_signal_handler: Any = _refused(_SIGNALS)
    remove_signal_handler: Any = _refused(_SIGNALS)

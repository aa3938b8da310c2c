from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from labkit.errors import UsageError
from labkit.kernel.belongings import Belongings
from labkit.kernel.cells import Cell, current
from labkit.kernel.openings import Openings, PortInUse

CELL = Cell("a", 4, shows_late_output=True)


class Opened:
    """The running loop, watched, and what is noted."""

    def __init__(self) -> None:
        self.belongings = Belongings()
        self.loop = asyncio.get_running_loop()
        self.openings = Openings(self.loop, self.belongings)
        self.openings.begin()


@pytest.fixture
def opened() -> Iterator[type[Opened]]:
    """What is opened while cell 4 runs; to be called in the loop."""
    token = current.set(CELL)
    yield Opened
    current.reset(token)


async def serve(protocol: Any = asyncio.Protocol, port: int = 0) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def test_a_server_and_both_ends_of_its_connections_are_noted(opened: Any) -> None:
    watched = opened()
    made: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, theirs: made.put_nowait(theirs), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    theirs = await made.get()

    servers, connections = watched.belongings.servers(), watched.belongings.connections()
    assert list(servers) == [(server, CELL)]
    assert dict(connections) == {writer.transport: CELL, theirs.transport: CELL}
    server.close()
    writer.transport.abort()


async def test_what_no_cell_opens_is_not_noted(opened: Any) -> None:
    watched = opened()
    token = current.set(None)
    server = await serve()
    current.reset(token)

    assert list(watched.belongings.servers()) == []
    server.close()


async def test_a_protocol_is_left_as_it_was(opened: Any) -> None:
    opened()
    made: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    class Plain(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set_result(vars(self))

    server = await serve(Plain)
    _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))

    assert await made == {}
    server.close()
    writer.transport.abort()


async def test_a_protocol_with_slots_is_served_all_the_same(opened: Any) -> None:
    opened()

    class Slotted:
        __slots__ = ("made",)

        def __init__(self) -> None:
            self.made = False

        def connection_made(self, transport: Any) -> None:
            transport.write(b"hello")

        def __getattr__(self, name: str) -> Any:
            return lambda *arguments: None

    server = await serve(Slotted)
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))

    assert await reader.readexactly(5) == b"hello"
    server.close()
    writer.transport.abort()


async def test_a_port_that_a_cell_holds_is_named_with_the_cell(opened: Any) -> None:
    opened()
    server = await serve()
    port = port_of(server)

    with pytest.raises(PortInUse) as refused:
        await serve(port=port)

    server.close()
    assert str(refused.value) == (
        f"port {port} is taken by the server of cell [4]: close that one first "
        "(`server.close()`), or use port 0 for any free port"
    )


async def test_a_port_that_a_thread_may_hold_is_told_from_that_of_another_program(
    opened: Any,
) -> None:
    opened()
    listening = socket.create_server(("127.0.0.1", 0))

    with pytest.raises(PortInUse, match="something else in this notebook's kernel"):
        await serve(port=listening.getsockname()[1])

    listening.close()


async def test_a_port_of_another_program_is_said_to_be_that(opened: Any) -> None:
    opened()
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0))\n"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert program.stdout is not None
    assert program.stdin is not None
    port = int(await program.stdout.readline())

    with pytest.raises(PortInUse, match=f"port {port} is taken by another program"):
        await serve(port=port)

    program.stdin.close()
    await program.wait()


async def test_a_taken_port_is_the_error_that_asyncio_raises_too(opened: Any) -> None:
    opened()
    server = await serve()

    with pytest.raises(OSError, match="is taken by") as refused:
        await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port_of(server))

    server.close()
    assert refused.value.errno == errno.EADDRINUSE
    assert isinstance(refused.value, UsageError)


async def test_other_errors_pass_as_they_are(opened: Any) -> None:
    opened()

    with pytest.raises(OSError, match="bind") as refused:
        await asyncio.get_running_loop().create_server(asyncio.Protocol, "192.0.2.1", 0)

    assert not isinstance(refused.value, PortInUse)


async def test_the_loops_methods_are_given_back(opened: Any) -> None:
    watched = opened()

    watched.openings.end()

    assert not any(name.startswith("create_") for name in vars(watched.loop))

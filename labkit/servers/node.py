"""JavaScript beside Python: run a program in Node, or keep a server of it. Installs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Generator
from types import TracebackType
from typing import Any, Self

from labkit.errors import LabkitError, UsageError

from .node_errors import UNCAUGHT, failure
from .node_process import NodeProcess, node_process
from .node_setup import FOLDER, find_node

DEADLINE_S = 20.0


class NodeProgram:
    """A JavaScript program; `node` makes one. Await it to its end, or enter it as a server.

    ``address`` is where the server listens, once it is entered.
    """

    def __init__(self, source: str, arguments: tuple[str, ...], *, deadline_s: float) -> None:
        self.address = ""
        self._source = source
        self._arguments = arguments
        self._deadline_s = deadline_s
        self._process: NodeProcess | None = None
        self._lifetime = contextlib.AsyncExitStack()

    @property
    def printed(self) -> str:
        """What the server has printed, the newest 64 KiB of it; still there when it has ended."""
        return self._process.stdout if self._process else ""

    async def run(self) -> str:
        """Run the program to its end; return what it printed, without the end of the last line.

        Raises LabkitError if it cannot be run, fails or takes too long.
        """
        async with self._started() as process:
            try:
                async with asyncio.timeout(self._deadline_s):
                    status = await process.ended()
            except TimeoutError:
                raise LabkitError(
                    f"the JavaScript did not end within {self._deadline_s:g} s: close its sockets "
                    "and timers when it is done, or give it longer with deadline_s="
                ) from None
        if status:
            raise LabkitError(failure(status, process.stderr, self._source))
        # As in a terminal: warnings are seen, and are no part of the result.
        sys.stderr.write(process.stderr)
        return process.stdout.removesuffix("\n")

    def __await__(self) -> Generator[Any, None, str]:
        return self.run().__await__()

    async def __aenter__(self) -> Self:
        if self._process is not None:
            raise UsageError("this JavaScript server was started before; call node() for another")
        async with contextlib.AsyncExitStack() as lifetime:
            self._process = await lifetime.enter_async_context(self._started())
            self.address = await self._served(self._process)
            self._lifetime = lifetime.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None, "who leaves has entered"
        status = self._process.status
        await self._lifetime.aclose()
        # One that falls over closes its connections a moment before it has ended.
        if status or self._process.status == UNCAUGHT:
            reason = failure(status or UNCAUGHT, self._process.stderr, self._source)
            if error is None:
                raise LabkitError(reason)
            # Whatever a client of a server that fell over has met, this is why.
            error.add_note(reason)

    def __repr__(self) -> str:
        match self._process:
            case None:
                state = "not started"
            case process:
                state = "open" if process.status is None else "closed"
        return f"NodeProgram({state})"

    @contextlib.asynccontextmanager
    async def _started(self) -> AsyncIterator[NodeProcess]:
        # Whoever asks Node for its version waits for the answer.
        program = await asyncio.to_thread(find_node)
        async with node_process(program, self._source, self._arguments, FOLDER) as process:
            yield process

    async def _served(self, process: NodeProcess) -> str:
        """Wait until the program says where it serves."""
        address = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadline_s):
                address = await process.address()
        if address is not None:
            return address
        if process.status:
            raise LabkitError(failure(process.status, process.stderr, self._source))
        when = f"within {self._deadline_s:g} s" if process.status is None else "before it ended"
        raise LabkitError(
            f"the JavaScript named no address {when}: let it print the line "
            "`serving ws://127.0.0.1:PORT` as soon as it listens, and keep it running"
        )


def node(source: str, *arguments: str | int, deadline_s: float = DEADLINE_S) -> NodeProgram:
    """Return a JavaScript program, to run to its end or to enter as a server::

        print(await node(CLIENT, server.address))

        async with node(SERVER) as theirs: ...

    ``source`` is a module: it may import ``ws``, ``socket.io`` and ``socket.io-client``, and
    ``await`` at its top level. Its arguments are ``process.argv[2]`` and on. A server prints the
    line ``serving ws://127.0.0.1:PORT``; it is ended with the block. ``deadline_s`` is how long a
    program may run, and how long a server may take until it serves.

    Awaiting and entering raise LabkitError if Node or a package is missing or too old, if the
    program fails, and if it takes too long.
    """
    return NodeProgram(source, tuple(map(str, arguments)), deadline_s=deadline_s)


def node_ready() -> bool:
    """Return whether `node` can run a program; if not, print what is missing and what to do."""
    try:
        find_node()
    except LabkitError as error:
        print(f"{error} (this cell only compares: you can go on without it).")
        return False
    return True

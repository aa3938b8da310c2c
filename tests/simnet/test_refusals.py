"""What a simulation cannot do, it refuses in one sentence."""

from __future__ import annotations

import asyncio
import inspect
import signal
from collections.abc import Callable
from typing import Any

import pytest

from labkit.errors import UsageError
from labkit.simnet.loop import SimLoop
from labkit.simnet.process import Process
from labkit.simnet.world import World

REFUSED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "TLS": ("has no TLS", lambda loop: loop.start_tls(None, None, None)),
    "TLS of a client": (
        "has no TLS",
        lambda loop: loop.create_connection(asyncio.Protocol, "localhost", 443, ssl=True),
    ),
    "TLS of a server": (
        "has no TLS",
        lambda loop: loop.create_server(asyncio.Protocol, "localhost", 443, ssl=True),
    ),
    "UDP": ("has no UDP", lambda loop: loop.create_datagram_endpoint(asyncio.DatagramProtocol)),
    "a real socket's connection": (
        "no real socket",
        lambda loop: loop.create_connection(asyncio.Protocol, sock=object()),
    ),
    "sock_connect": ("no real socket", lambda loop: loop.sock_connect(None, ("localhost", 80))),
    "sock_recv": ("no real socket", lambda loop: loop.sock_recv(None, 1)),
    "sock_sendall": ("no real socket", lambda loop: loop.sock_sendall(None, b"Spam")),
    "sock_accept": ("no real socket", lambda loop: loop.sock_accept(None)),
    "add_reader": ("no real file", lambda loop: loop.add_reader(0, print)),
    "add_writer": ("no real file", lambda loop: loop.add_writer(1, print)),
    "a process": (
        "starts no processes",
        lambda loop: loop.subprocess_exec(asyncio.SubprocessProtocol, "true"),
    ),
    "a shell": (
        "starts no processes",
        lambda loop: loop.subprocess_shell(asyncio.SubprocessProtocol, "true"),
    ),
    "a pipe": ("no pipes", lambda loop: loop.connect_read_pipe(asyncio.Protocol, None)),
    "a signal": ("no signals", lambda loop: loop.add_signal_handler(signal.SIGTERM, print)),
    "a reverse look-up": ("no names", lambda loop: loop.getnameinfo(("10.0.0.1", 80))),
}


@pytest.mark.parametrize(("sentence", "ask"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_with_a_sentence(sentence: str, ask: Callable[[Any], Any]) -> None:
    async def main() -> None:
        asked = ask(asyncio.get_running_loop())
        if inspect.isawaitable(asked):
            await asked

    with (
        asyncio.Runner(loop_factory=lambda: SimLoop(Process(World()))) as runner,
        pytest.raises(UsageError, match=sentence),
    ):
        runner.run(main())


async def start_a_process() -> None:
    await asyncio.create_subprocess_exec("true")


def test_the_usual_way_to_start_a_process_is_refused_too() -> None:
    with (
        asyncio.Runner(loop_factory=lambda: SimLoop(Process(World()))) as runner,
        pytest.raises(UsageError, match="run a coroutine on another simulated host"),
    ):
        runner.run(start_a_process())

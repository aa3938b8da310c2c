"""``labkit serve`` as a process: the ready line, the signals, the exit codes."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect

from labkit.cli.serve import OneLine

COMMAND = (sys.executable, "-m", "labkit", "serve")


@asynccontextmanager
async def labkit_serve(*arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(60):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ready_address(process: Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("serving ws://127.0.0.1:"), await process.communicate()
    return line.removeprefix("serving ").removesuffix("\n")


@pytest.mark.parametrize("name", ["echo", "handmade"])
async def test_the_address_of_the_ready_line_echoes(name: str) -> None:
    async with labkit_serve(name) as process, connect(await ready_address(process)) as client:
        await client.send("Spam")
        assert await client.recv() == "Spam"


@pytest.mark.parametrize("name", ["echo", "handmade"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_closes_clients_with_1001_and_exits_with_0(
    name: str, number: signal.Signals
) -> None:
    async with labkit_serve(name) as process:
        async with connect(await ready_address(process)) as client:
            process.send_signal(number)
            await client.wait_closed()
            assert client.close_code == 1001
        # Nothing follows the ready line, and nothing is said on stderr.
        assert await process.communicate() == (b"", b"")
        assert process.returncode == 0


async def test_the_port_that_is_asked_for_is_used() -> None:
    async with labkit_serve("echo") as process:
        address = await ready_address(process)
        process.terminate()
        await process.wait()
    async with labkit_serve("echo", "--port", address.rsplit(":", 1)[1]) as process:
        assert await ready_address(process) == address


async def test_a_taken_port_is_one_sentence_and_exit_2() -> None:
    async with labkit_serve("echo") as process:
        port = (await ready_address(process)).rsplit(":", 1)[1]
        async with labkit_serve("echo", "--port", port) as refused:
            assert await refused.communicate() == (
                b"",
                f"labkit: port {port} on 127.0.0.1 is taken, maybe by this server, started before: "
                "close that one (`labkit doctor` names it), "
                "or use port 0 for any free port\n".encode(),
            )
            assert refused.returncode == 2


async def test_an_unknown_name_is_one_sentence_and_exit_2() -> None:
    async with labkit_serve("ecko") as process:
        output, errors = await process.communicate()
    assert (output, process.returncode) == (b"", 2)
    assert errors.decode().startswith("labkit: there is no server 'ecko'; choose one of ")
    assert errors.count(b"\n") == 1


@pytest.mark.parametrize("noise", [b"spam\r\n\r\n", b"GET / HTTP/1.1\r\nHost: spam\r\n\r\n", b""])
async def test_a_client_that_talks_nonsense_brings_no_traceback(noise: bytes) -> None:
    async with labkit_serve("echo") as process:
        address = await ready_address(process)
        host, port = address.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(noise)
        writer.write_eof()
        await reader.read()
        writer.close()
        async with connect(address):
            process.terminate()
        _, errors = await process.communicate()
        assert b"Traceback" not in errors
        assert process.returncode == 0


def test_a_logged_exception_is_one_line() -> None:
    try:
        raise ValueError("spam\nand eggs")
    except ValueError:
        failure = sys.exc_info()
    record = logging.LogRecord("spam", logging.ERROR, "", 0, "%s failed", ("echo",), failure)
    assert OneLine().format(record) == "labkit: echo failed: ValueError: spam and eggs"

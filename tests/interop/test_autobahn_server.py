"""The Autobahn cases against ``labkit serve handmade``, a process of its own."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from .autobahn import GROUPS, TOTAL, failures, group_parameters, shorten_bulk_cases

pytestmark = pytest.mark.needs("kosoku")


@asynccontextmanager
async def serving_handmade() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "labkit", "serve", "handmade", stdin=DEVNULL, stdout=PIPE
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().removeprefix("serving ").strip()
    finally:
        process.terminate()
        await process.wait()


@group_parameters()
async def test_the_handmade_server_passes(cases: tuple[str, ...], count: int) -> None:
    from kosoku import FailureError, run_fuzzingclient

    shorten_bulk_cases()
    async with serving_handmade() as address:
        try:
            results = await run_fuzzingclient(address, cases, concurrency=4)
        except FailureError as failure:
            results = failure.results
    assert failures(results) == []
    assert len(results) == count


async def test_a_server_without_rules_does_not_pass() -> None:
    from kosoku import FailureError, run_fuzzingclient
    from websockets.asyncio.server import ServerConnection, serve

    async def echo_in_capitals(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message.upper())

    async with serve(echo_in_capitals, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FailureError) as failure:
            await run_fuzzingclient(f"ws://127.0.0.1:{port}", ["6.2.*"])
    assert failures(failure.value.results)


def test_the_groups_are_the_whole_suite() -> None:
    assert sum(count for _, count in GROUPS.values()) == TOTAL

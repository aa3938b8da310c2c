"""The Autobahn cases against a client on ``labkit.transport``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from labkit.protocol.connection import Connection, Side
from labkit.protocol.extensions import Deflate
from labkit.transport.stream import WebSocketStream, connect

from .autobahn import failures, group_parameters, shorten_bulk_cases

pytestmark = pytest.mark.needs("kosoku")

AGENT = "labkit"
MAX_SIZE = 16 * 1024 * 1024
MAX_FRAMES = 100_000
CONCURRENCY = 4


@group_parameters()
async def test_the_client_passes(cases: tuple[str, ...], count: int) -> None:
    from kosoku import FailureError, run_fuzzingserver

    shorten_bulk_cases()
    async with run_fuzzingserver(cases, host="127.0.0.1", port=0) as server:
        async with await open_stream(server.port, "/getCaseCount") as stream:
            served = int(await stream.recv() or 0)
        left = iter(range(1, served + 1))
        # The suite tells a client to forget each message only if the client has offered to.
        deflate = Deflate(client_no_context_takeover=cases == ("13.*",))
        await asyncio.gather(*(run_cases(server.port, left, deflate) for _ in range(CONCURRENCY)))
        await (await open_stream(server.port, f"/updateReports?agent={AGENT}")).close()
        try:
            results = await server.get_result()
        except FailureError as failure:
            results = failure.results
    assert failures(results) == []
    assert len(results) == served == count


async def open_stream(port: int, path: str, deflate: Deflate | None = None) -> WebSocketStream:
    connection = Connection(Side.CLIENT, deflate=deflate, max_size=MAX_SIZE, max_frames=MAX_FRAMES)
    return await connect("127.0.0.1", port, path=path, connection=connection)


async def run_cases(port: int, numbers: Iterator[int], deflate: Deflate) -> None:
    for number in numbers:
        stream = await open_stream(port, f"/runCase?case={number}&agent={AGENT}", deflate)
        async for message in stream:
            await stream.send(message)

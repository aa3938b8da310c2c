"""The ``websockets`` library on a simulated network: it behaves as it does on a real one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.client import backoff
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.frames import CloseCode
from websockets.protocol import State

from labkit.errors import Blocked
from labkit.protocol.handshake import accept_key
from labkit.simnet.connections import Connection, Role
from labkit.simnet.observer import Observer
from labkit.simnet.simulation import Simulation

#: An open connection's ping goes out then, and is given up so long after.
PING_INTERVAL_S = PING_TIMEOUT_S = 20
CLOSE_TIMEOUT_S = OPEN_TIMEOUT_S = 10


@pytest.fixture
def simulation() -> Simulation:
    """Return a phone and a shop, with nothing between them that takes time."""
    simulation = Simulation(limit_s=7200)
    simulation.link("phone", "shop")
    return simulation


def now() -> float:
    """Return the virtual time."""
    return asyncio.get_running_loop().time()


async def idle(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


class Shop:
    """A server on the host "shop", and how to reach it from the host "phone"."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    @contextlib.asynccontextmanager
    async def open(self, handler: Any = idle, **options: Any) -> AsyncIterator[Server]:
        with self._simulation.on("shop"):
            server = await serve(handler, "shop", 80, **options)
        try:
            yield server
        finally:
            server.close()

    async def enter(self, **options: Any) -> ClientConnection:
        with self._simulation.on("phone"):
            return await connect("ws://shop", **options)


@pytest.fixture
def shop(simulation: Simulation) -> Shop:
    return Shop(simulation)


class Meter(Observer):
    """Counts the bytes that leave, by who sends them."""

    def __init__(self) -> None:
        self.sent: dict[Role, int] = {"client": 0, "server": 0}

    def left(self, connection: Connection, role: Role, data: bytes | None) -> None:
        self.sent[role] += len(data or b"")


# The opening handshake


def test_a_handshake_takes_two_round_trips_and_the_server_is_done_after_one_and_a_half(
    simulation: Simulation, shop: Shop
) -> None:
    opened: list[float] = []

    async def note(connection: ServerConnection) -> None:
        opened.append(now())

    async def main() -> float:
        async with shop.open(note):
            await shop.enter()
            return now()

    simulation.link("phone", "shop", latency_s=0.05)
    assert (simulation.run(main()), opened) == (0.2, [0.15])


def test_a_message_comes_back_after_one_round_trip(simulation: Simulation, shop: Shop) -> None:
    async def main() -> tuple[str | bytes, float]:
        async with shop.open(echo):
            client = await shop.enter()
            sent = now()
            await client.send("Spam")
            return await client.recv(), round(now() - sent, 9)

    simulation.link("phone", "shop", latency_s=0.05)
    assert simulation.run(main()) == ("Spam", 0.1)


def test_a_page_from_elsewhere_is_refused_with_403(simulation: Simulation, shop: Shop) -> None:
    async def main() -> None:
        async with shop.open(origins=["https://shop.example"]):
            await shop.enter(origin="https://shop.example")
            with pytest.raises(InvalidStatus) as refusal:
                await shop.enter(origin="https://elsewhere.example")
            assert refusal.value.response.status_code == 403

    simulation.run(main())


def test_process_request_refuses_with_the_status_and_body_that_it_returns(
    simulation: Simulation, shop: Shop
) -> None:
    def closed(connection: ServerConnection, request: websockets.Request) -> websockets.Response:
        return connection.respond(404, "The shop is closed\n")

    async def main() -> websockets.Response:
        async with shop.open(process_request=closed):
            with pytest.raises(InvalidStatus) as refusal:
                await shop.enter()
            return refusal.value.response

    response = simulation.run(main())
    assert (response.status_code, response.body) == (404, b"The shop is closed\n")


@pytest.mark.parametrize("listens", [True, False], ids=["never answers", "is not there"])
def test_a_handshake_is_given_up_after_ten_seconds(
    simulation: Simulation, shop: Shop, listens: bool
) -> None:
    async def main() -> float:
        with simulation.on("shop"):
            await asyncio.start_server(lambda reader, writer: None, "shop", 80)
        if not listens:
            simulation.cut("phone", "shop")
        await asyncio.sleep(5)
        with pytest.raises(TimeoutError, match="timed out during opening handshake"):
            await shop.enter()
        return now()

    assert simulation.run(main()) == 5 + OPEN_TIMEOUT_S


# Messages


def test_a_client_sends_a_message_in_fragments_and_the_server_receives_it_whole(
    simulation: Simulation, shop: Shop
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"eg", b"", b"gs"):
            await asyncio.sleep(1)
            yield piece

    async def main() -> list[str | bytes]:
        async with shop.open(echo):
            client = await shop.enter()
            await client.send(["Sp", "am"])
            await client.send(pieces())
            return [await client.recv(), await client.recv()]

    assert simulation.run(main()) == ["Spam", b"eggs"]


def test_a_server_sends_a_message_in_fragments_and_the_client_sees_each(
    simulation: Simulation, shop: Shop
) -> None:
    async def spell(connection: ServerConnection) -> None:
        await connection.send(["Sp", "a", "m"])

    async def main() -> list[str | bytes]:
        async with shop.open(spell):
            client = await shop.enter()
            return [piece async for piece in client.recv_streaming()]

    assert simulation.run(main()) == ["Sp", "a", "m", ""]


def test_a_message_over_the_limit_closes_the_connection_with_1009(
    simulation: Simulation, shop: Shop
) -> None:
    async def main() -> ConnectionClosedError:
        async with shop.open(echo, max_size=1024):
            client = await shop.enter()
            await client.send(bytes(1024))
            assert len(await client.recv()) == 1024
            await client.send(bytes(1025))
            with pytest.raises(ConnectionClosedError) as closed:
                await client.recv()
            return closed.value

    closed = simulation.run(main())
    assert closed.rcvd is not None
    assert closed.rcvd.code == CloseCode.MESSAGE_TOO_BIG


def test_compression_is_negotiated_and_fewer_bytes_cross_the_wire(
    simulation: Simulation, shop: Shop
) -> None:
    simulation.world.observer = meter = Meter()

    async def main() -> list[int]:
        sizes = []
        async with shop.open(echo):
            for compression in (None, "deflate"):
                client = await shop.enter(compression=compression)
                before = meter.sent["client"]
                await client.send("Spam" * 1000)
                assert await client.recv() == "Spam" * 1000
                sizes.append(meter.sent["client"] - before)
        return sizes

    plain, compressed = simulation.run(main())
    assert plain == 2 + 2 + 4 + 4000
    assert compressed < 50


# Keepalive and close


def test_a_ping_without_a_pong_fails_the_connection_with_1011_at_the_very_second(
    simulation: Simulation, shop: Shop
) -> None:
    async def main() -> None:
        async with shop.open():
            client = await shop.enter()
            simulation.cut("phone", "shop")
            await asyncio.sleep(PING_INTERVAL_S + PING_TIMEOUT_S - 1e-9)
            before = client.state
            await asyncio.sleep(1e-9)
            assert (before, client.state) == (State.OPEN, State.CLOSING)
            with pytest.raises(ConnectionClosedError) as closed:
                await client.recv()
            assert now() == PING_INTERVAL_S + PING_TIMEOUT_S + CLOSE_TIMEOUT_S
            assert closed.value.sent is not None
            assert (closed.value.sent.code, closed.value.sent.reason) == (
                CloseCode.INTERNAL_ERROR,
                "keepalive ping timeout",
            )
            assert closed.value.rcvd is None

    simulation.run(main())


def test_a_link_that_heals_in_time_brings_the_pong_and_the_connection_lives(
    simulation: Simulation, shop: Shop
) -> None:
    async def main() -> tuple[State, float]:
        async with shop.open():
            client = await shop.enter()
            simulation.cut("phone", "shop")
            await asyncio.sleep(39)
            simulation.heal("phone", "shop")
            await asyncio.sleep(600)
            return client.state, now()

    assert simulation.run(main()) == (State.OPEN, 639)


def test_the_latency_of_a_connection_is_the_round_trip_of_its_ping(
    simulation: Simulation, shop: Shop
) -> None:
    async def main() -> float:
        async with shop.open():
            client = await shop.enter()
            await asyncio.sleep(PING_INTERVAL_S + 1)
            return round(client.latency, 9)

    simulation.link("phone", "shop", latency_s=0.125)
    assert simulation.run(main()) == 0.25


def test_a_close_that_nobody_answers_is_given_up_after_ten_seconds(
    simulation: Simulation, shop: Shop
) -> None:
    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = request.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
        )
        await asyncio.sleep(60)
        writer.close()

    async def main() -> tuple[float, int | None]:
        with simulation.on("shop"):
            await asyncio.start_server(upgrade, "shop", 80)
        client = await shop.enter()
        await asyncio.sleep(3)
        await client.close()
        return now(), client.close_code

    assert simulation.run(main()) == (3 + CLOSE_TIMEOUT_S, CloseCode.ABNORMAL_CLOSURE)


def test_a_server_that_closes_says_1001_to_every_client(simulation: Simulation, shop: Shop) -> None:
    async def main() -> list[int | None]:
        async with shop.open() as server:
            clients = [await shop.enter() for _ in range(3)]
            server.close()
            await server.wait_closed()
            await asyncio.gather(*(client.wait_closed() for client in clients))
            return [client.close_code for client in clients]

    assert simulation.run(main()) == [CloseCode.GOING_AWAY] * 3


# The slow consumer

CHUNK = bytes(64 * 1024)
#: How much the library lets asyncio hold before `send` waits.
HIGH_WATER = 2**15
#: What Linux holds on loopback for a peer that never reads, and more: the buffers of asyncio and
#: of the library beside it.
HELD = 5 * 1024 * 1024


@contextlib.asynccontextmanager
async def a_reader_and_a_sleeper(
    shop: Shop,
) -> AsyncIterator[tuple[ServerConnection, ServerConnection]]:
    """Connect one client that reads and one that stops; yield the server's ends of them."""
    arrived: list[ServerConnection] = []

    async def keep(connection: ServerConnection) -> None:
        arrived.append(connection)
        await connection.wait_closed()

    async with shop.open(keep):
        reader = await shop.enter(compression=None)
        # Whoever sleeps sends no pings either, and would hear of no pongs.
        sleeper = await shop.enter(compression=None, ping_interval=None)
        sleeper.transport.pause_reading()

        async def read() -> None:
            async for _ in reader:
                pass

        reading = asyncio.create_task(read())
        yield arrived[0], arrived[1]
        reading.cancel()
        for end in arrived:
            end.transport.abort()


def test_broadcast_fills_memory_without_bound_for_a_peer_that_stopped_reading(
    simulation: Simulation, shop: Shop
) -> None:
    async def main() -> tuple[int, int]:
        async with a_reader_and_a_sleeper(shop) as (reader, sleeper):
            for _ in range(1200):
                broadcast([reader, sleeper], CHUNK)
                await asyncio.sleep(1 / 16)
            assert now() == 75
            assert sleeper.state is State.OPEN
            return (
                reader.transport.get_write_buffer_size(),
                sleeper.transport.get_write_buffer_size(),
            )

    for_reader, for_sleeper = simulation.run(main())
    assert for_reader == 0
    assert for_sleeper > 1200 * len(CHUNK) - HELD


def test_the_keepalive_blocks_on_the_full_buffer_and_never_drops_the_peer(
    simulation: Simulation, shop: Shop
) -> None:
    async def main() -> tuple[State, float]:
        async with a_reader_and_a_sleeper(shop) as (reader, sleeper):
            for _ in range(100):
                broadcast([reader, sleeper], CHUNK)
            await asyncio.sleep(3600)
            assert sleeper.keepalive_task is not None
            assert [*sleeper.drain_waiters] != []
            return sleeper.state, now()

    assert simulation.run(main()) == (State.OPEN, 3600)


def test_a_peer_that_stopped_reading_a_quiet_connection_is_dropped(
    simulation: Simulation, shop: Shop
) -> None:
    async def main() -> tuple[float, int | None]:
        async with a_reader_and_a_sleeper(shop) as (_, sleeper):
            await sleeper.wait_closed()
            return now(), sleeper.close_code

    ends_s = PING_INTERVAL_S + PING_TIMEOUT_S + CLOSE_TIMEOUT_S
    assert simulation.run(main()) == (ends_s, CloseCode.ABNORMAL_CLOSURE)


def test_send_waits_for_a_peer_that_stopped_reading(simulation: Simulation, shop: Shop) -> None:
    async def main() -> tuple[int, int]:
        async with a_reader_and_a_sleeper(shop) as (_, sleeper):
            for sent in range(1000):
                try:
                    async with asyncio.timeout(5):
                        await sleeper.send(CHUNK)
                except TimeoutError:
                    return sent, sleeper.transport.get_write_buffer_size()
        raise AssertionError("it never waited")

    sent, buffered = simulation.run(main())
    assert sent * len(CHUNK) < HELD
    assert buffered <= HIGH_WATER + len(CHUNK) + 10


# Reconnection


def test_a_client_is_back_when_its_backoff_says_so_and_nobody_waits(
    simulation: Simulation, shop: Shop
) -> None:
    delays: list[float] = []
    connected: list[float] = []

    def noted() -> Generator[float, None, None]:
        for delay in backoff():
            delays.append(delay)
            yield delay

    async def visit() -> None:
        with simulation.on("phone"):
            async for connection in connect("ws://shop", reconnect_delays=noted):
                connected.append(now())
                if len(connected) == 2:
                    return
                with contextlib.suppress(ConnectionClosed):
                    await connection.recv()

    async def main() -> None:
        async with shop.open():
            visiting = asyncio.create_task(visit())
            await asyncio.sleep(10)
        await asyncio.sleep(60)
        async with shop.open():
            await visiting

    simulation.run(main())
    assert connected == pytest.approx([0, 10 + sum(delays)], abs=1e-6)
    assert sum(delays[:-1]) < 60 <= sum(delays)


# What is not simulated


def test_the_threading_client_may_not_hold_up_the_loop(simulation: Simulation) -> None:
    from websockets.sync.client import connect as connect_in_a_thread

    async def main() -> None:
        async with serve(idle, "127.0.0.1", 1):
            connect_in_a_thread("ws://127.0.0.1:1")

    with pytest.raises(Blocked, match=r"connect\(\) keeps everybody waiting"):
        simulation.run(main())

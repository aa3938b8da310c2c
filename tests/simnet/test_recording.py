"""What crossed a simulated network reads as one stable text, whoever asks for it, and how often."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from textwrap import dedent

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from labkit.errors import UsageError
from labkit.protocol.frames import Frame, Opcode
from labkit.simnet.recorded import Entry
from labkit.simnet.recording import Recording
from labkit.simnet.simulation import Simulation

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def simulation() -> Simulation:
    """Return a phone and a shop, 50 ms from each other."""
    simulation = Simulation()
    simulation.link("phone", "shop", latency_s=0.05)
    return simulation


@pytest.fixture
def recording(simulation: Simulation) -> Recording:
    """Return a recording of all that happens between them."""
    return Recording(simulation.world)


@contextlib.asynccontextmanager
async def connected(simulation: Simulation) -> AsyncIterator[tuple[Streams, Streams]]:
    """Open a connection from the phone to the shop, and yield the streams of both."""
    accepted: asyncio.Queue[Streams] = asyncio.Queue()
    with simulation.on("shop"):
        server = await asyncio.start_server(lambda *ends: accepted.put_nowait(ends), "shop", 80)
    with simulation.on("phone"):
        client = await asyncio.open_connection("shop", 80)
    yield client, await accepted.get()
    server.close()


def lines(recording: Recording) -> list[str]:
    """Return the text without the two lines of every connection's beginning, and the titles."""
    return recording.text().splitlines()[3:]


async def echo(connection: ServerConnection) -> None:
    """Send everything back."""
    async for message in connection:
        await connection.send(message)


def test_a_websocket_conversation_reads_with_its_times(
    simulation: Simulation, recording: Recording
) -> None:
    async def order() -> None:
        with simulation.on("shop"):
            await serve(echo, "shop", 80, compression=None)
        with simulation.on("phone"):
            async with connect("ws://shop/menu", compression=None) as connection:
                await connection.send("Spam")
                await connection.recv()
        await asyncio.sleep(1)

    simulation.run(order())
    assert recording.text() == dedent("""\
              at   arrives
        0.000000            #1 phone → shop:80  connects
        0.100000            #1 phone → shop:80  connected
        0.100000  0.150000  #1 phone → shop:80  GET /menu HTTP/1.1  Upgrade: websocket
        0.150000  0.200000  #1 shop:80 → phone  HTTP/1.1 101 Switching Protocols
        0.200000  0.250000  #1 phone → shop:80  TEXT  masked    "Spam"
        0.250000  0.300000  #1 shop:80 → phone  TEXT  unmasked  "Spam"
        0.300000  0.350000  #1 phone → shop:80  CLOSE masked    1000
        0.350000  0.400000  #1 shop:80 → phone  CLOSE unmasked  1000
        0.350000  0.400000  #1 shop:80 → phone  end of stream
        0.400000  0.450000  #1 phone → shop:80  end of stream""")


def test_a_refusal_says_so(simulation: Simulation, recording: Recording) -> None:
    async def knock() -> None:
        with simulation.on("phone"), pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("shop", 81)

    simulation.run(knock())
    assert recording.text().splitlines()[1:] == [
        "0.000000           #1 phone → shop:81  connects",
        "0.100000           #1 phone → shop:81  is refused: nobody listens there",
    ]


def test_who_is_not_answered_has_no_answer_and_then_gives_up(
    simulation: Simulation, recording: Recording
) -> None:
    async def knock() -> str:
        simulation.cut("phone", "shop")
        with simulation.on("phone"):
            task = asyncio.create_task(asyncio.open_connection("shop", 80))
        await asyncio.sleep(1)
        before = recording.text()
        with pytest.raises(OSError, match="80"):
            await task
        return before

    before = simulation.run(knock())
    assert before.splitlines()[2] == "0.000000  no answer  #1 phone → shop:80  connects"
    after = recording.text().splitlines()
    assert after[2] == "  0.000000  no answer  #1 phone → shop:80  connects"
    assert after[3] == "127.000000             #1 phone → shop:80  gives up: nobody answers"


def test_who_will_not_wait_for_an_answer_says_so(
    simulation: Simulation, recording: Recording
) -> None:
    async def knock() -> None:
        simulation.cut("phone", "shop")
        with simulation.on("phone"), pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.open_connection("shop", 80), 5)

    simulation.run(knock())
    assert recording.text().splitlines()[2:] == [
        "0.000000  no answer  #1 phone → shop:80  connects",
        "5.000000             #1 phone → shop:80  waits for an answer no longer",
    ]


def test_who_is_never_acknowledged_gives_up_and_says_so(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> None:
        async with connected(simulation) as ((reader, client), _):
            simulation.cut("phone", "shop")
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(TimeoutError):
                await reader.read()
            simulation.heal("phone", "shop")

    simulation.run(talk())
    assert lines(recording) == [
        "  0.150000              phone ↔ shop     cut: nothing passes",
        "  0.150000     lost  #1 phone → shop:80  GET / HTTP/1.1",
        "924.750000           #1 phone → shop:80  gives up: nothing is acknowledged",
        "924.750000              phone ↔ shop     healed",
    ]


def test_a_reset_says_who_broke_the_connection_off(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> None:
        async with connected(simulation) as ((_, client), (_, server)):
            server.close()
            await asyncio.sleep(1)
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.sleep(1)

    simulation.run(talk())
    assert lines(recording) == [
        "0.150000  0.200000  #1 shop:80 → phone  end of stream",
        "1.150000  1.200000  #1 phone → shop:80  GET / HTTP/1.1",
        "1.200000            #1 shop:80 → phone  connection reset",
    ]


def test_what_a_cut_swallows_is_lost_until_it_arrives_after_all(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> list[str]:
        async with connected(simulation) as ((_, client), _):
            simulation.cut("phone", "shop")
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.sleep(1)
            before = lines(recording)
            simulation.heal("phone", "shop")
            await asyncio.sleep(1)
            return before

    line = "#1 phone → shop:80  GET / HTTP/1.1"
    cut = "   phone ↔ shop     cut: nothing passes"
    before = ["0.150000           " + cut, f"0.150000     lost  {line}"]
    assert simulation.run(talk()) == before
    assert lines(recording) == [
        "0.150000            " + cut,
        f"0.150000  1.200000  {line}",
        "1.150000               phone ↔ shop     healed",
    ]


def test_what_a_reset_gives_up_stays_lost_when_the_cut_is_healed(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> None:
        async with connected(simulation) as ((_, client), _):
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            simulation.cut("phone", "shop")
            await asyncio.sleep(0.01)
            endpoint = simulation.world.connections[1].client
            assert endpoint is not None
            endpoint.reset()
            simulation.heal("phone", "shop")
            await asyncio.sleep(1)

    simulation.run(talk())
    said = [entry for entry in recording.connection(1).entries if entry.kind != "connected"]
    assert [entry.fate for entry in said] == ["", "lost", ""]


def test_what_is_still_on_its_way_is_under_way(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> None:
        async with connected(simulation) as ((_, client), _):
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.sleep(0.01)

    simulation.run(talk())
    assert lines(recording)[0] == "0.150000  under way  #1 phone → shop:80  GET / HTTP/1.1"


def test_the_times_of_a_frame_are_those_of_its_last_byte(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> list[str]:
        async with connected(simulation) as ((_, client), _):
            client.write(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x84\0\0\0")
            await asyncio.sleep(1)
            before = lines(recording)
            client.write(b"\0Spam")
            await asyncio.sleep(1)
            return before

    head = "0.150000  0.200000  #1 phone → shop:80  GET / HTTP/1.1  Upgrade: websocket"
    half = "                    #1 phone → shop:80  unfinished: 81 84 00 00 00"
    whole = '1.150000  1.200000  #1 phone → shop:80  TEXT  masked    "Spam"'
    assert simulation.run(talk()) == [head, half]
    assert lines(recording) == [head, whole]


def test_connections_to_several_servers_read_in_the_order_of_what_happened(
    simulation: Simulation, recording: Recording
) -> None:
    async def order() -> None:
        with simulation.on("shop"):
            await asyncio.start_server(lambda *_: None, "shop", 8000)
            await asyncio.start_unix_server(lambda *_: None, "/run/shop.sock")
        with simulation.on("phone"):
            _, first = await asyncio.open_connection("shop", 8000)
        with simulation.on("shop"):
            _, second = await asyncio.open_connection("shop", 8000)
            _, writer = await asyncio.open_unix_connection("/run/shop.sock")
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.sleep(1)
        # Whom nobody holds any more is closed.
        assert not first.is_closing()
        assert not second.is_closing()

    simulation.run(order())
    assert recording.text().splitlines()[1:] == [
        "0.000000            #1 phone → shop:8000           connects",
        "0.100000            #1 phone → shop:8000           connected",
        "0.100000            #2 shop → shop:8000            connects",
        "0.100000            #2 shop → shop:8000            connected",
        "0.100000            #3 shop → shop:/run/shop.sock  connects",
        "0.100000            #3 shop → shop:/run/shop.sock  connected",
        "0.100000  0.100000  #3 shop → shop:/run/shop.sock  GET / HTTP/1.1",
    ]


def test_what_is_done_to_hosts_is_between_what_crosses(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> None:
        async with connected(simulation) as ((_, client), _):
            simulation.crash("shop")
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.sleep(1)
            simulation.restart("shop")
            simulation.cut("shop", "phone", one_way=True)
            await asyncio.sleep(1)

    simulation.run(talk())
    assert lines(recording) == [
        "0.150000               shop             crashes",
        "0.150000  1.200000  #1 phone → shop:80  GET / HTTP/1.1",
        "1.150000               shop             starts again",
        "1.150000               shop → phone     cut: nothing passes",
        "1.200000            #1 shop:80 → phone  connection reset",
    ]


def test_what_is_done_twice_is_said_twice_unless_it_is_one_cut_of_both_ways(
    simulation: Simulation, recording: Recording
) -> None:
    simulation.cut("phone", "shop")
    simulation.heal("phone", "shop")
    simulation.cut("phone", "shop", one_way=True)
    simulation.heal("phone", "shop")
    assert recording.text().splitlines()[1:] == [
        "0.000000            phone ↔ shop  cut: nothing passes",
        "0.000000            phone ↔ shop  healed",
        "0.000000            phone → shop  cut: nothing passes",
        "0.000000            phone → shop  healed",
    ]


def test_what_is_done_to_hosts_is_forgotten_like_everything_else(simulation: Simulation) -> None:
    recording = Recording(simulation.world, max_entries=2)
    for _ in range(3):
        simulation.crash("shop")
        simulation.restart("shop")
    assert recording.dropped == 4
    assert [entry.label for entry in recording.entries] == ["crashes", "starts again"]


def test_neither_bytes_nor_names_forge_a_line() -> None:
    simulation = Simulation()
    recording = Recording(simulation.world)
    forged = "x\n0.000000            #9 phone → shop:80  connected"

    async def talk() -> None:
        with simulation.on(forged):
            await asyncio.start_server(lambda *_: None, forged, 80)
            _, writer = await asyncio.open_connection(forged, 80)
            simulation.crash(simulation.host("till\n0.000000").name)
            payload = "\n\u202e\x1b[2J\u2028".encode()
            writer.write(b"GET /\x1b[2J HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
            writer.write(bytes([0x81, len(payload)]) + payload)
            await asyncio.sleep(1)

    simulation.run(talk())
    text = recording.text(width=None)
    assert len(text.splitlines()) == 1 + 5
    assert all(line.isprintable() for line in text.splitlines())
    assert r"TEXT  unmasked  " + r'"\n\u202e\u001b[2J\u2028"' in text


def test_a_long_line_is_cut_unless_all_of_it_is_wanted(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> None:
        async with connected(simulation) as ((_, client), _):
            client.write(b"GET /%b HTTP/1.1\r\n\r\n" % (b"spam" * 25))
            await asyncio.sleep(1)

    simulation.run(talk())
    assert [len(line) for line in lines(recording)] == [100]
    assert lines(recording)[0].endswith("spamsp…")
    assert recording.text(width=None).endswith("spam HTTP/1.1")


def test_only_the_latest_entries_are_kept_and_the_text_says_how_many_went(
    simulation: Simulation,
) -> None:
    recording = Recording(simulation.world, max_entries=2)

    async def talk() -> None:
        async with connected(simulation) as ((_, client), _):
            client.write(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
            await asyncio.sleep(1)

    simulation.run(talk())
    assert recording.text().splitlines() == [
        "… 2 earlier entries are no longer kept",
        "      at   arrives",
        "0.150000  0.200000  #1 phone → shop:80  GET /1 HTTP/1.1",
        "0.150000  0.200000  #1 phone → shop:80  GET /2 HTTP/1.1",
    ]


def test_no_more_bytes_are_kept_than_were_asked_for(simulation: Simulation) -> None:
    recording = Recording(simulation.world, max_bytes=50)

    async def talk() -> None:
        async with connected(simulation) as ((_, client), _):
            for number in range(9):
                client.write(b"GET /%d HTTP/1.1\r\n\r\n" % number)
                await asyncio.sleep(0.01)
            await asyncio.sleep(1)

    simulation.run(talk())
    assert [entry.label for entry in recording.entries] == ["GET /7 HTTP/1.1", "GET /8 HTTP/1.1"]
    assert recording.dropped == 2 + 7


def test_a_connection_that_is_over_is_forgotten_with_its_last_entry(
    simulation: Simulation,
) -> None:
    recording = Recording(simulation.world, max_entries=4)

    async def knock() -> None:
        with simulation.on("phone"):
            for _ in range(5):
                with contextlib.suppress(ConnectionRefusedError):
                    await asyncio.open_connection("shop", 80)

    simulation.run(knock())
    assert [connection.number for connection in recording.connections] == [4, 5]


def test_a_connection_in_use_is_still_understood_when_all_it_said_is_forgotten(
    simulation: Simulation,
) -> None:
    recording = Recording(simulation.world, max_entries=1)

    async def talk() -> None:
        async with connected(simulation) as ((_, client), (_, server)):
            client.write(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
            await asyncio.sleep(1)
            with simulation.on("phone"), pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("shop", 81)
            client.write(b"\x81\x04Spam")
            await asyncio.sleep(1)
            assert not server.is_closing()

    simulation.run(talk())
    assert recording.text().splitlines()[-1].endswith('TEXT  unmasked  "Spam"')


def test_what_is_forgotten_under_way_is_not_kept_elsewhere(simulation: Simulation) -> None:
    recording = Recording(simulation.world, max_entries=2)

    async def talk() -> int:
        async with connected(simulation) as ((_, client), _):
            client.write(b"GET / HTTP/1.1\r\n\r\n" * 1_000)
            await asyncio.sleep(0.01)
            (connection,) = recording.connections
            # Not `isinstance`, which asks what a dead proxy stood for.
            entries = [found for found in gc.get_objects() if type(found) is Entry]
            return sum(entry.connection is connection for entry in entries)

    assert simulation.run(talk()) == 2
    assert recording.dropped == 1_000


def test_the_frames_of_one_side_are_at_hand(simulation: Simulation, recording: Recording) -> None:
    async def order() -> None:
        with simulation.on("shop"):
            await serve(echo, "shop", 80, compression=None)
        with simulation.on("phone"):
            async with connect("ws://shop", compression=None) as connection:
                await connection.send(["Sp", "am"])
                await connection.recv()

    simulation.run(order())
    *frames, close = recording.connection(1).sent_by("server")
    assert frames == [Frame(Opcode.TEXT, b"Spam")]
    assert close.opcode == Opcode.CLOSE
    masked = recording.connection(1).sent_by("client")
    assert [frame.payload for frame in masked] == [b"Sp", b"am", b"", b"\x03\xe8"]


def test_a_frame_too_large_to_keep_is_announced_and_arrives_with_its_last_byte(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> list[str]:
        async with connected(simulation) as ((_, client), _):
            client.write(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
            client.write(bytes.fromhex("82 ff 00000000 00100000 00000000") + bytes(500_000))
            await asyncio.sleep(1)
            before = lines(recording)
            client.write(bytes(2**20 - 500_000))
            await asyncio.sleep(1)
            return before

    line = "#1 phone → shop:80  BIN   masked    announces 1,048,576 bytes"
    assert simulation.run(talk())[1] == f"0.150000  under way  {line}"
    assert lines(recording)[1] == f"0.150000  1.200000  {line}"
    assert recording.connection(1).sent_by("client") == []


def test_a_connection_that_is_unknown_is_an_error_that_names_the_known(
    simulation: Simulation, recording: Recording
) -> None:
    async def talk() -> None:
        async with connected(simulation):
            pass

    simulation.run(talk())
    with pytest.raises(UsageError, match="connection 2 is not in the recording; there are: 1"):
        recording.connection(2)

"""Ways that break a WebSocket, each with real sockets and one fault. nginx is in tests/interop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import tornado.test
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from labkit.doctor import way
from labkit.doctor.findings import Finding
from labkit.doctor.way import examine_way
from labkit.servers.echo import echo
from labkit.servers.serving import serve

BIG = "message of 70,000 bytes"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(way, "OPEN_S", 5.0)
    monkeypatch.setattr(way, "ANSWER_S", 5.0)


async def examine(address: str) -> list[Finding]:
    return await examine_way(address, silence_s=0.05)


def faults(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.found for finding in findings if finding.state != "ok"}


async def refuse(address: str) -> Finding:
    [upgrade] = await examine(address)
    assert (upgrade.name, upgrade.state) == ("upgrade", "problem")
    assert upgrade.remedy
    return upgrade


@pytest.mark.parametrize("server", ["echo", "handmade"])
async def test_a_straight_way_changes_nothing(server: str) -> None:
    async with serve(server) as origin:
        assert faults(await examine(origin.address)) == {}


async def test_a_closed_port_is_named() -> None:
    async with serve("echo") as gone:
        pass
    assert (await refuse(gone.address)).found.startswith("nothing listens at 127.0.0.1:")


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[str]:
    """Listen and answer whatever is asked with the same bytes; None for never."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is not None:
            writer.write(answer)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"", "closes the connection without an answer to the upgrade"),
        (b"220 mail.example ESMTP\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP 200: a web page comes back"),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "a web server with HTTP/1.0 answers at 127.0.0.1:"),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "more than 10 redirects"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://hub.example/login\r\n\r\n",
            "it sends you on to https://hub.example/login, which is a web page",
        ),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "its Connection header is missing or altered"),
        (
            b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            b"Sec-WebSocket-Accept: spam\r\n\r\n",
            "its Sec-WebSocket-Accept header is missing or altered",
        ),
    ],
)
async def test_an_answer_that_opens_no_websocket_is_named(answer: bytes, found: str) -> None:
    async with answering(answer) as address:
        assert found in (await refuse(address)).found


async def test_a_port_that_swallows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "OPEN_S", 0.1)
    async with answering(None) as address:
        finding = await refuse(address)
    assert "takes the connection and does not answer the upgrade" in finding.found


async def test_tls_where_there_is_none_is_named() -> None:
    async with serve("echo") as origin:
        finding = await refuse(origin.address.replace("ws", "wss", 1))
    assert finding.found.endswith("breaks the connection off when TLS begins")
    assert finding.remedy.startswith("write ws:// instead of wss://")


async def test_a_certificate_that_is_not_trusted_is_named() -> None:
    folder = Path(tornado.test.__file__).parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "test.crt", folder / "test.key")
    async with listen(echo, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        finding = await refuse(f"wss://127.0.0.1:{port}")
    assert finding.found.startswith(f"the certificate of 127.0.0.1:{port} is not one that this")
    assert "SSL_CERT_FILE" in finding.remedy


async def test_a_proxy_that_does_not_pass_websockets_is_told_from_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\n\r\n"
    async with serve("echo") as origin, answering(refusal) as proxy:
        monkeypatch.setenv("http_proxy", proxy.replace("ws", "http", 1))
        monkeypatch.setenv("no_proxy", "")
        finding = await refuse(origin.address)
    assert finding.found == (
        "the proxy refuses the tunnel with HTTP 403; without your proxy it opens"
    )
    assert "no_proxy=127.0.0.1" in finding.remedy


@pytest.mark.parametrize("name", ["127.0.0.1:1", "proxy.invalid:1"])
async def test_a_proxy_that_is_not_reached_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("http_proxy", f"http://ann:secret@{name}")
    monkeypatch.setenv("no_proxy", "")
    async with serve("echo") as origin:
        finding = await refuse(origin.address)
    assert finding.found.startswith(f"your proxy {name} is not reached: ")
    assert finding.found.endswith("; without your proxy it opens")
    assert "secret" not in finding.found + finding.remedy


@asynccontextmanager
async def hub(address: str, **options: Any) -> AsyncIterator[str]:
    """Do as hubs do: end the client's WebSocket here, and open another one to the server.

    Messages go both ways. Close codes and pings are each connection's own.
    """

    async def relay(source: Any, target: Any) -> None:
        try:
            async for message in source:
                await target.send(message)
        except ConnectionClosed:
            pass
        finally:
            await target.close()

    async def handle(client: ServerConnection) -> None:
        async with connect(address, max_size=None, proxy=None) as origin:
            await asyncio.gather(
                relay(client, origin), relay(origin, client), return_exceptions=True
            )

    options = {"max_size": None} | options
    async with listen(handle, "127.0.0.1", 0, **options) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_hub_that_replaces_the_close_code_of_the_server_is_found() -> None:
    async with serve("echo") as origin, hub(origin.address) as address:
        found = faults(await examine(address))
    assert found == {"close code of the server": "the server closed with 1009, and 1000 arrives"}


async def test_a_hub_that_drops_compression_is_found() -> None:
    async with serve("echo") as origin, hub(origin.address, compression=None) as address:
        found = faults(await examine(address))
    assert found["compression"].startswith("dropped: ")


async def test_a_hub_that_does_not_pass_big_messages_is_found() -> None:
    async with serve("echo") as origin, hub(origin.address, max_size=65536) as address:
        found = faults(await examine(address))
    assert found[BIG] == "the connection ends with close code 1009"
    assert "text message" not in found


async def test_a_subprotocol_that_is_agreed_on_is_told() -> None:
    async with listen(echo, "127.0.0.1", 0, subprotocols=[Subprotocol("echo")]) as server:
        findings = await examine(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert Finding("subprotocol", "ok", "'echo' is agreed on") in findings


async def swallow(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def test_a_connection_that_opens_and_carries_nothing_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(way, "ANSWER_S", 0.2)
    async with serve(swallow) as origin:
        found = faults(await examine(origin.address))
    assert found["text message"] == found[BIG] == "does not come back within 0.2 s"
    assert found["0.05 s of silence"].startswith("after it no message comes back")


@asynccontextmanager
async def altering(address: str, alter: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """Pass bytes on between a client and the server, the server's altered after the handshake."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = address.removeprefix("ws://").split(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))

        async def up() -> None:
            while data := await reader.read(65536):
                up_writer.write(data)
                await up_writer.drain()
            up_writer.write_eof()

        task = asyncio.create_task(up())
        writer.write(await up_reader.readuntil(b"\r\n\r\n"))
        while data := await up_reader.read(65536):
            writer.write(alter(data))
            await writer.drain()
        writer.write_eof()
        await asyncio.gather(task, return_exceptions=True)
        up_writer.close()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_close_code_that_is_altered_is_found() -> None:
    def alter(data: bytes) -> bytes:
        return data.replace(b"\x88\x02\x0b\xb8", b"\x88\x02\x03\xe8")

    async with serve("echo") as origin, altering(origin.address, alter) as address:
        found = faults(await examine(address))
    assert found == {"close code 3000": "comes back as 1000"}


async def test_a_ping_that_is_not_answered_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "ANSWER_S", 0.3)

    def alter(data: bytes) -> bytes:
        return b"" if data[0] == 0x8A else data

    async with serve("echo") as origin, altering(origin.address, alter) as address:
        found = faults(await examine(address))
    assert found["ping"].startswith("no pong within 0.3 s")


async def garble(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message.upper() if isinstance(message, str) else message[:65536])


async def test_messages_that_are_altered_or_cut_are_found() -> None:
    async with serve(garble) as origin:
        found = faults(await examine(origin.address))
    assert found == {"text message": "comes back altered", BIG: "65,536 of 70,000 come back"}


async def test_a_way_that_opens_once_and_not_again_is_found() -> None:
    opened = 0

    def count(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal opened
        opened += 1
        return None if opened == 1 else connection.respond(503, "too many")

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            listen(echo, "127.0.0.1", 0, process_request=count)
        )
        found = faults(await examine(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert found["ping"].startswith("a further connection fails: refused with HTTP 503")

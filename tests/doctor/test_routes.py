"""Whether a WebSocket stays on this machine, with real sockets and the real rules for proxies."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from labkit.doctor import routes
from labkit.doctor.findings import Finding
from labkit.doctor.routes import examine_loopback, examine_proxies, examine_routes, exempt
from labkit.errors import UsageError
from labkit.servers.serving import Serving, serve

PROXY = "http://proxy.school.example:3128"


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


async def test_a_machine_that_lets_websockets_through_is_well() -> None:
    assert [finding.state for finding in await examine_routes()] == ["ok", "ok"]


async def test_the_loopback_is_examined_past_every_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await examine_loopback()).state == "ok"


async def swallow(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def shout(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(str(message).upper())


async def hang_up(connection: ServerConnection) -> None:
    await connection.close()


@asynccontextmanager
async def no_one() -> AsyncIterator[SimpleNamespace]:
    async with serve("echo") as gone:
        pass
    yield SimpleNamespace(address=gone.address)


@asynccontextmanager
async def forbidden() -> AsyncIterator[Serving]:
    raise UsageError("cannot listen on port 0 of 127.0.0.1: Operation not permitted")
    yield serve("echo")


@pytest.mark.parametrize(
    ("server", "found"),
    [
        (lambda: serve(swallow), "no answer within 0.5 s"),
        (lambda: serve(shout), "'spam' comes back as 'SPAM'"),
        (lambda: serve(hang_up), "does not get through: received 1000 (OK)"),
        (no_one, "does not get through: "),
        (forbidden, "does not get through: cannot listen on port 0 of 127.0.0.1"),
    ],
)
async def test_what_breaks_websockets_on_this_machine_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, server: object, found: str
) -> None:
    monkeypatch.setattr(routes, "ECHO_S", 0.5)
    monkeypatch.setattr(routes, "serve", lambda name: server())  # type: ignore[operator]
    finding = await examine_loopback()
    assert finding.state == "problem"
    assert finding.found.startswith(found)
    assert "in the firewall or the security software" in finding.remedy


def test_without_a_proxy_there_is_nothing_to_say() -> None:
    assert examine_proxies() == Finding("proxy settings", "ok", "none")


@pytest.mark.parametrize(
    "variable", ["ws_proxy", "socks_proxy", "https_proxy", "http_proxy", "HTTPS_PROXY"]
)
def test_the_variable_that_would_send_the_loopback_to_a_proxy_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, PROXY)
    finding = examine_proxies()
    assert finding.state == "problem"
    assert finding.found == (
        f"{variable} sends even what is meant for localhost and 127.0.0.1 to a proxy"
    )
    assert "no_proxy=localhost,127.0.0.1" in finding.remedy


def test_a_variable_that_websockets_does_not_read_is_no_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("all_proxy", PROXY)
    assert examine_proxies().state == "ok"


def test_the_one_that_wins_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", PROXY)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("https_proxy", PROXY)
    assert examine_proxies().found.startswith("https_proxy sends ")


def test_a_proxy_that_spares_this_machine_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", PROXY)
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert examine_proxies() == Finding("proxy settings", "ok", "http_proxy spares this machine")


def test_half_an_exemption_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", PROXY)
    monkeypatch.setenv("NO_PROXY", "localhost")
    finding = examine_proxies()
    assert finding.found == "http_proxy sends even what is meant for 127.0.0.1 to a proxy"
    assert "no_proxy=localhost,127.0.0.1" in finding.remedy


def test_a_setting_of_the_system_is_named_where_no_variable_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": PROXY})
    assert examine_proxies().found.startswith("the https proxy in this system's settings sends ")


def test_the_remedy_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", PROXY)
    monkeypatch.setenv("NO_PROXY", ".school.example")
    name, _, value = exempt(routes.LOCAL, os.environ).split(" ")[1].partition("=")
    monkeypatch.setenv(name, value)
    assert examine_proxies().state == "ok"
    assert ".school.example" in value


async def test_a_setting_that_is_a_problem_does_break_a_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert examine_proxies().state == "problem"
    async with serve("echo") as server:
        with pytest.raises(ConnectionRefusedError):
            await connect(server.address)

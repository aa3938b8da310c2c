"""A client with buttons: what the page sends is done, and what it is told to draw."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import labkit
from labkit.errors import UsageError
from labkit.panels.client_panel import ClientPanel

SECONDS = 10

CONNECT = {"do": "connect", "subprotocols": "", "origin": "", "compress": False}


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def operating(**options: Any) -> AsyncIterator[ClientPanel]:
    async with serve(echo, "127.0.0.1", 0, **options) as server:
        panel = ClientPanel(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            yield panel
        finally:
            panel.close()
            await panel.client.leave()


def press(panel: ClientPanel, **content: object) -> None:
    """Send what the page would send."""
    panel.children[0]._handle_custom_msg(content, [])


async def shown(panel: ClientPanel, key: str, start: str) -> str:
    """Wait until the page is told something under ``key`` that begins with ``start``."""
    told = asyncio.Event()
    controls = panel.children[0]
    controls.observe(lambda change: told.set(), names="state")
    async with asyncio.timeout(SECONDS):
        while not controls.state[key].startswith(start):
            told.clear()
            await told.wait()
    return str(controls.state[key])


def labels(panel: ClientPanel) -> list[str]:
    return [arrow["label"] for arrow in panel.children[1].state["arrows"]]


async def drawn(panel: ClientPanel, *expected: str) -> None:
    """Wait until arrows with these labels are drawn."""
    told = asyncio.Event()
    panel.children[1].observe(lambda change: told.set(), names="state")
    async with asyncio.timeout(SECONDS):
        while not set(expected) <= set(labels(panel)):
            told.clear()
            await told.wait()


async def test_a_new_panel_connects_to_nobody() -> None:
    panel = ClientPanel("ws://127.0.0.1:1")
    assert panel.children[0].state == {
        "address": "ws://127.0.0.1:1",
        "words": "not connected",
        "active": False,
        "notice": "",
        "inbox": "no message received yet",
    }
    assert labels(panel) == []
    assert panel.text() == "not connected"


async def test_the_buttons_do_what_they_say() -> None:
    async with operating(subprotocols=["chat.v2"]) as panel:
        press(panel, **CONNECT | {"subprotocols": "chat.v2"})
        await shown(panel, "words", "open, speaks chat.v2")
        press(panel, do="send", message="Spam", length="")
        await shown(panel, "inbox", '1 message received, the newest "Spam"')
        press(panel, do="ping")
        await shown(panel, "notice", "pong after ")
        press(panel, do="close", code="3000", reason="bye")
        assert await shown(panel, "words", "closed") == 'closed by the client: 3000 "bye"'
        assert not panel.children[0].state["active"]


async def test_what_crosses_the_wire_is_drawn() -> None:
    async with operating() as panel:
        press(panel, **CONNECT)
        await shown(panel, "words", "open")
        press(panel, do="close", code="", reason="")
        await shown(panel, "words", "closed")
        await drawn(panel, "CLOSE masked    1000", "CLOSE unmasked  1000")
        assert panel.transcript.text() in panel.text()


async def test_a_new_connection_is_drawn_anew() -> None:
    async with operating(origins=[None]) as panel:
        press(panel, **CONNECT | {"origin": "https://evil.example"})
        await shown(panel, "words", "refused: HTTP 403")
        refused = panel.children[1]
        press(panel, **CONNECT)
        await shown(panel, "words", "open")
        await drawn(panel, "HTTP/1.1 101 Switching Protocols")
        assert refused.comm is None


async def test_compression_is_asked_for_when_it_is_ticked() -> None:
    async with operating() as panel:
        press(panel, **CONNECT | {"compress": True})
        await shown(panel, "words", "open, compressed")


async def test_what_cannot_be_sent_is_told_of() -> None:
    async with operating() as panel:
        press(panel, do="send", message="Spam", length="")
        await shown(panel, "notice", "not sent: the client is not connected; press Connect")


@pytest.mark.parametrize(
    "content", [{}, {"do": "spam"}, {"do": "send", "message": 1, "length": ""}, {"do": "connect"}]
)
async def test_what_a_page_of_another_version_sends_is_ignored(content: dict[str, object]) -> None:
    panel = ClientPanel("ws://127.0.0.1:1")
    before = asyncio.all_tasks()
    press(panel, **content)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert panel.text() == "not connected"


async def test_a_button_pressed_in_another_thread_is_obeyed() -> None:
    async with operating() as panel:
        thread = threading.Thread(target=press, args=(panel,), kwargs=CONNECT)
        thread.start()
        await shown(panel, "words", "open")
        thread.join()


async def test_what_a_button_starts_belongs_to_the_cell_that_made_the_panel() -> None:
    cell: ContextVar[str] = ContextVar("cell", default="none")
    cell.set("the panel's")
    async with operating() as panel:
        cell.set("another")
        press(panel, **CONNECT)
        await shown(panel, "words", "open")
        seen: list[str] = []
        panel.transcript.subscribe(lambda entry: seen.append(f"{entry.label[:4]} {cell.get()}"))
        press(panel, do="ping")
        await shown(panel, "notice", "pong after")
    assert seen[:2] == ["PING the panel's", "PONG the panel's"]


async def test_closing_the_panel_closes_its_connection() -> None:
    async with operating() as panel:
        press(panel, **CONNECT)
        await shown(panel, "words", "open")
        running = panel.client._running
        assert running is not None
        panel.close()
        async with asyncio.timeout(SECONDS):
            await asyncio.wait([running])
        assert panel.client.state == "closed by the client: 1000"
        assert panel.comm is None


async def test_a_closed_panel_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with operating() as panel:
        press(panel, **CONNECT)
        await shown(panel, "words", "open")
        press(panel, do="ping")
        await shown(panel, "notice", "pong after")
    assert asyncio.all_tasks() == before


def test_without_an_event_loop_it_says_what_to_do(recwarn: pytest.WarningsRecorder) -> None:
    panel = ClientPanel("ws://127.0.0.1:1")
    press(panel, **CONNECT)
    assert [str(warning.message) for warning in recwarn] == []
    assert panel.text().endswith("no event loop runs here; make the panel in a notebook")


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="a client needs a server's address, not a int"):
        ClientPanel(8765)  # type: ignore[arg-type]


async def test_a_repr_is_the_same_on_every_run() -> None:
    panel = labkit.ClientPanel("ws://127.0.0.1:1")
    data = panel._repr_mimebundle_()
    assert data["text/plain"] == "ClientPanel()"

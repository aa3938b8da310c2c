"""A panel with a connection, against a real server on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from labkit.panels.live_panel import LivePanel

SECONDS = 5


class Last(LivePanel):
    """A panel that shows the last message."""

    def __init__(self, address: str) -> None:
        self.last: str | bytes = ""
        super().__init__(address)

    def _receive(self, message: str | bytes) -> None:
        self.last = message

    def _words(self) -> str:
        return f"last: {self.last!r}"

    def _picture(self) -> dict[str, Any]:
        return {"last": self.last}


async def spam(connection: ServerConnection) -> None:
    await connection.send("Spam")
    await connection.wait_closed()


async def drawn(panel: Last, key: str, value: object) -> None:
    """Wait until the page is told ``value``."""
    told = asyncio.Event()
    panel.observe(lambda change: told.set(), names="state")
    async with asyncio.timeout(SECONDS):
        while panel.state[key] != value:
            told.clear()
            await told.wait()


async def test_a_panel_connects_by_itself_and_draws_what_comes() -> None:
    async with serve(spam, "127.0.0.1", 0) as server:
        panel = Last(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await drawn(panel, "last", "Spam")
        assert panel.state["connection"] == {"words": "open", "active": True}
        assert panel.text() == "open\nlast: 'Spam'"
        panel.close()
        async with asyncio.timeout(SECONDS):
            await panel.connection.closed()


async def test_the_page_can_disconnect_and_connect_again() -> None:
    async with serve(spam, "127.0.0.1", 0) as server:
        panel = Last(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await drawn(panel, "last", "Spam")
        panel._handle_custom_msg({"do": "disconnect"}, [])
        await drawn(panel, "connection", {"words": "closed 1000", "active": False})
        panel._handle_custom_msg({"do": "connect"}, [])
        await drawn(panel, "connection", {"words": "open", "active": True})
        panel.close()
        async with asyncio.timeout(SECONDS):
            await panel.connection.closed()


async def test_closing_the_panel_closes_its_connection() -> None:
    async with serve(spam, "127.0.0.1", 0) as server:
        panel = Last(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await drawn(panel, "last", "Spam")
        panel.close()
        async with asyncio.timeout(SECONDS):
            await panel.connection.closed()
        assert panel.connection.state == "closed 1000"
        assert panel.comm is None

"""A client with buttons, and what crosses its wire. What the buttons do is ManualClient's."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextvars import copy_context

from ipywidgets import VBox

from labkit.wire.transcript import Transcript

from .assets import source
from .manual_client import ManualClient
from .panel import Panel
from .refresh import Refresh
from .wire_view import WireView


class ClientControls(Panel):
    """The fields and buttons of ``client``, and its state in words."""

    _esm = source("dom.js", "client_panel.js")
    _css = source("theme.css", "client_panel.css")

    def __init__(self, client: ManualClient) -> None:
        super().__init__()
        self._client = client
        # Pressed by hand, a button still belongs to the cell that made the panel: when the cell
        # is run again, the kernel extension ends what was started in this context.
        self._context = copy_context()
        self._running: set[asyncio.Task[None]] = set()
        self.draw()

    def text(self) -> str:
        """Return what the panel shows, as plain text."""
        return self._client.text()

    def draw(self) -> None:
        """Show the page what the client says now."""
        client = self._client
        self.state = {
            "address": client.address,
            "words": client.state,
            "active": client.is_active,
            "notice": client.notice,
            "inbox": client.inbox(),
        }

    def _command(self, content: Mapping[str, object]) -> None:
        client = self._client
        match content:
            case {"do": "connect", "subprotocols": str(names), "origin": str(origin), **rest}:
                compress = rest.get("compress") is True
                self._start(client.connect(names, origin, compress=compress))
            case {"do": "send", "message": str(message), "length": str(length)}:
                self._start(client.send(message, length))
            case {"do": "ping"}:
                self._start(client.ping())
            case {"do": "close", "code": str(code), "reason": str(reason)}:
                self._start(client.close(code, reason))

    def _start(self, call: Coroutine[object, object, None]) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            call.close()
            self._client.say("no event loop runs here; make the panel in a notebook")
            return
        task = loop.create_task(call, context=self._context)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


class ClientPanel(VBox):  # type: ignore[misc]
    """Connect to ``address`` and talk to it by hand; below, the newest connection's wire.

    Raises UsageError if ``address`` is not that of a WebSocket server.
    """

    def __init__(self, address: str) -> None:
        self._refresh = Refresh(self._draw)
        self.client = ManualClient(address, changed=self._refresh.request)
        self._controls = ClientControls(self.client)
        self._shown = self.client.transcript
        self._wire = WireView(self._shown)
        super().__init__([self._controls, self._wire])

    @property
    def transcript(self) -> Transcript:
        """What crossed the newest connection."""
        return self.client.transcript

    def text(self) -> str:
        """Return what the panel shows, as plain text."""
        return self.client.text()

    def close(self) -> None:
        """Close the connection and take the panel off the page."""
        # A panel whose address was refused is closed too, when it is garbage.
        if hasattr(self, "client"):
            self.client.abandon()
            self._refresh.cancel()
            self._controls.close()
            self._wire.close()
        super().close()

    def __repr__(self) -> str:
        return "ClientPanel()"

    def _draw(self) -> None:
        self._controls.draw()
        if self._shown is not self.client.transcript:
            before, self._shown = self._wire, self.client.transcript
            self._wire = WireView(self._shown)
            self.children = [self._controls, self._wire]
            before.close()

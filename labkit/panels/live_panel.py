"""A panel with a connection of its own. Knows nothing of what a message means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .live_connection import LiveConnection
from .panel import Panel
from .refresh import Refresh


class LivePanel(Panel):
    """Connect to ``address`` at once, take in each message and draw what has become of it."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._refresh = Refresh(self._draw)
        self.connection = LiveConnection(
            address, received=self._take, changed=self._refresh.request
        )
        self._draw()
        self.connection.open()

    def close(self) -> None:
        """Close the connection and take the panel off the page."""
        self.disconnect()
        self._refresh.cancel()
        super().close()

    def disconnect(self) -> None:
        """Close the connection; the panel stays and says so."""
        self.connection.close()

    def text(self) -> str:
        """Return what the panel shows, as plain text."""
        return f"{self.connection.state}\n{self._words()}"

    def _receive(self, message: str | bytes) -> None:
        """Take in one message."""
        raise NotImplementedError

    def _words(self) -> str:
        """Say in words what the panel shows."""
        raise NotImplementedError

    def _picture(self) -> dict[str, Any]:
        """Return what the page draws."""
        raise NotImplementedError

    def _command(self, content: Mapping[str, Any]) -> None:
        match content.get("do"):
            case "connect":
                self.connection.open()
            case "disconnect":
                self.disconnect()

    def _take(self, message: str | bytes) -> None:
        self._receive(message)
        self._refresh.request()

    def _draw(self) -> None:
        link = {"words": self.connection.state, "active": self.connection.is_active}
        self.state = {"connection": link, "words": self._words(), **self._picture()}

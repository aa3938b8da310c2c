"""Notifications as a server pushes them. Asks for nothing: the server speaks first."""

from __future__ import annotations

from collections import deque
from typing import Any

from labkit.wire.wording import count

from .assets import source
from .live_panel import LivePanel

SHOWN_NOTIFICATIONS = 50
SHOWN_CHARS = 200


class Notifications:
    """The newest messages, and how many there were.

    >>> inbox = Notifications()
    >>> inbox.receive("Spam is ready")
    >>> inbox.words()
    '1 notification'
    """

    def __init__(self, size: int = SHOWN_NOTIFICATIONS) -> None:
        self.texts: deque[str] = deque(maxlen=size)
        self.count = 0

    def receive(self, message: str | bytes) -> None:
        """Take in a message, cut where it is too long for a notification."""
        if isinstance(message, bytes):
            message = count(len(message), "binary byte")
        too_long = len(message) > SHOWN_CHARS
        self.texts.append(f"{message[:SHOWN_CHARS]}…" if too_long else message)
        self.count += 1

    def words(self) -> str:
        """Say how many notifications came, and how many are shown."""
        if not self.count:
            return "no notification yet"
        words = count(self.count, "notification")
        hidden = self.count > len(self.texts)
        return f"{words}, the newest {len(self.texts)} shown" if hidden else words


class NotificationPanel(LivePanel):
    """Show each text message of the server at ``address`` as a notification."""

    _esm = source("dom.js", "live.js", "notifications.js")
    _css = source("theme.css", "live.css")

    def __init__(self, address: str) -> None:
        self.notifications = Notifications()
        super().__init__(address)

    def _receive(self, message: str | bytes) -> None:
        self.notifications.receive(message)

    def _words(self) -> str:
        return self.notifications.words()

    def _picture(self) -> dict[str, Any]:
        return {"texts": list(self.notifications.texts), "count": self.notifications.count}

"""A connection as a live sequence chart. What crossed is the transcript's; this only shows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import traitlets

from labkit.wire.transcript import Entry, Transcript
from labkit.wire.wording import arrow, hexadecimal

from .assets import source
from .frame_draft import FrameDraft
from .panel import Panel
from .picture import picture
from .refresh import Refresh

SHOWN_ARROWS = 100
SHOWN_HEX_BYTES = 512


class WireView(Panel):
    """Show what crosses the connection of ``transcript``, as it crosses.

    Choose an arrow to see its bytes, and its bit diagram if it is a frame.

    Example::

        async with tap(server.address) as tapped:
            client = await connect(tapped.address)
            WireView(tapped.transcript)
    """

    _esm = source("dom.js", "diagram.js", "wire_view.js")
    _css = source("theme.css", "diagram.css", "wire_view.css")

    detail = traitlets.Dict().tag(sync=True)

    def __init__(self, transcript: Transcript) -> None:
        super().__init__()
        self._transcript = transcript
        self._arrows: deque[tuple[int, Entry]] = deque(maxlen=SHOWN_ARROWS)
        self._count = 0
        self._refresh = Refresh(self._draw)
        for entry in transcript.entries:
            self._add(entry)
        self._unsubscribe = transcript.subscribe(self._on_entry)
        self._draw()

    def select(self, number: int) -> None:
        """Show the bytes of the ``number``-th arrow, counted from 1; unknown ones show nothing."""
        entry = next((entry for n, entry in self._arrows if n == number), None)
        self.detail = {} if entry is None else _detail(number, entry)

    def text(self) -> str:
        """Return the chart as plain text."""
        return self._transcript.text()

    def close(self) -> None:
        """Stop watching and take the view off the page."""
        self._unsubscribe()
        self._refresh.cancel()
        super().close()

    def _fallback(self) -> str:
        return self.text()

    def _on_entry(self, entry: Entry) -> None:
        self._add(entry)
        self._refresh.request()

    def _add(self, entry: Entry) -> None:
        self._count += 1
        self._arrows.append((self._count, entry))

    def _draw(self) -> None:
        self.state = {
            "arrows": [
                {"n": n, "sender": entry.sender, "kind": _kind(entry), "label": entry.label}
                for n, entry in self._arrows
            ],
            "hidden": self._count - len(self._arrows),
        }

    def _command(self, content: Mapping[str, Any]) -> None:
        match content:
            case {"do": "select", "n": int(number)}:
                self.select(number)


def _kind(entry: Entry) -> str:
    """Name the group of arrows that ``entry`` is drawn as."""
    match entry.kind:
        case "http":
            return "http"
        case "frame" if entry.frame is None or entry.frame.opcode < 8:
            return "data"
        case "frame":
            return "control"
        case _:
            return "broken" if entry.kind in ("garbage", "reset") else "end"


def _detail(number: int, entry: Entry) -> dict[str, Any]:
    detail = {
        "n": number,
        "title": f"{arrow(entry.sender)}: {entry.label}",
        "hex": hexadecimal(entry.data, SHOWN_HEX_BYTES),
        "head": entry.data.decode("utf-8", "replace") if entry.kind == "http" else "",
    }
    if entry.kind == "frame":
        detail["picture"] = picture(FrameDraft.from_bytes(entry.data, entry.sender))
    return detail

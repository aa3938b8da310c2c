"""A frame as a bit diagram that you can edit and really send. The editing is FrameDraft's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from labkit.errors import LabkitError, UsageError
from labkit.protocol.frames import Frame
from labkit.wire.decoding import Sender
from labkit.wire.wording import arrow, count, opcode_name

from . import frame_diagram
from .assets import source
from .frame_draft import FrameDraft
from .panel import Panel
from .picture import picture

#: Above this, a payload is shown and sent, but is too long for a line of text.
MAX_EDITABLE_BYTES = 2_048


class Sends(Protocol):
    """What a frame can be sent to: a raw connection."""

    async def send(self, data: bytes) -> None: ...


class FrameView(Panel):
    """Show ``frame``, let it be edited, and send it ``to`` a raw connection.

    Nothing is forbidden: a frame that breaks a rule says so, and is sent as it is.

    Example::

        raw = await open_raw(server.address)
        await raw.upgrade()
        FrameView(Frame(Opcode.TEXT, b"Spam"), to=raw)
    """

    _esm = source("dom.js", "diagram.js", "frame_view.js")
    _css = source("theme.css", "diagram.css", "frame_view.css")

    def __init__(
        self,
        frame: Frame | bytes | None = None,
        *,
        to: Sends | None = None,
        sender: Sender = "client",
    ) -> None:
        super().__init__()
        self._original = self.draft = _draft(frame, sender)
        self._to = to
        self._sending: set[asyncio.Task[None]] = set()
        self.status = "ready"
        self._invalid = ""
        self._draw()

    def edit(self, field: str, value: object) -> None:
        """Change one field, as the page does; the status tells of a value that cannot be read."""
        try:
            self.draft = self.draft.edit(field, value)
        except UsageError as error:
            self._say(str(error), invalid=field)
        else:
            self._say("edited")

    def reset(self) -> None:
        """Go back to the frame the view was made with."""
        self.draft = self._original
        self._say("reset")

    async def transmit(self) -> None:
        """Send the frame as it stands; the status tells how it went."""
        data = self.draft.to_bytes()
        if self._to is None:
            self._say("not sent: give the view a connection, FrameView(frame, to=raw)")
            return
        try:
            await self._to.send(data)
        except LabkitError as error:
            self._say(f"not sent: {error}")
        else:
            self._say(f"sent {count(len(data), 'byte')}")

    def diagram(self) -> str:
        """Return the bit diagram and each field in words, as plain text."""
        return frame_diagram.text(self.draft)

    def text(self) -> str:
        """Return what the view shows, as plain text."""
        return f"{self.diagram()}\n\n{self.status}"

    def __repr__(self) -> str:
        return f"FrameView({self.draft})"

    def _fallback(self) -> str:
        return self.diagram()

    def _say(self, status: str, *, invalid: str = "") -> None:
        self.status, self._invalid = status, invalid
        self._draw()

    def _draw(self) -> None:
        self.state = {
            **picture(self.draft),
            "title": f"{opcode_name(self.draft.opcode)} frame, {arrow(self.draft.sender)}",
            "fields": self._fields(),
            "status": self.status,
            "invalid": self._invalid,
            "can_send": self._to is not None,
        }

    def _fields(self) -> dict[str, Any]:
        draft = self.draft
        editable = len(draft.payload) <= MAX_EDITABLE_BYTES
        fields = {name: getattr(draft, name) for name in ("fin", "rsv1", "rsv2", "rsv3", "masked")}
        return fields | {
            "opcode": int(draft.opcode),
            "key": draft.key.hex(" "),
            "text": draft.payload.decode("utf-8", "replace") if editable else "",
            "hex": draft.payload.hex(" ") if editable else "",
            "bytes": draft.to_bytes().hex(" ") if editable else "",
            "editable": editable,
        }

    def _command(self, content: Mapping[str, Any]) -> None:
        match content:
            case {"do": "edit", "field": str(field), "value": value}:
                self.edit(field, value)
            case {"do": "reset"}:
                self.reset()
            case {"do": "send"}:
                # A coroutine returned from here would never be awaited.
                task = asyncio.get_running_loop().create_task(self.transmit())
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)


def _draft(frame: Frame | bytes | None, sender: Sender) -> FrameDraft:
    match frame:
        case None:
            return FrameDraft(payload=b"Spam", masked=sender == "client", sender=sender)
        case Frame():
            return FrameDraft.from_frame(frame, sender)
        case bytes():
            return FrameDraft.from_bytes(frame, sender)
    raise UsageError(f"a FrameView shows a Frame or bytes, not {type(frame).__name__}")

"""The frame editor without a browser: what the page sends in, what it is told to draw."""

from __future__ import annotations

import json

import pytest

from labkit.errors import LabkitError, UsageError
from labkit.panels.frame_view import MAX_EDITABLE_BYTES, FrameView
from labkit.protocol.frames import Frame, Opcode

SPAM = Frame(Opcode.TEXT, b"Spam", mask=bytes.fromhex("37 fa 21 3d"))


class Wire:
    """Takes what is sent, or breaks."""

    def __init__(self, error: LabkitError | None = None) -> None:
        self.sent: list[bytes] = []
        self._error = error

    async def send(self, data: bytes) -> None:
        if self._error:
            raise self._error
        self.sent.append(data)


def say(view: FrameView, **content: object) -> None:
    """Send what the page would send."""
    view._handle_custom_msg(content, [])


def test_the_page_is_told_plain_json() -> None:
    state = FrameView(SPAM).state
    assert json.loads(json.dumps(state)) == state


def test_an_edit_on_the_page_changes_the_frame_and_the_picture() -> None:
    view = FrameView(SPAM)
    say(view, do="edit", field="text", value="Eggs")
    assert view.draft.payload == b"Eggs"
    assert view.state["fields"]["hex"] == "45 67 67 73"
    assert view.state["rows"][1]["octets"] == ["21", "3d", "72", "9d"]


def test_an_edit_that_cannot_be_read_is_told_of_and_changes_nothing() -> None:
    view = FrameView(SPAM)
    say(view, do="edit", field="key", value="37 fa")
    assert view.state["status"] == "the masking key has 4 bytes, not 2"
    assert view.state["invalid"] == "key"
    assert view.draft.key == SPAM.mask


def test_the_next_edit_takes_the_complaint_back() -> None:
    view = FrameView(SPAM)
    view.edit("key", "")
    view.edit("fin", False)
    assert view.state["invalid"] == ""


def test_reset_goes_back_to_the_frame_of_the_beginning() -> None:
    view = FrameView(SPAM)
    view.edit("text", "Eggs")
    say(view, do="reset")
    assert view.draft.payload == b"Spam"


@pytest.mark.parametrize(
    "content",
    [{}, {"do": "spam"}, {"do": "edit"}, {"do": "edit", "field": 1, "value": 2}],
)
def test_a_command_nobody_knows_is_ignored(content: dict[str, object]) -> None:
    view = FrameView(SPAM)
    say(view, **content)
    assert view.status == "ready"


def test_a_field_nobody_knows_is_refused_in_words() -> None:
    view = FrameView(SPAM)
    say(view, do="edit", field="__class__", value="Spam")
    assert view.status == "__class__ cannot be 'Spam'"


async def test_sending_sends_the_frame_as_it_stands() -> None:
    wire = Wire()
    view = FrameView(SPAM, to=wire)
    view.edit("masked", False)
    await view.transmit()
    assert wire.sent == [b"\x81\x04Spam"]
    assert view.status == "sent 6 bytes"


async def test_sending_without_a_connection_says_what_to_do() -> None:
    view = FrameView(SPAM)
    await view.transmit()
    assert view.status == "not sent: give the view a connection, FrameView(frame, to=raw)"
    assert view.state["can_send"] is False


async def test_sending_to_a_connection_that_broke_says_so() -> None:
    view = FrameView(SPAM, to=Wire(LabkitError("the server broke the connection off")))
    await view.transmit()
    assert view.status == "not sent: the server broke the connection off"


def test_bytes_can_be_shown_as_they_came() -> None:
    view = FrameView(b"\x81\x7e\x00\x04Spam", sender="server")
    assert view.state["complaints"] == ["a length of 4 is written in 7 bits (§5.2)"]


def test_without_a_frame_there_is_a_legal_one() -> None:
    assert FrameView().state["complaints"] == []
    assert FrameView(sender="server").state["complaints"] == []


def test_a_payload_too_long_for_a_line_is_not_editable() -> None:
    fields = FrameView(Frame(Opcode.BINARY, bytes(MAX_EDITABLE_BYTES + 1))).state["fields"]
    assert not fields["editable"]
    assert fields["hex"] == fields["bytes"] == ""


def test_what_is_no_frame_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="shows a Frame or bytes, not str"):
        FrameView("Spam")  # type: ignore[arg-type]


def test_the_text_has_the_diagram_and_the_status() -> None:
    text = FrameView(SPAM).text()
    assert '|      "a"      |      "m"      |' in text
    assert text.endswith("ready")


def test_a_repr_is_short_and_the_same_on_every_run() -> None:
    assert repr(FrameView(SPAM)) == 'FrameView(TEXT masked "Spam")'


def test_a_saved_notebook_shows_the_diagram_as_text() -> None:
    data, _ = FrameView(SPAM)._repr_mimebundle_()
    assert "masking key" in data["text/html"]

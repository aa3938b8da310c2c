"""The sequence chart without a browser: what the page is told to draw."""

from __future__ import annotations

import json

import pytest

from labkit.panels.wire_view import SHOWN_ARROWS, WireView
from labkit.wire.transcript import Transcript

SPAM = bytes.fromhex("81 84 37 fa 21 3d 64 8a 40 50")


@pytest.fixture
def transcript() -> Transcript:
    """Return a transcript with a handshake and a frame."""
    transcript = Transcript()
    transcript.feed("client", b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
    transcript.feed("server", b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    transcript.feed("client", SPAM)
    return transcript


def say(view: WireView, **content: object) -> None:
    """Send what the page would send."""
    view._handle_custom_msg(content, [])


def test_what_crossed_before_is_shown(transcript: Transcript) -> None:
    arrows = WireView(transcript).state["arrows"]
    assert [(arrow["n"], arrow["sender"], arrow["kind"]) for arrow in arrows] == [
        (1, "client", "http"),
        (2, "server", "http"),
        (3, "client", "data"),
    ]


def test_what_crosses_later_is_shown_too(transcript: Transcript) -> None:
    view = WireView(transcript)
    transcript.feed("server", b"\x81\x04Eggs\x88\x02\x03\xe8")
    transcript.end("server")
    transcript.end("client", reset=True)
    last = view.state["arrows"][3:]
    assert [(arrow["kind"], arrow["label"]) for arrow in last] == [
        ("data", 'TEXT  unmasked  "Eggs"'),
        ("control", "CLOSE unmasked  1000"),
        ("end", "end of stream"),
        ("broken", "connection reset"),
    ]


def test_only_the_newest_arrows_are_shown_and_the_others_counted(transcript: Transcript) -> None:
    view = WireView(transcript)
    transcript.feed("client", SPAM * SHOWN_ARROWS)
    assert len(view.state["arrows"]) == SHOWN_ARROWS
    assert view.state["hidden"] == 3


def test_choosing_a_frame_shows_its_bytes_and_its_bits(transcript: Transcript) -> None:
    view = WireView(transcript)
    say(view, do="select", n=3)
    assert view.detail["hex"] == SPAM.hex(" ")
    assert view.detail["title"] == 'client → server: TEXT  masked    "Spam"'
    assert view.detail["picture"]["rows"][0]["octets"] == ["81", "84", "37", "fa"]
    assert json.loads(json.dumps(view.detail)) == view.detail


def test_choosing_a_head_shows_it_as_text(transcript: Transcript) -> None:
    view = WireView(transcript)
    view.select(1)
    assert view.detail["head"].startswith("GET /chat HTTP/1.1\r\n")
    assert "picture" not in view.detail


def test_choosing_what_is_not_there_shows_nothing(transcript: Transcript) -> None:
    view = WireView(transcript)
    view.select(3)
    view.select(99)
    assert view.detail == {}


def test_a_frame_too_long_to_keep_can_be_chosen(transcript: Transcript) -> None:
    transcript.feed("server", b"\x82\x7f" + (1 << 62).to_bytes(8, "big"))
    view = WireView(transcript)
    view.select(4)
    assert view.detail["picture"]["complaints"][0].startswith("the header announces 4,611,")


def test_a_view_that_is_closed_watches_no_longer(transcript: Transcript) -> None:
    view = WireView(transcript)
    view.close()
    transcript.feed("client", SPAM)
    assert len(view.state["arrows"]) == 3


def test_the_text_is_the_transcript(transcript: Transcript) -> None:
    view = WireView(transcript)
    assert view.text() == transcript.text()
    assert "GET /chat" in view._repr_mimebundle_()[0]["text/html"]


def test_a_repr_is_the_same_on_every_run(transcript: Transcript) -> None:
    assert repr(WireView(transcript)) == "WireView()"

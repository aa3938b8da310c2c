"""What every panel does with what its page sends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from labkit.panels.panel import Panel


class Recorder(Panel):
    """A panel that keeps what it is told, and where."""

    def __init__(self) -> None:
        super().__init__()
        self.told: asyncio.Queue[tuple[Mapping[str, Any], threading.Thread]] = asyncio.Queue()

    def text(self) -> str:
        return "<Spam>"

    def _command(self, content: Mapping[str, Any]) -> None:
        self.told.put_nowait((content, threading.current_thread()))


class Shown(Recorder):
    """A panel with a text for where no widget can be shown."""

    def _fallback(self) -> str:
        return self.text()


def say(panel: Panel, content: Mapping[str, Any]) -> None:
    """Send what the page would send."""
    panel._handle_custom_msg(content, [])


async def test_a_command_from_another_thread_is_carried_out_on_the_loop_of_the_panel() -> None:
    panel = Recorder()
    thread = threading.Thread(target=say, args=(panel, {"do": "spam"}))
    thread.start()
    async with asyncio.timeout(5):
        content, where = await panel.told.get()
    thread.join()
    assert content == {"do": "spam"}
    assert where is threading.current_thread()


def test_without_an_event_loop_a_command_is_carried_out_at_once() -> None:
    panel = Recorder()
    say(panel, {"do": "spam"})
    assert panel.told.qsize() == 1


def test_a_repr_carries_no_address() -> None:
    assert repr(Recorder()) == "Recorder()"


def test_a_saved_notebook_gets_text_where_there_is_one() -> None:
    data, _ = Shown()._repr_mimebundle_()
    assert data["text/html"] == "<pre>&lt;Spam&gt;</pre>"
    assert data["text/plain"] == "Shown()"


def test_a_saved_notebook_gets_no_text_where_it_would_not_be_stable() -> None:
    data, _ = Recorder()._repr_mimebundle_()
    assert "text/html" not in data

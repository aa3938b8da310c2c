"""What every panel has: a state the page draws, commands the page sends, text for no page at all.

It holds no logic: that is in the plain class which each panel shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from html import escape
from typing import Any

import anywidget
import traitlets


class Panel(anywidget.AnyWidget):
    """A widget whose page only draws ``state`` and sends back what was typed or pressed."""

    state = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self.on_msg(self._on_message)

    def text(self) -> str:
        """Return what the panel shows, as plain text."""
        raise NotImplementedError

    def _command(self, content: Mapping[str, Any]) -> None:
        """Do what the page asks for; it may be a page of an older version, so ignore the rest."""
        raise NotImplementedError

    def _fallback(self) -> str | None:
        """Return the text that stands in a saved notebook where no widget can be shown."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        fallback = self._fallback()
        if bundle is None or fallback is None:
            return bundle
        data, metadata = bundle
        return data | {"text/html": f"<pre>{escape(fallback)}</pre>"}, metadata

    def _on_message(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        # JupyterLab has the kernel handle widgets in a thread of its own, where a task would run
        # on the wrong event loop, and nothing would wake the right one.
        if self._loop is None:
            self._command(content)
        else:
            self._loop.call_soon_threadsafe(self._command, content)

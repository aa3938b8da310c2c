"""Reads the JavaScript and CSS that lie beside the panels. There is no build step."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def source(*names: str) -> str:
    """Return the named files as one: what panels share first, the panel's own file last."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)

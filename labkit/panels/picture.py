"""What the page needs to draw a frame, as plain data. Draws nothing and knows no widget."""

from __future__ import annotations

from typing import Any

from .frame_diagram import hidden_bytes, legend, rows
from .frame_draft import FrameDraft
from .frame_rules import complaints


def picture(draft: FrameDraft) -> dict[str, Any]:
    """Return rows, legend and broken rules of ``draft`` as JSON types."""
    return {
        "rows": [
            {
                "cells": [{"kind": c.kind, "label": c.label, "bits": c.bits} for c in row.cells],
                "octets": list(row.octets),
            }
            for row in rows(draft)
        ],
        "hidden": hidden_bytes(draft),
        "legend": [list(line) for line in legend(draft)],
        "complaints": complaints(draft),
    }

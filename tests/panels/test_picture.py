"""What the page is told of a frame is plain JSON."""

from __future__ import annotations

import json

from labkit.panels.frame_draft import FrameDraft
from labkit.panels.picture import picture


def test_a_picture_survives_json() -> None:
    told = picture(FrameDraft(payload=b"\xff" * 100, rsv1=True))
    assert json.loads(json.dumps(told)) == told


def test_a_picture_has_cells_and_the_bytes_they_make() -> None:
    first = picture(FrameDraft(payload=b"Spam", masked=False))["rows"][0]
    assert first["octets"] == ["81", "04", "53", "70"]
    assert first["cells"][4] == {"kind": "opcode", "label": "opcode TEXT", "bits": "0001"}

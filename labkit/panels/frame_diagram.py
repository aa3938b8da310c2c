"""The bit diagram of a frame as rows of 32 bits, and as plain text. Knows no widget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from labkit.protocol.frames import Opcode
from labkit.wire.wording import SHOWN_CHARS, count, hexadecimal, opcode_name, quote

from .frame_draft import FrameDraft
from .frame_rules import complaints

ROW_BITS = 32

#: As many payload bytes as a diagram draws.
SHOWN_PAYLOAD_BYTES = 24

#: As many of them as the legend writes out.
LEGEND_BYTES = 8

_MEANINGS: dict[int, str] = {
    Opcode.CONT: "continues the message before it",
    Opcode.TEXT: "begins a text message",
    Opcode.BINARY: "begins a binary message",
    Opcode.CLOSE: "begins or answers the closing handshake",
    Opcode.PING: "asks for a pong",
    Opcode.PONG: "answers a ping",
}


@dataclass(frozen=True)
class Cell:
    """A field of the frame, or as much of it as stands in one row.

    ``kind`` groups the fields: "flag", "opcode", "length", "key" or "payload".
    """

    kind: str
    label: str
    short: str
    bits: str


@dataclass(frozen=True)
class Row:
    """Up to 32 bits of a frame: its cells, and the bytes they make, in hexadecimal."""

    cells: tuple[Cell, ...]
    octets: tuple[str, ...]


def rows(draft: FrameDraft) -> list[Row]:
    """Lay the frame out in rows of 32 bits, as the RFC draws it (RFC 6455 §5.2)."""
    rows, row, width = [], [], 0
    for cell in _cells(draft):
        rest = cell.bits
        while rest:
            part, rest = rest[: ROW_BITS - width], rest[ROW_BITS - width :]
            row.append(Cell(cell.kind, cell.label, cell.short, part))
            width += len(part)
            if width == ROW_BITS:
                rows.append(_row(row))
                row, width = [], 0
    return [*rows, _row(row)] if row else rows


def legend(draft: FrameDraft) -> list[tuple[str, str, str]]:
    """Return name, bits or bytes, and meaning of each field, in the order of the wire."""
    fin = "last frame of its message" if draft.fin else "more frames of this message follow"
    meaning = _MEANINGS.get(draft.opcode, "reserved")
    lines = [
        ("FIN", f"{draft.fin:d}", fin),
        ("RSV1-3", f"{draft.rsv1:d}{draft.rsv2:d}{draft.rsv3:d}", _rsv_meaning(draft)),
        ("opcode", f"{draft.opcode:04b}", f"{opcode_name(draft.opcode)}, {meaning}"),
        ("MASK", f"{draft.masked:d}", "a masking key follows" if draft.masked else "no key"),
        ("length", f"{_short_length(draft):07b}", _length_meaning(draft)),
    ]
    if draft.masked:
        lines.append(("key", draft.key.hex(" "), "the masking key"))
    if draft.payload:
        shown = hexadecimal(draft.wire_payload, LEGEND_BYTES)
        lines.append(("payload", shown, _payload_meaning(draft)))
    return lines


def hidden_bytes(draft: FrameDraft) -> int:
    """Return how many bytes of the payload the diagram leaves out."""
    return max(0, len(draft.payload) - SHOWN_PAYLOAD_BYTES)


def text(draft: FrameDraft) -> str:
    """Return the diagram as plain text: the RFC's picture, and each field in words."""
    lines = [
        " 0                   1                   2                   3",
        " " + " ".join(str(bit % 10) for bit in range(ROW_BITS)),
    ]
    lines += _picture(rows(draft))
    if more := hidden_bytes(draft):
        lines.append(f"… and {count(more, 'more byte')} of payload")
    lines.append("")
    fields = legend(draft)
    width = max(len(value) for _, value, _ in fields)
    lines += [f"{name:<7}  {value:<{width}}  {meaning}" for name, value, meaning in fields]
    lines += [f"illegal  {complaint}" for complaint in complaints(draft)]
    return "\n".join(line.rstrip() for line in lines)


def _cells(draft: FrameDraft) -> Iterator[Cell]:
    yield Cell("flag", "FIN", "F", f"{draft.fin:d}")
    for name in ("rsv1", "rsv2", "rsv3"):
        yield Cell("flag", name.upper(), "R", f"{getattr(draft, name):d}")
    name = opcode_name(draft.opcode)
    yield Cell("opcode", f"opcode {name}", "opcode", f"{draft.opcode:04b}")
    yield Cell("flag", "MASK", "M", f"{draft.masked:d}")
    short = _short_length(draft)
    yield Cell("length", f"payload length {short}", "length", f"{short:07b}")
    if draft.form > 7:
        label = f"extended length {draft.length:,}"
        yield Cell("length", label, "extended length", f"{draft.length:0{draft.form}b}")
    if draft.masked:
        yield Cell("key", "masking key", "masking key", f"{int.from_bytes(draft.key, 'big'):032b}")
    for wire, plain in zip(draft.wire_payload, draft.payload[:SHOWN_PAYLOAD_BYTES], strict=False):
        char = quote(chr(plain)) if 0x20 <= plain < 0x7F else f"{plain:02x}"
        yield Cell("payload", char, char, f"{wire:08b}")


def _row(cells: list[Cell]) -> Row:
    bits = "".join(cell.bits for cell in cells)
    octets = tuple(f"{int(bits[i : i + 8], 2):02x}" for i in range(0, len(bits), 8))
    return Row(tuple(cells), octets)


def _picture(drawn: list[Row]) -> Iterator[str]:
    """Draw the rows, each bit two characters wide."""
    above = ""
    for row in drawn:
        below = _border(row)
        # A line between two rows has the corners of both.
        pairs = zip_longest(above, below, fillvalue="-")
        yield "".join("+" if "+" in pair else "-" for pair in pairs)
        yield "|" + "".join(f"{' '.join(cell.bits)}|" for cell in row.cells)
        yield "|" + "".join(f"{_fit(cell)}|" for cell in row.cells)
        yield "|" + "".join(f"{octet:^15}|" for octet in row.octets)
        above = below
    yield above


def _fit(cell: Cell) -> str:
    width = 2 * len(cell.bits) - 1
    return f"{cell.short[:width]:^{width}}"


def _border(row: Row) -> str:
    return "+" + "".join("-" * (2 * len(cell.bits) - 1) + "+" for cell in row.cells)


def _short_length(draft: FrameDraft) -> int:
    return draft.to_bytes()[1] & 0x7F


def _rsv_meaning(draft: FrameDraft) -> str:
    return "for extensions" if draft.rsv1 or draft.rsv2 or draft.rsv3 else "no extension in use"


def _length_meaning(draft: FrameDraft) -> str:
    size = count(draft.length, "byte")
    return size if draft.form == 7 else f"{size}, written in the {draft.form} bits that follow"


def _payload_meaning(draft: FrameDraft) -> str:
    shown = draft.text_payload or hexadecimal(draft.payload, SHOWN_CHARS // 3)
    return f"unmasked: {shown}" if draft.masked else shown

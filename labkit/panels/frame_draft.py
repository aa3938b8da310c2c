"""A frame being edited, legal or not: fields to bytes and bytes to fields. Draws nothing.

The codec refuses a frame that breaks a rule; a draft holds it, says which rule it breaks, and
gives the bytes all the same, because breaking a rule on purpose is how its reason is learnt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from labkit.errors import UsageError
from labkit.protocol.frames import Frame, Opcode, apply_mask, parse_header
from labkit.wire.decoding import Sender
from labkit.wire.wording import opcode_name, quote

#: The masking key of the RFC's own example (RFC 6455 §5.7).
SAMPLE_KEY = bytes.fromhex("37 fa 21 3d")

#: How many bits each form of the length has, and the longest payload it is right for (§5.2).
LENGTH_FORMS = {7: 125, 16: 0xFFFF, 64: 0x7FFF_FFFF_FFFF_FFFF}


@dataclass(frozen=True)
class FrameDraft:
    """The fields of a frame (RFC 6455 §5.2), each free to be wrong.

    ``payload`` is unmasked. ``announced`` is the length in the header where it is not the
    payload's own, ``length_bits`` the form of the length where it is not the shortest.

    >>> FrameDraft(payload=b"Spam").to_bytes().hex(" ")
    '81 84 37 fa 21 3d 64 8a 40 50'
    """

    fin: bool = True
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False
    opcode: int = Opcode.TEXT
    masked: bool = True
    key: bytes = SAMPLE_KEY
    payload: bytes = b""
    announced: int | None = None
    length_bits: int | None = None
    sender: Sender = "client"

    @classmethod
    def from_frame(cls, frame: Frame, sender: Sender = "client") -> FrameDraft:
        """Return a draft with the fields of ``frame``."""
        return cls(
            fin=frame.fin,
            rsv1=frame.rsv1,
            rsv2=frame.rsv2,
            rsv3=frame.rsv3,
            opcode=int(frame.opcode),
            masked=frame.mask is not None,
            key=SAMPLE_KEY if frame.mask is None else frame.mask,
            payload=frame.payload,
            sender=sender,
        )

    @classmethod
    def from_bytes(cls, data: bytes, sender: Sender = "client") -> FrameDraft:
        """Return a draft that gives ``data`` back, byte for byte.

        Raises UsageError if ``data`` ends before the header does.
        """
        header = parse_header(data)
        if header is None:
            raise UsageError(f"{len(data)} bytes are not a whole header; add the next byte")
        rest = data[header.size :]
        bits = {0: 7, 2: 16, 8: 64}[header.size - 2 - 4 * header.masked]
        return cls(
            fin=header.fin,
            rsv1=header.rsv1,
            rsv2=header.rsv2,
            rsv3=header.rsv3,
            opcode=header.opcode,
            masked=header.masked,
            key=header.mask or SAMPLE_KEY,
            payload=apply_mask(rest, header.mask) if header.mask else rest,
            announced=None if header.length == len(rest) else header.length,
            length_bits=None if bits == shortest_form(header.length) else bits,
            sender=sender,
        )

    @property
    def length(self) -> int:
        """The length that the header announces."""
        return len(self.payload) if self.announced is None else self.announced

    @property
    def form(self) -> int:
        """How many bits the length takes: 7, 16 or 64."""
        return shortest_form(self.length) if self.length_bits is None else self.length_bits

    @property
    def wire_payload(self) -> bytes:
        """The payload as it crosses the wire."""
        return apply_mask(self.payload, self.key) if self.masked else self.payload

    def to_bytes(self) -> bytes:
        """Return the frame as it crosses the wire."""
        first = self.fin << 7 | self.rsv1 << 6 | self.rsv2 << 5 | self.rsv3 << 4 | self.opcode
        short = {7: self.length, 16: 126, 64: 127}[self.form]
        extended = b"" if self.form == 7 else self.length.to_bytes(self.form // 8, "big")
        key = self.key if self.masked else b""
        return bytes([first, self.masked << 7 | short]) + extended + key + self.wire_payload

    def edit(self, field: str, value: object) -> FrameDraft:
        """Return the draft with one field changed as it was typed or ticked.

        ``field`` is a field's name, or "text", "hex" (both the payload) or "bytes" (all of it).
        Raises UsageError if ``value`` cannot be read.

        >>> FrameDraft(payload=b"Spam").edit("text", "Eggs").to_bytes().hex(" ")
        '81 84 37 fa 21 3d 72 9d 46 4e'
        """
        match field, value:
            case (("fin" | "rsv1" | "rsv2" | "rsv3" | "masked"), bool()):
                change: dict[str, Any] = {field: value}
                return replace(self, **change)
            case "opcode", int() if 0 <= value <= 0xF:
                return replace(self, opcode=value)
            case "key", str():
                return replace(self, key=_read_key(value))
            case "text", str():
                return self._with_payload(value.encode("utf-8", "replace"))
            case "hex", str():
                return self._with_payload(read_hex(value))
            case "bytes", str():
                return FrameDraft.from_bytes(read_hex(value), self.sender)
        raise UsageError(f"{field} cannot be {value!r}")

    def __str__(self) -> str:
        mask = "masked" if self.masked else "unmasked"
        return f"{opcode_name(self.opcode)} {mask} {self.text_payload or self.payload.hex(' ')}"

    @property
    def text_payload(self) -> str | None:
        """The payload in quotes, or None if it is not UTF-8."""
        try:
            return quote(self.payload.decode("utf-8"))
        except UnicodeDecodeError:
            return None

    def _with_payload(self, payload: bytes) -> FrameDraft:
        return replace(self, payload=payload, announced=None, length_bits=None)


def shortest_form(length: int) -> int:
    """Return how many bits the shortest form of ``length`` has (RFC 6455 §5.2).

    >>> shortest_form(125), shortest_form(126), shortest_form(65_536)
    (7, 16, 64)
    """
    return next((bits for bits, longest in LENGTH_FORMS.items() if length <= longest), 64)


def read_hex(text: str) -> bytes:
    """Return the bytes that ``text`` writes in hexadecimal, with or without spaces.

    Raises UsageError if it is not hexadecimal, or ends in half a byte.

    >>> read_hex("53 70 616d")
    b'Spam'
    """
    digits = "".join(text.split())
    wrong = next((char for char in digits if char not in "0123456789abcdefABCDEF"), None)
    if wrong is not None:
        raise UsageError(f"{quote(wrong)} is not a hexadecimal digit; use 0-9 and a-f")
    if len(digits) % 2:
        raise UsageError("half a byte at the end; each byte has two hexadecimal digits")
    return bytes.fromhex(digits)


def _read_key(text: str) -> bytes:
    key = read_hex(text)
    if len(key) != 4:
        raise UsageError(f"the masking key has 4 bytes, not {len(key)}")
    return key

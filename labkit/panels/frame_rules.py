"""Which rules of RFC 6455 a frame on its own breaks, in words. Forbids nothing."""

from __future__ import annotations

from collections.abc import Iterator

from labkit.protocol.frames import Opcode
from labkit.wire.wording import count, opcode_name

from .frame_draft import FrameDraft, shortest_form

CONTROL_LIMIT = 125


def complaints(draft: FrameDraft) -> list[str]:
    """Return a sentence for each rule that ``draft`` breaks, none if it is legal.

    >>> complaints(FrameDraft(masked=False, payload=b"Spam"))
    ['a client must mask every frame (§5.1)']
    """
    return [*_header_complaints(draft), *_length_complaints(draft), *_payload_complaints(draft)]


def _header_complaints(draft: FrameDraft) -> Iterator[str]:
    if draft.sender == "client" and not draft.masked:
        yield "a client must mask every frame (§5.1)"
    if draft.sender == "server" and draft.masked:
        yield "a server must not mask (§5.1)"
    if draft.opcode not in set(Opcode):
        yield f"opcode {opcode_name(draft.opcode)} is reserved (§5.2)"
    if draft.rsv1:
        yield "RSV1 is set: legal only where compression was agreed on in the handshake (§5.2)"
    for name, is_set in (("RSV2", draft.rsv2), ("RSV3", draft.rsv3)):
        if is_set:
            yield f"{name} is set, and no extension gives it a meaning (§5.2)"
    if draft.opcode >= 8 and not draft.fin:
        yield "a control frame must not be fragmented: FIN is 1 (§5.5)"


def _length_complaints(draft: FrameDraft) -> Iterator[str]:
    length, present = draft.length, len(draft.payload)
    if draft.opcode >= 8 and length > CONTROL_LIMIT:
        yield f"control frames carry at most 125 bytes, this one {length:,} (§5.5)"
    if length >> 63:
        yield "the highest bit of a 64-bit length must be 0 (§5.2)"
    elif draft.form != shortest_form(length):
        yield f"a length of {length:,} is written in {shortest_form(length)} bits (§5.2)"
    if length > present:
        announced = count(length, "byte")
        yield f"the header announces {announced}, {present:,} follow: the receiver waits"
    if length < present:
        announced = count(length, "byte")
        yield f"the header announces {announced}: what follows them begins the next frame"


def _payload_complaints(draft: FrameDraft) -> Iterator[str]:
    if draft.opcode == Opcode.CLOSE:
        yield from _close_complaints(draft.payload)
    # The bytes of a character may be spread over fragments, so one fragment cannot be judged.
    if draft.opcode == Opcode.TEXT and draft.fin and not draft.rsv1 and not _is_utf8(draft.payload):
        yield "a text message must be UTF-8 (§5.6)"


def _close_complaints(payload: bytes) -> Iterator[str]:
    if len(payload) == 1:
        yield "a close frame is empty or begins with a code of two bytes (§5.5.1)"
    elif payload:
        code = int.from_bytes(payload[:2], "big")
        if not (1000 <= code <= 1014 or 3000 <= code <= 4999) or code in (1004, 1005, 1006):
            yield f"close code {code} must not be sent (§7.4)"
        if not _is_utf8(payload[2:]):
            yield "the reason of a close must be UTF-8 (§5.5.1)"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

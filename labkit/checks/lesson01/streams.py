"""Checks what is made of a stream, frames and messages: exercises 01.5 and 01.6."""

from __future__ import annotations

import itertools

from labkit.checks.cases import equal, raises
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import Made, Subject
from labkit.checks.world import World
from labkit.protocol.frames import Frame, Opcode, serialize

HELLO_MASKED = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455 §5.7
CONT, TEXT, BINARY, PING = 0x0, 0x1, 0x2, 0x9


@exercise(
    "01.5",
    symbol="FrameParser",
    points=3,
    hints=(
        "Keep what you cannot use yet: append each piece to a buffer, and cut off whole frames.",
        "In a loop: parse the header of the buffer; stop if it is None or if the payload is not "
        "all there; else cut the frame off, and go round again.",
        "Whole frame: `size + length` bytes. If masked, the key is the last 4 bytes of the header: "
        "`buffer[size - 4 : size]`.",
    ),
)
async def frame_parser(subject: Subject, world: World) -> Cases:
    """A parser gives the same frames however the stream is cut."""
    parser = await subject.new()
    yield equal(
        await parser.invoke("feed", bytes.fromhex("810548656c6c6f")),
        [(True, TEXT, b"Hello")],
        "one whole frame in one piece",
    )
    parser = await subject.new()
    yield equal(
        await parser.invoke("feed", HELLO_MASKED),
        [(True, TEXT, b"Hello")],
        "a masked frame comes out unmasked",
        hint="the key is the last 4 bytes of the header; unmask with `apply_mask`",
    )
    parser = await subject.new()
    yield equal(
        await parser.invoke("feed", bytes.fromhex("8900010348656c80026c6f")),
        [(True, PING, b""), (False, TEXT, b"Hel"), (True, CONT, b"lo")],
        "three frames in one piece",
        hint="after a frame there may be another in the buffer: loop until none is whole",
    )
    parser = await subject.new()
    pieces = [HELLO_MASKED[i : i + 1] for i in range(len(HELLO_MASKED))]
    yield equal(
        [await parser.invoke("feed", piece) for piece in pieces],
        [[]] * (len(pieces) - 1) + [[(True, TEXT, b"Hello")]],
        "one byte at a time: nothing until the last, then the frame",
        hint="keep the bytes that are not a whole frame yet in `self`",
    )
    for length in (200, 70_000):
        payload = world.random.randbytes(length)
        parser = await subject.new()
        yield equal(
            await parser.invoke("feed", serialize(Frame(Opcode.BINARY, payload, mask=b"mask"))),
            [(True, BINARY, payload)],
            f"a masked frame of {length:,} bytes comes out unmasked",
            hint="the key is behind the length, wherever that ends: the header's last 4 bytes",
        )
    frames = [(True, BINARY, world.random.randbytes(n)) for n in (0, 125, 126, 300, 70000, 5)]
    stream = b"".join(serialize(Frame(Opcode(op), data)) for _, op, data in frames)
    parser = await subject.new()
    yield equal(
        await _fed(parser, stream, world.random.choices(range(1, 9000), k=40)),
        frames,
        "frames of all three length forms, cut at random places",
        hint="a piece may end inside a header, inside a length, or inside a payload",
    )
    two = (await subject.new(), await subject.new())
    await two[0].invoke("feed", b"\x81\x05He")
    yield equal(
        await two[1].invoke("feed", b"\x81\x00"),
        [(True, TEXT, b"")],
        "two parsers do not share a buffer",
        hint="make the buffer in `__init__`, as `self.…`, not in the class",
    )


@exercise(
    "01.6",
    symbol="MessageAssembler",
    points=3,
    hints=(
        "Remember two things between calls: the opcode of the message that is open, and its text "
        "or bytes so far.",
        "`codecs.getincrementaldecoder('utf-8')()` keeps half a character for the next call. Its "
        "`decode(data, final=True)` complains about what is left over.",
        "Order of the checks: control frame → None; continuation with nothing open → 1002; text "
        "or binary with something open → 1002; then decode, and UnicodeDecodeError → 1007.",
    ),
)
async def message_assembler(subject: Subject, world: World) -> Cases:
    """Fragments become messages; text is checked as it arrives; broken order is refused."""
    spam = await subject.new()
    yield equal(await spam.invoke("add", True, TEXT, b"Spam"), "Spam", "a text frame is a message")
    yield equal(
        await spam.invoke("add", True, BINARY, b"\xff\x00"),
        b"\xff\x00",
        "the next message, a binary one, stays bytes",
        hint="after a whole message no message is open; binary is not decoded",
    )
    parts = await subject.new()
    yield equal(
        [
            await parts.invoke("add", False, TEXT, b"Sp"),
            await parts.invoke("add", False, CONT, b"a"),
            await parts.invoke("add", True, CONT, b"m"),
            await parts.invoke("add", True, TEXT, b"!"),
        ],
        [None, None, "Spam", "!"],
        "three fragments are one message, and the next starts afresh",
        hint="return None until a frame with FIN arrives",
    )
    binary = await subject.new()
    yield equal(
        [
            await binary.invoke("add", False, BINARY, b"\xff"),
            await binary.invoke("add", True, CONT, b"\x00"),
        ],
        [None, b"\xff\x00"],
        "binary in fragments stays bytes too",
        hint="a continuation has opcode 0: whether it is text, the first frame of its message said",
    )
    euro = await subject.new()
    yield equal(
        [
            await euro.invoke("add", False, TEXT, b"10 \xe2\x82"),
            await euro.invoke("add", True, CONT, b"\xac"),
        ],
        [None, "10 €"],
        "a character may be cut by a fragment's end",
        hint="an incremental decoder keeps the first half of `€` for the next fragment",
    )
    pinged = await subject.new()
    yield equal(
        [
            await pinged.invoke("add", False, TEXT, b"Sp"),
            await pinged.invoke("add", True, PING, b"hi"),
            await pinged.invoke("add", True, CONT, b"am"),
        ],
        [None, None, "Spam"],
        "a ping between two fragments disturbs nothing",
        hint="opcodes from 8 are control frames: return None and change nothing",
    )
    early = await subject.new()
    yield raises(
        await early.invoke("add", False, TEXT, b"Spam \xff"),
        "CloseError",
        [1007],
        "bytes that are not UTF-8 fail at once, not at the message's end",
        hint="decode each fragment as it arrives; turn UnicodeDecodeError into CloseError(1007)",
    )
    cut = await subject.new()
    yield raises(
        await cut.invoke("add", True, TEXT, b"10 \xe2\x82"),
        "CloseError",
        [1007],
        "a message that ends inside a character fails",
        hint="`decode(payload, final=fin)` complains when half a character is left at the end",
    )
    yield raises(
        await (await subject.new()).invoke("add", True, CONT, b"Spam"),
        "CloseError",
        [1002],
        "a continuation of nothing is refused",
    )
    twice = await subject.new()
    await twice.invoke("add", False, TEXT, b"Sp")
    yield raises(
        await twice.invoke("add", True, TEXT, b"am"),
        "CloseError",
        [1002],
        "a new message inside an open one is refused",
        hint="while a message is open, only continuations and control frames may come",
    )


async def _fed(parser: Made, stream: bytes, sizes: list[int]) -> object:
    """Feed ``stream`` in pieces of ``sizes``, the rest last; return all frames in one list."""
    frames: list[object] = []
    ends = [*itertools.accumulate(sizes), len(stream)]
    for start, end in zip([0, *ends], ends, strict=False):
        result = await parser.invoke("feed", stream[start:end])
        if not isinstance(result, list):
            return result
        frames += result
    return frames

"""Checks single frames, their header, mask and bytes: exercises 01.2 to 01.4."""

from __future__ import annotations

from labkit.checks.cases import agrees, equal
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.protocol.frames import Frame, Opcode, serialize

KEY = bytes.fromhex("37fa213d")
HELLO_MASKED = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455 §5.7
TEXT, BINARY, PING = 0x1, 0x2, 0x9


@exercise(
    "01.2",
    symbol="parse_header",
    points=2,
    hints=(
        "Two bytes are always there. The low seven bits of the second say how many more come.",
        "126 means: the next 2 bytes are the length; 127 means: the next 8. Both are big-endian: "
        "`int.from_bytes(data[2:4], 'big')`. A masked frame has 4 bytes of key after that.",
        "Work out `size` before you read the length: 2, plus 2 or 8, plus 4 if masked. "
        "If `len(data) < size`, return None.",
    ),
)
async def parse_header(subject: Subject, world: World) -> Cases:
    """A header says whether the frame is final, its opcode, its mask bit and both its sizes."""
    yield equal(
        await subject.call(bytes.fromhex("810548656c6c6f")),
        _header(True, TEXT, False, 5, 2),
        "an unmasked text frame of 5 bytes",
        hint="`fin` and `masked` are bools: `bool(first & 0x80)`",
    )
    yield equal(
        await subject.call(HELLO_MASKED),
        _header(True, TEXT, True, 5, 6),
        "a masked frame: the mask bit is not part of the length, the key is part of the header",
        hint="`second & 0x7f` is the length, `second & 0x80` the mask bit; the key adds 4 bytes",
    )
    yield equal(
        await subject.call(bytes.fromhex("010348656c")),
        _header(False, TEXT, False, 3, 2),
        "a first fragment: FIN is clear",
        hint="FIN is the highest bit of the first byte: `first & 0x80`",
    )
    yield equal(
        await subject.call(bytes.fromhex("c10548656c6c6f")),
        _header(True, TEXT, False, 5, 2),
        "a reserved bit is not part of the opcode",
        hint="the opcode is the low four bits: `first & 0x0f`",
    )
    yield equal(
        await subject.call(bytes.fromhex("827e0100") + bytes(256)),
        _header(True, BINARY, False, 256, 4),
        "126 says that two bytes of length follow, the high one first",
        hint="`int.from_bytes(data[2:4], 'big')`",
    )
    yield equal(
        await subject.call(bytes.fromhex("827f0000000000010000")),
        _header(True, BINARY, False, 65536, 10),
        "127 says that eight bytes of length follow, and the payload need not be there yet",
        hint="`int.from_bytes(data[2:10], 'big')`; only the header must be there",
    )
    whole = bytes.fromhex("82fe010037fa213d")
    yield await agrees(
        subject,
        [((whole[:n],), None) for n in range(len(whole))],
        "None while bytes of the header are missing",
        hint="first ask `len(data) < 2`, then `len(data) < size`; size includes the key",
    )


@exercise(
    "01.3",
    symbol="apply_mask",
    points=1,
    hints=(
        "Each byte of the data is combined with one byte of the key. Which, for the fifth byte?",
        "`^` is XOR. The byte of the key for index `i` is `key[i % 4]`.",
        "`bytes(... for i, byte in enumerate(data))` makes bytes out of the numbers.",
    ),
)
async def apply_mask(subject: Subject, world: World) -> Cases:
    """Masking combines each byte with a byte of the repeating key, and undoes itself."""
    yield equal(
        await subject.call(b"Spam", KEY),
        bytes.fromhex("648a4050"),
        "four bytes use the four bytes of the key in order",
        hint="`bytes(numbers)` makes bytes of several numbers; `bytes(5)` is five zero bytes",
    )
    yield equal(
        await subject.call(b"Spam!", KEY),
        bytes.fromhex("648a405016"),
        "the fifth byte uses the first byte of the key again",
        hint="`i % 4` walks 0, 1, 2, 3, 0, …",
    )
    data, key = world.random.randbytes(25), world.random.randbytes(4)
    yield equal(
        await subject.call(await subject.call(data, key), key),
        data,
        "masking twice gives the data back",
        hint="XOR undoes itself; adding and subtracting do not",
    )
    yield equal(await subject.call(b"", KEY), b"", "an empty payload stays empty")


@exercise(
    "01.4",
    symbol="serialize_frame",
    points=2,
    hints=(
        "Build the header byte by byte: FIN and opcode, then mask bit and length, then the key.",
        "There are three length forms: up to 125 in the byte itself, up to 65,535 as 126 and two "
        "bytes, above that as 127 and eight. `length.to_bytes(2, 'big')`.",
        "Use the shortest form that fits. With a mask: set 0x80 in the second byte, append the "
        "key, then the masked payload: your `apply_mask` does that.",
    ),
)
async def serialize_frame(subject: Subject, world: World) -> Cases:
    """A frame is its header in the shortest form, its key if it has one, and its payload."""
    yield equal(
        await subject.call(TEXT, b"Hello", True, None),
        bytes.fromhex("810548656c6c6f"),
        "an unmasked text frame, RFC 6455 §5.7",
    )
    yield equal(
        await subject.call(TEXT, b"Hello", True, KEY),
        HELLO_MASKED,
        "a masked text frame, RFC 6455 §5.7",
        hint="mask bit 0x80 in the second byte, then the 4 bytes of key, then the masked payload",
    )
    yield equal(
        await subject.call(TEXT, b"Hel", False, None),
        bytes.fromhex("010348656c"),
        "a first fragment has FIN clear",
        hint="set 0x80 in the first byte only if `fin`",
    )
    yield equal(await subject.call(PING, b"", True, None), b"\x89\x00", "an empty ping, two bytes")
    for length in (125, 126, 65535, 65536):
        payload = world.random.randbytes(length)
        yield equal(
            await subject.call(BINARY, payload, True, None),
            serialize(Frame(Opcode.BINARY, payload)),
            f"a payload of {length:,} bytes has its length in the shortest form",
            hint="≤ 125: one byte. ≤ 65,535: 7e and two bytes. Above: 7f and eight, big-endian.",
        )


def _header(fin: bool, opcode: int, masked: bool, length: int, size: int) -> dict[str, object]:
    return {"fin": fin, "opcode": opcode, "masked": masked, "length": length, "size": size}

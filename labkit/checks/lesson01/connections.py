"""Checks a connection to its end, and a whole server: exercises 01.7 and 01.8."""

from __future__ import annotations

import struct

from labkit.checks.cases import agrees, equal, saw
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.protocol.frames import Frame, Opcode, serialize
from labkit.wire.wording import hexadecimal


@exercise(
    "01.7",
    symbol="close_answer",
    points=2,
    hints=(
        "Three questions in order: is it empty? Is there a code that may be sent? Is the reason "
        "UTF-8?",
        "The code is the first two bytes, big-endian. May be sent: 1000 to 1003, 1007 to 1014, "
        "3000 to 4999.",
        "One byte cannot hold a code: 1002. Return `code.to_bytes(2, 'big')`, without the reason.",
    ),
)
async def close_answer(subject: Subject, world: World) -> Cases:
    """A close frame is answered with its own code, or with what is wrong with it."""
    yield equal(
        await subject.call(struct.pack("!H", 1000) + b"done"),
        struct.pack("!H", 1000),
        "1000 with a reason is answered by 1000",
    )
    yield equal(await subject.call(b""), b"", "a close without a code is answered without one")
    sendable = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999]
    yield await agrees(
        subject,
        [((struct.pack("!H", code),), struct.pack("!H", code)) for code in sendable],
        "every code that may be sent is echoed",
        hint="1000–1003, 1007–1014, and 3000–4999 for libraries and applications",
    )
    never = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
    yield await agrees(
        subject,
        [((struct.pack("!H", code),), struct.pack("!H", 1002)) for code in never],
        "a code that must not be sent is a protocol error, 1002",
        hint="1004, 1005, 1006 and 1015 are reserved for what is never on the wire",
    )
    yield equal(
        await subject.call(b"\x03"),
        struct.pack("!H", 1002),
        "a payload of one byte is a protocol error, 1002",
        hint="a code has two bytes; look at the length before you unpack",
    )
    yield equal(
        await subject.call(struct.pack("!H", 1000) + b"done \xff"),
        struct.pack("!H", 1007),
        "a reason that is not UTF-8 is 1007",
        hint="`payload[2:].decode()` raises UnicodeDecodeError",
    )


@exercise(
    "01.8",
    symbol="serve_echo",
    points=5,
    hints=(
        "Write it in three parts: read the request up to the empty line and answer 101; then feed "
        "what arrives to a FrameParser; then act on each frame by its opcode.",
        "`request = await reader.readuntil(b'\\r\\n\\r\\n')` reads the request. "
        "`await reader.read(65536)` gives the next piece, and `b''` at the end.",
        "Close: a close with `close_answer(payload)`, then return. Ping: a pong. Else: `message = "
        "messages.add(fin, opcode, payload)`, and if it is not None, send it: opcode 1 for a str.",
    ),
)
async def serve_echo(subject: Subject, world: World) -> Cases:
    """A server by hand: handshake, echo, pong, close, and no unmasked client."""
    async with subject.serve() as served:
        async with world.connect(served) as client:
            yield saw(
                await client.upgrade("dGhlIHNhbXBsZSBub25jZQ=="),
                "HTTP 101, accept s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                "the upgrade is answered with 101 and the accept key",
                hint="status line, `Upgrade: websocket`, `Connection: Upgrade`, "
                "`Sec-WebSocket-Accept: …`, an empty line; each ends with \\r\\n",
            )
            await client.send(Opcode.TEXT, b"Spam")
            yield saw(await client.receive(), 'TEXT unmasked "Spam"', "a text message comes back")
            await client.send(Opcode.BINARY, b"\x00\xff")
            yield saw(
                await client.receive(),
                "BIN unmasked 00 ff",
                "a binary message comes back as binary",
            )
            await client.send(Opcode.TEXT, "€".encode(), in_pieces=True)
            yield saw(
                await client.receive(),
                'TEXT unmasked "€"',
                "a frame that arrives byte by byte comes back",
            )
            await client.send(Opcode.TEXT, b"Sp", fin=False)
            await client.send(Opcode.PING, b"hi")
            yield saw(
                await client.receive(),
                'PONG unmasked "hi"',
                "a ping is answered by a pong with the same payload, also between fragments",
                hint="opcode 10 for the pong; a fragment is no message yet, so nothing comes back",
            )
            await client.send(Opcode.CONT, b"am")
            yield saw(
                await client.receive(),
                'TEXT unmasked "Spam"',
                "a message in fragments comes back when it is whole",
                hint="give the frames to a MessageAssembler, one for each connection",
            )
            payload = world.random.randbytes(300)
            await client.send(Opcode.BINARY, payload)
            yield saw(
                await client.receive(),
                f"BIN unmasked {hexadecimal(payload)}",
                "a long binary message comes back unchanged",
            )
            await client.send(Opcode.CLOSE, struct.pack("!H", 4000))
            yield saw(
                [await client.receive(), await client.receive()],
                ["CLOSE unmasked 4000", "end of stream"],
                "a close is answered with its code, and the connection ends",
                hint="send `close_answer(payload)` in a close frame, then return",
            )
        async with world.connect(served) as first, world.connect(served) as second:
            await first.upgrade()
            await second.upgrade()
            await second.send(Opcode.TEXT, b"two")
            yield saw(
                await second.receive(), 'TEXT unmasked "two"', "two clients are served at once"
            )
            await first.send(Opcode.TEXT, b"Spam \xff")
            yield saw(
                await first.receive(),
                "CLOSE unmasked 1007",
                "text that is not UTF-8 is refused with 1007",
                hint="`except CloseError as error`: `error.args[0]` is the code",
            )
        async with world.connect(served) as client:
            await client.upgrade()
            unmasked, masked = Frame(Opcode.TEXT, b"one"), Frame(Opcode.TEXT, b"two", mask=b"mask")
            await client.send_bytes(serialize(unmasked) + serialize(masked))
            yield saw(
                await client.receive(),
                "CLOSE unmasked 1002",
                "a frame without a mask is refused with 1002, whatever follows it",
                hint="look at the mask bit of every frame, not of every piece",
            )

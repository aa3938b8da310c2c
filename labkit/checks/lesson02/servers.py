"""Checks the smallest server, a handler: exercise 02.1."""

from __future__ import annotations

import struct

from labkit.checks.cases import saw
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.protocol.frames import Opcode
from labkit.protocol.handshake import accept_key

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3
OPEN = f"HTTP 101, accept {accept_key(KEY)}"
GOODBYE = struct.pack("!H", 1000)


@exercise(
    "02.1",
    symbol="shout",
    points=2,
    hints=(
        "`async for message in connection:` gives one message after the other, and ends when the "
        "client leaves.",
        "In the loop, send the message back: `await connection.send(...)`. Without the `await`, "
        "nothing is sent.",
        "A text message is a str: `message.upper()`.",
    ),
)
async def shout(subject: Subject, world: World) -> Cases:
    """Every text message comes back in capital letters, until the client leaves."""
    async with subject.serve(websocket=True) as served:
        async with world.connect(served) as client:
            await client.upgrade(KEY)
            await client.send(Opcode.TEXT, b"Spam")
            yield saw(
                await client.receive(), 'TEXT unmasked "SPAM"', "a message comes back in capitals"
            )
            word = world.random.choice(("eggs", "bacon", "sausage", "lobster", "beans", "porridge"))
            await client.send(Opcode.TEXT, word.encode())
            yield saw(
                await client.receive(),
                f'TEXT unmasked "{word.upper()}"',
                "the second message is answered, too",
                hint="a handler that returns ends the connection: loop over the messages",
            )
            await client.send(Opcode.CLOSE, GOODBYE)
            yield saw(
                [await client.receive(), await client.receive()],
                ["CLOSE unmasked 1000", "end of stream"],
                "the handler ends when the client leaves",
            )
        async with world.connect(served) as silent, world.connect(served) as other:
            await silent.upgrade(KEY)
            await other.upgrade(KEY)
            await other.send(Opcode.TEXT, "grüezi".encode())
            yield saw(
                await other.receive(),
                'TEXT unmasked "GRÜEZI"',
                "a client is served while another one is silent",
                hint="keep nothing of one connection for another",
            )

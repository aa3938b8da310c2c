"""Checks the answer to the opening handshake: exercise 01.1."""

from __future__ import annotations

from base64 import b64encode

from labkit.checks.cases import equal
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.protocol.handshake import accept_key as accept_key_of


@exercise(
    "01.1",
    symbol="accept_key",
    points=1,
    hints=(
        "Three steps: put the key and the GUID together, hash them, write the hash as base64.",
        "The hash is SHA-1, taken as raw bytes: `hashlib.sha1(...).digest()`, not `hexdigest()`.",
        "The key is hashed as the text it is: `base64.b64encode(hashlib.sha1((key + GUID)"
        ".encode()).digest()).decode()`.",
    ),
)
async def accept_key(subject: Subject, world: World) -> Cases:
    """The answer to a client's key is the base64 of the SHA-1 of the key and the GUID."""
    yield equal(
        await subject.call("dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "the key of RFC 6455 §1.3 gives the RFC's answer",
        hint="key + GUID, as text → SHA-1, as raw bytes → base64, as text",
    )
    key = b64encode(world.random.randbytes(16)).decode()
    yield equal(
        await subject.call(key),
        accept_key_of(key),
        "a key nobody has seen before gives its own answer",
        hint="the answer depends on the argument `key` and on nothing else",
    )

"""Checks what is read from a packet of Socket.IO: exercise 02.6."""

from __future__ import annotations

import json

from labkit.checks import plain
from labkit.checks.cases import agrees, equal
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import Subject
from labkit.checks.world import World


@exercise(
    "02.6",
    symbol="parse_packet",
    points=2,
    hints=(
        "Three parts: two digits that say what it is, the number if there is one, and JSON.",
        "The JSON begins at the first `[`: `start = text.find('[')`. What stands between the two "
        "digits and that is the number.",
        "`json.loads(text[start:])` gives a list. Of an event, `pop(0)` takes the name off; of an "
        "acknowledgement, all of it are arguments.",
    ),
)
async def parse_packet(subject: Subject, world: World) -> Cases:
    """A packet is an event or an acknowledgement, with a number or without."""
    yield equal(
        await subject.call('427["order","tea",2]'),
        packet("order", "tea", 2, ack=7),
        "an event that wants acknowledgement 7",
    )
    yield equal(
        await subject.call('42["order","tea",2]'),
        packet("order", "tea", 2),
        "an event that wants none",
        hint="nothing between the two digits and `[` means None",
    )
    dish = "".join(world.random.choices("abcdefgh", k=6))
    number = world.random.randrange(1000, 10_000)
    yield equal(
        await subject.call(f'42{number}["order","{dish}"]'),
        packet("order", dish, ack=number),
        "the number of an acknowledgement may have several digits",
    )
    yield equal(
        await subject.call('420["order"]'),
        packet("order", ack=0),
        "0 is a number, too",
        hint="ask whether there are digits, not whether the number is true",
    )
    yield equal(
        await subject.call('437["on its way"]'),
        packet(None, "on its way", ack=7),
        "an acknowledgement has no event",
        hint="`43`: all of the array are arguments",
    )
    nested: list[plain.Plain] = [{"dish": "tea, hot", "sizes": [1, 2]}, None, "[ouch]"]
    yield equal(
        await subject.call(f"42{json.dumps(['order', *nested])}"),
        packet("order", *nested),
        "an argument may be any JSON, with commas and brackets in it",
        hint="`json.loads` reads the array whole",
    )
    yield await agrees(
        subject,
        [((text,), None) for text in ("2", "3", "40", '0{"sid":"x"}', "41", "3probe", "")],
        "everything else is None",
    )


def packet(event: str | None, *arguments: plain.Plain, ack: int | None = None) -> plain.Plain:
    """Return what an answer should return.

    >>> packet("order", "tea", ack=7)
    {'event': 'order', 'arguments': ['tea'], 'ack': 7}
    """
    return {"event": event, "arguments": list(arguments), "ack": ack}

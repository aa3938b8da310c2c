"""Checks clients, against a server of the check's own: exercises 02.2 to 02.4."""

from __future__ import annotations

import struct

from labkit.checks.advice import advice
from labkit.checks.cases import Case, equal, raises, saw
from labkit.checks.lesson02.dictionary import open_dictionary
from labkit.checks.messages import Gone, Waiting
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import HORIZON_S, Subject
from labkit.checks.world import World
from labkit.protocol.frames import Opcode

DISHES = ("eggs", "bacon", "sausage", "lobster", "beans", "porridge", "toast", "kippers")
# In virtual seconds: somebody's patience, when the news comes, and how exact a patience is.
LONG_S, LATE_S = 60.0, 0.8
PATIENCE_S, MARGIN_S = 0.5, 0.1
TOO_HASTY = Gone("it gave up before its `patience` had ended")
GOING_AWAY = struct.pack("!H", 1001)


@exercise(
    "02.2",
    symbol="ask",
    points=2,
    hints=(
        "`async with connect(address) as connection:` opens a connection, and closes it at the "
        "block's end.",
        "In the block: send, then receive. Both are coroutines, so both need an `await`.",
        "`return await connection.recv()` may stand inside the block: the connection is closed all "
        "the same.",
    ),
)
async def ask(subject: Subject, world: World) -> Cases:
    """The question goes out, the answer comes back, and the connection is closed."""
    async with world.listen() as inn:
        async with subject.run(inn.address, "What is on the menu?") as running:
            guest = await inn.guest(running)
            await guest.admit()
            yield saw(
                await guest.receive(), 'TEXT masked "What is on the menu?"', "the question is sent"
            )
            await guest.send(Opcode.TEXT, b"Spam, eggs and spam")
            yield equal(
                await running.outcome(),
                "Spam, eggs and spam",
                "the answer is what the server sent",
                hint="return what `await connection.recv()` gives, and receive inside the "
                "`async with`: behind it the connection is closed",
            )
            yield closed(await guest.receive(), "it closes the connection when it has its answer")
        question, answer = f"A table for {world.random.randrange(2, 99)}?", "At eight"
        async with subject.run(f"{inn.address}/counter", question) as running:
            guest = await inn.guest(running)
            yield saw(await guest.admit(), "GET /counter", "it connects to the address it is given")
            yield saw(await guest.receive(), f'TEXT masked "{question}"', "another question")
            await guest.send(Opcode.TEXT, answer.encode())
            yield equal(await running.outcome(), answer, "and another answer")
        async with subject.run(inn.address, question) as running:
            guest = await inn.guest(running)
            await guest.admit()
            await guest.receive()
            cancelled = await running.cancel()
            yield closed(await guest.receive(), "it closes the connection if it is cancelled")
            yield raises(
                cancelled,
                "CancelledError",
                [],
                "a call that is cancelled ends as cancelled",
                hint="let `asyncio.CancelledError` through, or raise it again: a task that "
                "swallows it cannot be ended",
            )


@exercise(
    "02.3",
    symbol="first_news",
    points=2,
    hints=(
        "Three things may come first: a message, the end of your patience, the end of the "
        "connection.",
        "`async with asyncio.timeout(patience):` around `await connection.recv()`, and `try` "
        "around both.",
        "`except (TimeoutError, websockets.ConnectionClosed): return None`, inside the "
        "`async with connect(address)`.",
    ),
)
async def first_news(subject: Subject, world: World) -> Cases:
    """The first message is returned at once; without one, None, and not too late."""
    async with world.listen() as inn:
        async with subject.run(inn.address, LONG_S) as running:
            guest = await inn.guest(running)
            await guest.admit()
            early = await running.outcome(LATE_S)
            await guest.send(Opcode.TEXT, b"Spam is out")
            yield equal(
                TOO_HASTY if early is None else await running.outcome(),
                "Spam is out",
                "news is returned as soon as it is there",
                hint="as long as it may take is in `patience`"
                if early is None
                else "`recv()` returns at the first message; wait for nothing else",
            )
            yield closed(await guest.receive(), "it closes the connection when it has its news")
        async with subject.run(inn.address, PATIENCE_S) as running:
            guest = await inn.guest(running)
            await guest.admit()
            early = await running.outcome(PATIENCE_S - MARGIN_S)
            outcome = TOO_HASTY if early is None else await running.outcome(2 * MARGIN_S)
            if isinstance(outcome, Waiting):
                outcome = Gone(f"when its `patience` has ended, {outcome}")
                await running.cancel()
            yield equal(
                outcome,
                None,
                "without news it returns None when its patience ends",
                hint="`async with asyncio.timeout(patience):`, with `try` around it",
            )
            yield closed(await guest.receive(), "without news it closes, too")
        async with subject.run(inn.address, LONG_S) as running:
            guest = await inn.guest(running)
            await guest.admit()
            await guest.leave()
            yield equal(
                await running.outcome(),
                None,
                "it returns None if the server leaves first",
                hint="`recv()` raises websockets.ConnectionClosed then",
            )


@exercise(
    "02.4",
    symbol="assist",
    points=2,
    hints=(
        "The client of 02.2, with a loop: `async for word in connection:`.",
        "`look_up` holds the only thread of the event loop until the dictionary has answered. Give "
        "it another one.",
        "`await asyncio.to_thread(look_up, dictionary, word)`: the function and its arguments, "
        "without a call.",
    ),
)
async def assist(subject: Subject, world: World) -> Cases:
    """Every word is looked up, and pings are answered while the dictionary takes its time."""
    words = ["spam", world.random.choice(DISHES)]
    async with (
        open_dictionary() as dictionary,
        world.listen() as inn,
        subject.run(inn.address, dictionary.address) as running,
    ):
        guest = await inn.guest(running)
        await guest.admit()
        await guest.send(Opcode.TEXT, words[0].encode())
        await dictionary.asked_within(HORIZON_S)
        await guest.send(Opcode.PING, b"alive?")
        yield saw(
            await guest.receive(),
            'PONG masked "alive?"',
            "a ping is answered while the dictionary takes its time",
            hint="let another thread wait: give `asyncio.to_thread` the function and, behind it, "
            "its arguments, without calling it",
        )
        dictionary.answer_all()
        yield saw(
            await guest.receive(),
            f'TEXT masked "{dictionary.says(words[0])}"',
            "it asks the dictionary, and sends what that says",
        )
        await guest.send(Opcode.TEXT, words[1].encode())
        yield saw(
            await guest.receive(),
            f'TEXT masked "{dictionary.says(words[1])}"',
            "the second word is answered, too",
            hint="loop over the messages",
        )
        await guest.send(Opcode.CLOSE, GOING_AWAY)
        yield equal(
            await running.outcome(),
            None,
            "it ends when the server leaves",
            hint="`async for` ends by itself then; `recv()` raises websockets.ConnectionClosed",
        )


def closed(seen: str, title: str) -> Case:
    """The client says goodbye. Its code is its own business."""
    hint = "`async with connect(address) as connection:` closes whatever happens"
    if seen.startswith(("TEXT", "BIN")):
        hint = "nobody has asked for that message: send nothing more, and leave"
    return Case(
        title,
        passed=seen.startswith("CLOSE masked"),
        expected="CLOSE masked 1000",
        got=seen,
        hint=advice(seen, hint),
    )

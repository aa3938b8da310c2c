"""Checks clients, against a server of the check's own: exercises 02.2 to 02.4."""

from __future__ import annotations

import asyncio
import struct

from labkit.checks.advice import advice
from labkit.checks.cases import Case, equal, saw
from labkit.checks.lesson02.dictionary import open_dictionary
from labkit.checks.messages import Gone
from labkit.checks.patience import HORIZON_S
from labkit.checks.registry import Cases, exercise
from labkit.checks.subject import Running, Subject
from labkit.checks.world import World
from labkit.protocol.frames import Opcode

DISHES = ("eggs", "bacon", "sausage", "lobster", "beans", "porridge", "toast", "kippers")
# Short enough to be waited for in vain.
SHORT_S = 0.02
LOOKS, LOOK_S = 5, 0.004
TOO_PATIENT = Gone("it waits longer than its `patience`")
# Nobody waits as long as this for news that are there.
LONG_S = 5.0
NO_GOODBYE = "end of stream"
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
            await running.cancel()
            yield closed(await guest.receive(), "it closes the connection if it is cancelled")


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
            wakes_s = (await running.settle()).wakes_s
            if wakes_s is not None and wakes_s <= SHORT_S:
                # Who always waits as little as this gives up now.
                await asyncio.sleep(1.5 * SHORT_S)
            await guest.send(Opcode.TEXT, b"Spam is out")
            yield equal(
                await running.outcome(),
                "Spam is out",
                "news is returned as soon as it is there",
                hint="`recv()` returns at the first message; wait for nothing else",
            )
            yield closed(await guest.receive(), "it closes the connection when it has its news")
        for patience_s in (SHORT_S, 10 * SHORT_S):
            async with subject.run(inn.address, patience_s) as running:
                guest = await inn.guest(running)
                await guest.admit()
                is_late = await waits_longer_than(patience_s, running)
                if is_late:
                    await running.cancel()
                outcome = TOO_PATIENT if is_late else await running.outcome()
                goodbye = await guest.receive()
                if goodbye == NO_GOODBYE and patience_s == SHORT_S:
                    # On a busy machine, the handshake may take all of its patience.
                    continue
                yield equal(
                    outcome,
                    None,
                    "without news it returns None when its patience ends",
                    hint="`async with asyncio.timeout(patience):`, with `try` around it",
                )
                yield closed(goodbye, "without news it closes, too")
                break
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
        await running.patience.wait(dictionary.asked_within, running.settle)
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


async def waits_longer_than(seconds: float, running: Running) -> bool:
    """Whether an answer that waits means to do so for longer than ``seconds``.

    Asked of its timers, and more than once: one that is seen while it still connects is another.
    What it does in over a second is the library's business.
    """
    late = 0
    for _ in range(LOOKS):
        wakes_s = (await running.settle()).wakes_s
        if wakes_s is None:
            break
        late += seconds < wakes_s <= HORIZON_S
        await asyncio.sleep(LOOK_S)
    return late > LOOKS // 2


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

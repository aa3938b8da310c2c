"""Answers that run in a loop, right and wrong: clients and handlers, and what is told of each.

The two checks are small ones of these tests. A text that a verdict must show stands beside each
wrong answer; it is chosen so that a learner can act on it.
"""

from __future__ import annotations

import struct
from textwrap import dedent

from labkit.checks.cases import equal
from labkit.checks.registry import Cases, Exercise
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.protocol.frames import Opcode

ACCEPTED = "HTTP 101, accept ICX+Yqv66kxgM0FcWaLWlFLwTAI="


async def _check_ask(subject: Subject, world: World) -> Cases:
    """One question, one answer."""
    async with (
        world.listen() as inn,
        subject.run(f"{inn.address}/kitchen", "Spam?") as running,
    ):
        guest = await inn.guest(running)
        yield equal(await guest.admit(), "GET /kitchen", "it connects")
        yield equal(await guest.receive(), 'TEXT masked "Spam?"', "it sends the question")
        await guest.send(Opcode.TEXT, b"Eggs.")
        yield equal(await guest.receive(), "CLOSE masked 1000", "it closes the connection")
        yield equal(await running.outcome(), "Eggs.", "it returns the answer")


async def _check_shout(subject: Subject, world: World) -> Cases:
    """Every text comes back in capitals."""
    async with (
        subject.serve(websocket=True) as served,
        world.connect(served) as one,
        world.connect(served) as two,
    ):
        yield equal(await one.upgrade(), ACCEPTED, "it is open")
        await two.upgrade()
        await one.send(Opcode.TEXT, b"spam")
        yield equal(await one.receive(), 'TEXT unmasked "SPAM"', "the first text comes back")
        await one.send(Opcode.TEXT, b"eggs")
        yield equal(await one.receive(), 'TEXT unmasked "EGGS"', "the second one, too")
        await two.send(Opcode.TEXT, b"ham")
        yield equal(await two.receive(), 'TEXT unmasked "HAM"', "another client is served")
        await one.send(Opcode.CLOSE, struct.pack("!H", 1000))
        yield equal(
            [await one.receive(), await one.receive()],
            ["CLOSE unmasked 1000", "end of stream"],
            "a goodbye is answered",
        )


_HINTS = ("a nudge", "the way", "nearly the answer")
ASK = Exercise("91.1", "ask", 2, _HINTS, "One question, one answer.", _check_ask)
SHOUT = Exercise("91.2", "shout", 2, _HINTS, "Every text comes back.", _check_shout)


def _cell(source: str) -> str:
    return "import asyncio, time\nfrom websockets import connect\n" + dedent(source).strip()


RIGHT: list[tuple[Exercise, str, str]] = [
    (
        ASK,
        "leaves the closing to the block",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await connection.send(question)
                    return await connection.recv()
        """),
    ),
    (
        ASK,
        "closes by hand, and has a deadline",
        _cell("""
            async def ask(address, question):
                connection = await connect(address, compression=None)
                try:
                    await connection.send(question)
                    return await asyncio.wait_for(connection.recv(), 0.5)
                finally:
                    await connection.close()
        """),
    ),
    (
        ASK,
        "thinks in a thread, and after a pause",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await asyncio.to_thread(time.sleep, 0.1)
                    await asyncio.sleep(0.1)
                    await connection.send(question)
                    return await connection.recv()
        """),
    ),
    (
        ASK,
        "takes seven seconds",
        _cell("""
            async def ask(address, question):
                await asyncio.sleep(3)
                async with connect(address) as connection:
                    await asyncio.sleep(4)
                    await connection.send(question)
                    return await connection.recv()
        """),
    ),
    (
        ASK,
        "hands over its turn a thousand times",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    for _ in range(1000):
                        await asyncio.sleep(0)
                    await connection.send(question)
                    return await connection.recv()
        """),
    ),
    (
        SHOUT,
        "takes its time",
        _cell("""
            async def shout(connection):
                async for message in connection:
                    await asyncio.sleep(5)
                    await connection.send(message.upper())
        """),
    ),
    (
        SHOUT,
        "iterates",
        _cell("""
            async def shout(connection):
                async for message in connection:
                    await connection.send(message.upper())
        """),
    ),
    (
        SHOUT,
        "lets the end of the connection out",
        _cell("""
            async def shout(connection):
                while True:
                    await connection.send((await connection.recv()).upper())
        """),
    ),
]

#: Exercise, what the answer does, its source, and what its verdict must show.
WRONG: list[tuple[Exercise, str, str, str]] = [
    (
        ASK,
        "forgets to receive",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await connection.send(question)
        """),
        "got       None   (expected str, got None: is a `return` missing?)",
    ),
    (
        ASK,
        "receives twice",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await connection.send(question)
                    await connection.recv()
                    return await connection.recv()
        """),
        "got       'nothing: it waits at line 7: `return await connection.recv()`'",
    ),
    (
        ASK,
        "forgets to send",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    return await connection.recv()
        """),
        "got       'nothing: it waits at line 5: `return await connection.recv()`'",
    ),
    (
        ASK,
        "forgets to await the send",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    connection.send(question)
                    return await connection.recv()
        """),
        "printed   coroutine 'Connection.send' was never awaited (line 5: "
        "`connection.send(question)`)",
    ),
    (
        ASK,
        "never closes",
        _cell("""
            async def ask(address, question):
                connection = await connect(address)
                await connection.send(question)
                return await connection.recv()
        """),
        "got       \"nothing: it returned 'Eggs.'\"",
    ),
    (
        ASK,
        "returns the connection",
        _cell("""
            async def ask(address, question):
                connection = await connect(address)
                await connection.send(question)
                return connection
        """),
        "got       'nothing: it returned <a ClientConnection>'",
    ),
    (
        ASK,
        "returns a coroutine",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await connection.send(question)
                    return connection.recv()
        """),
        "got       expected str, got a coroutine: is an `await` missing?",
    ),
    (
        ASK,
        "raises",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await connection.send(question)
                    return (await connection.recv())[99]
        """),
        "got       'CLOSE masked 1011'\n"
        "     raised    it raised IndexError: string index out of range (line 6: ",
    ),
    (
        ASK,
        "raises before it connects",
        _cell("""
            async def ask(address, question):
                async with connect(address["kitchen"]) as connection:
                    await connection.send(question)
        """),
        "got       'nothing: it raised TypeError: string indices must be integers",
    ),
    (
        ASK,
        "connects elsewhere",
        _cell("""
            async def ask(address, question):
                async with connect(address.replace("kitchen", "bar")) as connection:
                    await connection.send(question)
                    return await connection.recv()
        """),
        "got       'GET /bar'",
    ),
    (
        ASK,
        "does not connect",
        _cell("""
            async def ask(address, question):
                return "Eggs."
        """),
        "got       \"nothing: it returned 'Eggs.'\"",
    ),
    (
        ASK,
        "asks for no upgrade",
        _cell("""
            async def ask(address, question):
                host, port = address[5:].partition("/")[0].split(":")
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(b"GET / HTTP/1.1\\r\\nHost: here\\r\\n\\r\\n")
                await reader.read()
        """),
        'got       "a request that is refused with HTTP 426',
    ),
    (
        ASK,
        "takes the wrong arguments",
        _cell("""
            async def ask(address):
                async with connect(address) as connection:
                    return await connection.recv()
        """),
        "got       'nothing: it raised TypeError: ask() takes 1 positional argument but 2 were",
    ),
    (
        ASK,
        "is not a coroutine function",
        _cell("""
            def ask(address, question):
                return "Eggs."
        """),
        "got       'nothing: `ask` is not a coroutine function: write `async def ask`'",
    ),
    (
        ASK,
        "sends another text",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await connection.send(question.upper())
                    return await connection.recv()
        """),
        "got       'TEXT masked \"SPAM?\"'",
    ),
    (
        ASK,
        "sleeps for a minute",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await asyncio.sleep(60)
        """),
        "got       'nothing: it waits at line 5: `await asyncio.sleep(60)`'",
    ),
    (
        ASK,
        "leaves after a short time",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    await asyncio.sleep(0.1)
        """),
        "got       'CLOSE masked 1000'",
    ),
    (
        ASK,
        "blocks",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    time.sleep(60)
        """),
        "got       'it blocks the event loop at line 5: `time.sleep(60)`'",
    ),
    (
        ASK,
        "blocks for a moment",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    time.sleep(0.001)
                    await connection.send(question)
                    return await connection.recv()
        """),
        "got       'it blocks the event loop at line 5: `time.sleep(0.001)`'",
    ),
    (
        ASK,
        "hands over its turn for ever",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    while True: await asyncio.sleep(0)
        """),
        "got       'nothing: it waits at line 5: `while True: await asyncio.sleep(0)`'",
    ),
    (
        ASK,
        "counts for ever",
        _cell("""
            async def ask(address, question):
                async with connect(address) as connection:
                    while True: question += ""
        """),
        "got       'it blocks the event loop at line 5: `while True: question += \"\"`'",
    ),
    (
        SHOUT,
        "answers once only",
        _cell("""
            async def shout(connection):
                await connection.send((await connection.recv()).upper())
        """),
        "got       'CLOSE unmasked 1000'",
    ),
    (
        SHOUT,
        "raises",
        _cell("""
            async def shout(connection):
                async for message in connection:
                    await connection.send(message.shout())
        """),
        "raised    it raised AttributeError: 'str' object has no attribute 'shout' (line 5: ",
    ),
    (
        SHOUT,
        "forgets to await the send",
        _cell("""
            async def shout(connection):
                async for message in connection:
                    connection.send(message.upper())
        """),
        "printed   coroutine 'Connection.send' was never awaited (line 5: "
        "`connection.send(message.upper())`)",
    ),
    (
        SHOUT,
        "answers in the wrong order",
        _cell("""
            async def shout(connection):
                first = await connection.recv()
                async for message in connection:
                    await connection.send(message.upper())
                    await connection.send(first.upper())
        """),
        "got       'nothing: it waits for more'",
    ),
    (
        SHOUT,
        "sleeps for a minute",
        _cell("""
            async def shout(connection):
                async for message in connection:
                    await asyncio.sleep(60)
                    await connection.send(message.upper())
        """),
        "got       'nothing: it waits for more'",
    ),
    (
        SHOUT,
        "takes a reader and a writer",
        _cell("""
            async def shout(reader, writer):
                pass
        """),
        "raised    it raised TypeError: shout() missing 1 required positional argument: 'writer'",
    ),
    (
        SHOUT,
        "is not a coroutine function",
        _cell("""
            def shout(connection):
                pass
        """),
        "got       '`shout` is not a coroutine function: write `async def shout`'",
    ),
    (
        SHOUT,
        "blocks",
        _cell("""
            async def shout(connection):
                async for message in connection:
                    time.sleep(60)
        """),
        "got       'it blocks the event loop at line 5: `time.sleep(60)`'",
    ),
]

STUBS = [
    (ASK, "async def ask(address, question):\n    raise NotImplementedError('exercise 91.1')"),
    (SHOUT, "async def shout(connection):\n    raise NotImplementedError('exercise 91.2')"),
]

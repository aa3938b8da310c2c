"""Answers that people give to the exercises of lesson 02: wrong ones, and right ones.

``WRONG`` holds, for each exercise, the source of an answer and a text that its verdict must show;
``RIGHT`` the sources of answers that must pass. Every source stands on its own.
"""

from __future__ import annotations

from textwrap import dedent

GIVEN = """
import asyncio, json, re, time, urllib.request
import websockets
from websockets import connect, serve

def look_up(dictionary, word):
    with urllib.request.urlopen(f"{dictionary}/{word}", timeout=5) as answer:
        return answer.read().decode()
"""


def _given(source: str) -> str:
    """Return ``source`` below what the exercises' notebook gives."""
    return GIVEN + dedent(source)


RIGHT: dict[str, dict[str, str]] = {
    "02.1": {
        "receives until the connection is closed": _given("""
            async def shout(connection):
                try:
                    while True:
                        await connection.send((await connection.recv()).upper())
                except websockets.ConnectionClosed:
                    pass
        """),
        "lets the end of the connection pass": _given("""
            async def shout(ws):
                while True:
                    text = await ws.recv()
                    await ws.send(str.upper(text))
        """),
    },
    "02.2": {
        "closes in a finally clause": _given("""
            async def ask(address, question):
                connection = await connect(address)
                try:
                    await connection.send(question)
                    return await connection.recv()
                finally:
                    await connection.close()
        """),
        "returns after the block": _given("""
            async def ask(address, question):
                async with websockets.connect(address, open_timeout=5) as ws:
                    await ws.send(question)
                    answer = await asyncio.wait_for(ws.recv(), 5)
                return answer
        """),
        "takes the first of all messages": _given("""
            async def ask(address, question):
                async with connect(address, compression=None, ping_interval=None) as ws:
                    await ws.send(question)
                    async for message in ws:
                        return message
        """),
    },
    "02.3": {
        "waits with wait_for": _given("""
            async def first_news(address, patience):
                async with connect(address) as ws:
                    try:
                        return await asyncio.wait_for(ws.recv(), timeout=patience)
                    except (asyncio.TimeoutError, websockets.ConnectionClosed):
                        return None
        """),
        "waits for a task": _given("""
            async def first_news(address, patience):
                async with connect(address) as ws:
                    task = asyncio.create_task(ws.recv())
                    done, pending = await asyncio.wait({task}, timeout=patience)
                    if pending:
                        task.cancel()
                        return None
                    return None if task.exception() else task.result()
        """),
        "looks again and again": _given("""
            async def first_news(address, patience):
                ends = time.monotonic() + patience
                async with connect(address) as ws:
                    while (left := ends - time.monotonic()) > 0:
                        try:
                            return await asyncio.wait_for(ws.recv(), min(left, 0.01))
                        except TimeoutError:
                            continue
                        except websockets.ConnectionClosed:
                            return None
        """),
        "catches around the whole": _given("""
            async def first_news(address, patience):
                try:
                    async with connect(address) as ws, asyncio.timeout(patience):
                        return await ws.recv()
                except (TimeoutError, websockets.ConnectionClosed):
                    return None
        """),
    },
    "02.4": {
        "asks an executor": _given("""
            async def assist(address, dictionary):
                loop = asyncio.get_running_loop()
                async with connect(address) as ws:
                    async for word in ws:
                        await ws.send(await loop.run_in_executor(None, look_up, dictionary, word))
        """),
        "answers each word in a task": _given("""
            async def assist(address, dictionary):
                async def answer(ws, word):
                    await ws.send(await asyncio.to_thread(look_up, dictionary, word))

                async with connect(address) as ws, asyncio.TaskGroup() as answers:
                    async for word in ws:
                        answers.create_task(answer(ws, word))
        """),
    },
    "02.5": {
        "writes the size as a product": _given("""
            def options():
                return dict(
                    max_size=64 * 1024, subprotocols=("chat.v2", "chat.v1"), compression=None,
                    origins=[None, "https://shop.example"], ping_interval=10.0,
                )
        """),
        "sets more than was asked for": _given("""
            def options():
                return {
                    "max_size": 2**16, "subprotocols": ["chat.v2", "chat.v1"],
                    "origins": ["https://shop.example", None], "compression": None,
                    "ping_interval": 10, "ping_timeout": 10, "close_timeout": 1, "max_queue": 8,
                }
        """),
    },
    "02.6": {
        "takes it apart with a pattern": _given(r"""
            def parse_packet(text):
                match = re.fullmatch(r"4([23])(\d*)(\[.*\])", text, re.DOTALL)
                if not match:
                    return None
                kind, number, array = match.groups()
                items = json.loads(array)
                event, arguments = (items[0], items[1:]) if kind == "2" else (None, items)
                ack = int(number) if number else None
                return {"ack": ack, "arguments": arguments, "event": event}
        """),
        "counts the digits": _given("""
            def parse_packet(text):
                if not text.startswith(("42", "43")):
                    return None
                digits, rest = "", text[2:]
                while rest[0].isdigit():
                    digits, rest = digits + rest[0], rest[1:]
                values = json.loads(rest)
                return {
                    "event": values.pop(0) if text[1] == "2" else None,
                    "arguments": values,
                    "ack": int(digits) if digits else None,
                }
        """),
    },
}

WRONG: dict[str, dict[str, tuple[str, str]]] = {
    "02.1": {
        "answers once": (
            _given("""
                async def shout(connection):
                    await connection.send((await connection.recv()).upper())
            """),
            "the second message is answered, too",
        ),
        "forgets to await the send": (
            _given("""
                async def shout(connection):
                    async for message in connection:
                        connection.send(message.upper())
            """),
            "nothing: it waits",
        ),
        "is not a coroutine function": (
            _given("""
                def shout(connection):
                    for message in connection:
                        connection.send(message.upper())
            """),
            "`shout` is not a coroutine function: write `async def shout`",
        ),
        "sends the message back as it is": (
            _given("""
                async def shout(connection):
                    async for message in connection:
                        await connection.send(message)
            """),
            'TEXT unmasked "Spam"',
        ),
        "sends bytes": (
            _given("""
                async def shout(connection):
                    async for message in connection:
                        await connection.send(message.upper().encode())
            """),
            "BIN unmasked",
        ),
        "has the two arguments of old": (
            _given("""
                async def shout(websocket, path):
                    async for message in websocket:
                        await websocket.send(message.upper())
            """),
            "missing 1 required positional argument: 'path'",
        ),
        "keeps what the last client said": (
            _given("""
                said = []

                async def shout(connection):
                    async for message in connection:
                        said.append(message)
                        await connection.send(said[0].upper())
            """),
            "the second message is answered, too",
        ),
        "knows one word": (
            _given("""
                async def shout(connection):
                    async for message in connection:
                        await connection.send("SPAM")
            """),
            "the second message is answered, too",
        ),
    },
    "02.2": {
        "forgets to receive": (
            _given("""
                async def ask(address, question):
                    async with connect(address) as connection:
                        await connection.send(question)
            """),
            "the answer is what the server sent",
        ),
        "receives before it asks": (
            _given("""
                async def ask(address, question):
                    async with connect(address) as connection:
                        answer = await connection.recv()
                        await connection.send(question)
                        return answer
            """),
            "it waits at line",
        ),
        "asks somebody else": (
            _given("""
                async def ask(address, question):
                    async with connect("ws://127.0.0.1:9") as connection:
                        await connection.send(question)
                        return await connection.recv()
            """),
            "ConnectionRefusedError",
        ),
        "asks twice": (
            _given("""
                async def ask(address, question):
                    async with connect(address) as connection:
                        await connection.send(question)
                        answer = await connection.recv()
                        await connection.send(question)
                        return answer
            """),
            "send nothing more, and leave",
        ),
        "takes connect for the connection": (
            _given("""
                async def ask(address, question):
                    connection = connect(address)
                    await connection.send(question)
                    return await connection.recv()
            """),
            "`async with connect(…) as connection:`",
        ),
        "forgets the async": (
            _given("""
                async def ask(address, question):
                    with connect(address) as connection:
                        await connection.send(question)
                        return await connection.recv()
            """),
            "`async with connect(…) as connection:`",
        ),
        "leaves the connection open": (
            _given("""
                kept = []

                async def ask(address, question):
                    connection = await connect(address)
                    kept.append(connection)
                    await connection.send(question)
                    return await connection.recv()
            """),
            "it closes the connection when it has its answer",
        ),
        "closes if nothing happens before": (
            _given("""
                async def ask(address, question):
                    connection = await connect(address)
                    await connection.send(question)
                    answer = await connection.recv()
                    await connection.close()
                    return answer
            """),
            "it closes the connection if it is cancelled",
        ),
        "receives behind the block": (
            _given("""
                async def ask(address, question):
                    async with connect(address) as connection:
                        await connection.send(question)
                    return await connection.recv()
            """),
            "receive inside the `async with`",
        ),
        "forgets to await": (
            _given("""
                async def ask(address, question):
                    async with connect(address) as connection:
                        await connection.send(question)
                        return connection.recv()
            """),
            "expected str, got a coroutine",
        ),
        "calls asyncio.run": (
            _given("""
                async def _ask(address, question):
                    async with connect(address) as connection:
                        await connection.send(question)
                        return await connection.recv()

                def ask(address, question):
                    return asyncio.run(_ask(address, question))
            """),
            "`ask` is not a coroutine function: write `async def ask`",
        ),
        "asks always the same": (
            _given("""
                async def ask(address, question):
                    async with connect(address) as connection:
                        await connection.send("What is on the menu?")
                        return await connection.recv()
            """),
            'expected  TEXT masked "A table for ',
        ),
        "swallows its cancellation": (
            _given("""
                async def ask(address, question):
                    async with connect(address) as connection:
                        await connection.send(question)
                        try:
                            return await connection.recv()
                        except asyncio.CancelledError:
                            return None
            """),
            "a call that is cancelled ends as cancelled",
        ),
    },
    "02.3": {
        "waits for ever": (
            _given("""
                async def first_news(address, patience):
                    async with connect(address) as ws:
                        return await ws.recv()
            """),
            "it waits at line",
        ),
        "lets the timeout out": (
            _given("""
                async def first_news(address, patience):
                    async with connect(address) as ws:
                        async with asyncio.timeout(patience):
                            return await ws.recv()
            """),
            "it raised TimeoutError",
        ),
        "lets the end of the connection out": (
            _given("""
                async def first_news(address, patience):
                    async with connect(address) as ws:
                        try:
                            async with asyncio.timeout(patience):
                                return await ws.recv()
                        except TimeoutError:
                            return None
            """),
            "it raised ConnectionClosed",
        ),
        "has a patience of its own": (
            _given("""
                async def first_news(address, patience):
                    async with connect(address) as ws:
                        try:
                            return await asyncio.wait_for(ws.recv(), 0.5)
                        except (TimeoutError, websockets.ConnectionClosed):
                            return None
            """),
            "it gave up before its `patience` had ended",
        ),
        "gives up at half its patience": (
            _given("""
                async def first_news(address, patience):
                    async with connect(address) as ws:
                        try:
                            return await asyncio.wait_for(ws.recv(), patience / 2)
                        except (TimeoutError, websockets.ConnectionClosed):
                            return None
            """),
            "without news it returns None when its patience ends",
        ),
        "has next to no patience": (
            _given("""
                async def first_news(address, patience):
                    async with connect(address) as ws:
                        try:
                            return await asyncio.wait_for(ws.recv(), 0.01)
                        except (TimeoutError, websockets.ConnectionClosed):
                            return None
            """),
            "news is returned as soon as it is there",
        ),
        "always waits to the end": (
            _given("""
                async def first_news(address, patience):
                    async with connect(address) as ws:
                        await asyncio.sleep(patience)
                        try:
                            return await asyncio.wait_for(ws.recv(), 0.01)
                        except (TimeoutError, websockets.ConnectionClosed):
                            return None
            """),
            "news is returned as soon as it is there",
        ),
        "never waits": (
            _given("""
                async def first_news(address, patience):
                    async with connect(address) as ws:
                        await ws.close()
                        return None
            """),
            "news is returned as soon as it is there",
        ),
        "leaves the connection open": (
            _given("""
                kept = []

                async def first_news(address, patience):
                    ws = await connect(address)
                    kept.append(ws)
                    try:
                        return await asyncio.wait_for(ws.recv(), patience)
                    except (TimeoutError, websockets.ConnectionClosed):
                        return None
            """),
            "it closes the connection",
        ),
    },
    "02.4": {
        "blocks": (
            _given("""
                async def assist(address, dictionary):
                    async with connect(address) as connection:
                        async for word in connection:
                            await connection.send(look_up(dictionary, word))
            """),
            "blocks the event loop",
        ),
        "starts a thread and waits for it there": (
            _given("""
                import threading

                async def assist(address, dictionary):
                    async with connect(address) as connection:
                        async for word in connection:
                            found = []
                            ask = lambda: found.append(look_up(dictionary, word))
                            thread = threading.Thread(target=ask)
                            thread.start()
                            thread.join()
                            await connection.send(found[0])
            """),
            "blocks the event loop",
        ),
        "calls the function before the thread does": (
            _given("""
                async def assist(address, dictionary):
                    async with connect(address) as connection:
                        async for word in connection:
                            answer = await asyncio.to_thread(look_up(dictionary, word))
                            await connection.send(answer)
            """),
            "blocks the event loop",
        ),
        "sleeps before it blocks": (
            _given("""
                async def assist(address, dictionary):
                    async with connect(address) as connection:
                        async for word in connection:
                            await asyncio.sleep(0.02)
                            await connection.send(look_up(dictionary, word))
            """),
            "blocks the event loop",
        ),
        "answers one word": (
            _given("""
                async def assist(address, dictionary):
                    async with connect(address) as connection:
                        word = await connection.recv()
                        await connection.send(await asyncio.to_thread(look_up, dictionary, word))
            """),
            "the second word is answered, too",
        ),
        "sends the coroutine": (
            _given("""
                async def assist(address, dictionary):
                    async with connect(address) as connection:
                        async for word in connection:
                            await connection.send(asyncio.to_thread(look_up, dictionary, word))
            """),
            "TypeError",
        ),
        "sends the word back": (
            _given("""
                async def assist(address, dictionary):
                    async with connect(address) as connection:
                        async for word in connection:
                            await connection.send(word)
            """),
            "a ping is answered while the dictionary takes its time",
        ),
    },
    "02.5": {
        "takes the defaults": (
            "def options():\n    return {}",
            "elsewhere: open",
        ),
        "leaves the size alone": (
            _given("""
                def options():
                    return {
                        "subprotocols": ["chat.v2", "chat.v1"], "compression": None,
                        "origins": ["https://shop.example", None], "ping_interval": 10,
                    }
            """),
            "a message of 65,537 bytes is refused with 1009",
        ),
        "writes the size as text": (
            _given("""
                def options():
                    return {"max_size": "64 KiB", "compression": None}
            """),
            "max_size",
        ),
        "uses the name of another library": (
            _given("""
                def options():
                    return {"maxPayload": 65536, "compression": None}
            """),
            "`serve` has no option `maxPayload`",
        ),
        "prefers the old version": (
            _given("""
                def options():
                    return {
                        "max_size": 65536, "subprotocols": ["chat.v1", "chat.v2"],
                        "origins": ["https://shop.example", None], "compression": None,
                        "ping_interval": 10,
                    }
            """),
            "chat.v2 is preferred",
        ),
        "lets every page in": (
            _given("""
                def options():
                    return {
                        "max_size": 65536, "subprotocols": ["chat.v2", "chat.v1"],
                        "origins": None, "compression": None, "ping_interval": 10,
                    }
            """),
            "elsewhere: open",
        ),
        "keeps programs out": (
            _given("""
                def options():
                    return {
                        "max_size": 65536, "subprotocols": ["chat.v2", "chat.v1"],
                        "origins": ["https://shop.example"], "compression": None,
                        "ping_interval": 10,
                    }
            """),
            "a program, which sends no Origin, may connect",
        ),
        "compresses": (
            _given("""
                def options():
                    return {
                        "max_size": 65536, "subprotocols": ["chat.v2", "chat.v1"],
                        "origins": ["https://shop.example", None], "ping_interval": 10,
                    }
            """),
            "compression is declined",
        ),
        "forgets to return": (
            _given("""
                def options():
                    {"max_size": 65536, "compression": None}
            """),
            "is a `return` missing?",
        ),
        "pings in milliseconds": (
            _given("""
                def options():
                    return {
                        "max_size": 65536, "subprotocols": ["chat.v2", "chat.v1"],
                        "origins": ["https://shop.example", None], "compression": None,
                        "ping_interval": 10_000,
                    }
            """),
            "a peer is pinged after 10 seconds",
        ),
        "writes a slash behind the origin": (
            _given("""
                def options():
                    return {
                        "max_size": 65536, "subprotocols": ["chat.v2", "chat.v1"],
                        "origins": ["https://shop.example/", None], "compression": None,
                        "ping_interval": 10,
                    }
            """),
            "no slash behind",
        ),
        "returns a set": (
            "def options():\n    return {'max_size', 65536}",
            "`options` returned a set, no dict",
        ),
        "is a coroutine function": (
            _given("""
                async def options():
                    return {"max_size": 65536}
            """),
            "write `def`, not `async def`",
        ),
    },
    "02.6": {
        "reads one digit of the number": (
            _given("""
                def parse_packet(text):
                    if text[:2] not in ("42", "43"):
                        return None
                    ack = int(text[2]) if text[2].isdigit() else None
                    items = json.loads(text[text.index("["):])
                    event = items.pop(0) if text[1] == "2" else None
                    return {"event": event, "arguments": items, "ack": ack}
            """),
            "the number of an acknowledgement may have several digits",
        ),
        "splits at the commas": (
            _given("""
                def parse_packet(text):
                    if text[:2] not in ("42", "43"):
                        return None
                    start = text.index("[")
                    ack = int(text[2:start]) if start > 2 else None
                    items = [item.strip('"') for item in text[start + 1 : -1].split(",")]
                    event = items.pop(0) if text[1] == "2" else None
                    return {"event": event, "arguments": items, "ack": ack}
            """),
            "'2'",
        ),
        "leaves the number as text": (
            _given("""
                def parse_packet(text):
                    if text[:2] not in ("42", "43"):
                        return None
                    start = text.index("[")
                    items = json.loads(text[start:])
                    event = items.pop(0) if text[1] == "2" else None
                    return {"event": event, "arguments": items, "ack": text[2:start] or None}
            """),
            "'ack': '7'",
        ),
        "takes an acknowledgement for an event": (
            _given("""
                def parse_packet(text):
                    if text[:2] not in ("42", "43"):
                        return None
                    start = text.index("[")
                    items = json.loads(text[start:])
                    ack = int(text[2:start]) if start > 2 else None
                    return {"event": items[0], "arguments": items[1:], "ack": ack}
            """),
            "an acknowledgement has no event",
        ),
        "stumbles over a heartbeat": (
            _given("""
                def parse_packet(text):
                    start = text.index("[")
                    items = json.loads(text[start:])
                    ack = int(text[2:start]) if start > 2 else None
                    event = items.pop(0) if text[1] == "2" else None
                    return {"event": event, "arguments": items, "ack": ack}
            """),
            "everything else is None",
        ),
        "takes 0 for no number": (
            _given("""
                def parse_packet(text):
                    if text[:2] not in ("42", "43"):
                        return None
                    start = text.index("[")
                    items = json.loads(text[start:])
                    event = items.pop(0) if text[1] == "2" else None
                    ack = int(text[2:start] or 0) or None
                    return {"event": event, "arguments": items, "ack": ack}
            """),
            "0 is a number, too",
        ),
    },
}

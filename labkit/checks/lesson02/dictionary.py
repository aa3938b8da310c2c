"""A dictionary over HTTP that takes its time: it answers when it is told to. Judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Dictionary:
    """What ``open_dictionary`` serves. Until ``answer_all``, who asks waits."""

    def __init__(self) -> None:
        self.address = ""
        self._may_answer = asyncio.Event()
        self._is_asked = asyncio.Event()

    def says(self, word: str) -> str:
        """Return the entry for ``word``.

        >>> Dictionary().says("spam")
        'maps'
        """
        return word[::-1]

    async def asked_within(self, seconds: float) -> None:
        """Wait until somebody has asked, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_asked.wait()

    def answer_all(self) -> None:
        """Answer whoever waits, and from now on at once."""
        self._may_answer.set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            self._is_asked.set()
            await self._may_answer.wait()
            word = request.split(b" ", 2)[1].decode().removeprefix("/")
            body = self.says(word).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def open_dictionary() -> AsyncIterator[Dictionary]:
    """Serve a dictionary on a free port of 127.0.0.1. At the end everybody is answered."""
    dictionary = Dictionary()
    server = await asyncio.start_server(dictionary.handle, "127.0.0.1", 0)
    dictionary.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield dictionary
    finally:
        dictionary.answer_all()
        server.close()

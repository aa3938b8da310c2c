"""``labkit serve``: run a server until a signal ends it. Knows no server itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import Annotated

import typer

from labkit.servers import serving


def register(app: typer.Typer) -> None:
    """Add ``labkit serve`` to the command line."""

    @app.command()
    def serve(
        name: Annotated[str, typer.Argument(help=f"One of {', '.join(serving.SERVERS)}.")],
        host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(help="The port; 0 takes any free one.")] = 0,
    ) -> None:
        """Run a server until Ctrl-C or SIGTERM, then close its connections with 1001."""
        log = logging.StreamHandler()
        log.setFormatter(OneLine())
        logging.basicConfig(level=logging.WARNING, handlers=[log])
        # Where the event loop cannot watch signals, Ctrl-C arrives as an exception.
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(name, host, port))


class OneLine(logging.Formatter):
    """Formats an exception as the end of its line: what went wrong, without a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        error = record.exc_info[1] if record.exc_info else None
        cause = f": {type(error).__name__}: {error}" if error else ""
        return f"labkit: {record.getMessage()}{cause}".replace("\n", " ")


async def _serve(name: str, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with serving.serve(name, host=host, port=port) as server:
        print(f"serving {server.address}", flush=True)
        await stop.wait()

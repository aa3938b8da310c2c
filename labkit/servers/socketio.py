"""A Socket.IO server of ``python-socketio``, served and drained. Knows nothing of its events."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any

import socketio
from aiohttp import web

from labkit.errors import UsageError

logger = getLogger("labkit.servers.socketio")

#: How long the clients and the handlers may take to end, once the server goes away.
DRAIN_S = 2.0

_served: weakref.WeakSet[socketio.AsyncServer] = weakref.WeakSet()


@dataclass(frozen=True)
class _Tasks:
    """What a server has under way: requests (a WebSocket is one), handlers, and heartbeats."""

    requests: set[asyncio.Task[Any]] = field(default_factory=set)
    handlers: set[asyncio.Task[Any]] = field(default_factory=set)
    heartbeats: set[asyncio.Task[Any]] = field(default_factory=set)


@contextlib.asynccontextmanager
async def open_socketio(
    sio: socketio.AsyncServer, host: str, port: int, *, drain_s: float = DRAIN_S
) -> AsyncIterator[tuple[str, int]]:
    """Serve ``sio`` at ``/socket.io/``; yield the host and the port that are bound, drain on exit.

    Raises UsageError if ``sio`` is served already, or is not made for ``aiohttp``.
    """
    _check(sio)
    tasks = _Tasks()
    app = web.Application(middlewares=[_watching_requests(tasks)])
    sio.attach(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_s)
    _served.add(sio)
    try:
        with _watching_background(sio.eio, tasks):
            await runner.setup()
            try:
                await web.TCPSite(runner, host, port).start()
                yield runner.addresses[0][:2]
            finally:
                await _drain(sio, runner, tasks, drain_s)
    finally:
        _served.discard(sio)


def _check(sio: socketio.AsyncServer) -> None:
    if sio.async_mode != "aiohttp":
        raise UsageError(
            f"serve() runs Socket.IO on aiohttp, and this server is made for {sio.async_mode}; "
            'make it with socketio.AsyncServer(async_mode="aiohttp")'
        )
    if sio in _served:
        raise UsageError(
            "this Socket.IO server is being served already; close that one first, "
            "or make another socketio.AsyncServer"
        )


def _watching_requests(tasks: _Tasks) -> Any:
    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        _note(asyncio.current_task(), tasks.requests)
        try:
            response: web.StreamResponse = await handler(request)
        except ValueError:
            # The library fails at whoever speaks another protocol, with nothing but a traceback.
            logger.warning("a client sent what is no Engine.IO packet; its WebSocket is broken off")
            raise asyncio.CancelledError from None
        return response

    return note


@contextlib.contextmanager
def _watching_background(engine: Any, tasks: _Tasks) -> Iterator[None]:
    """Note the tasks that the library starts meanwhile.

    It keeps no list of them, and a heartbeat outlives its client by up to 25 seconds.
    """
    start: Callable[..., asyncio.Task[Any]] = engine.start_background_task
    supervises = engine.start_service_task

    def start_and_note(target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task = start(target, *args, **kwargs)
        is_heartbeat = target.__module__.startswith("engineio.")
        _note(task, tasks.heartbeats if is_heartbeat else tasks.handlers)
        return task

    engine.start_background_task = start_and_note
    try:
        yield
    finally:
        del engine.start_background_task
        # The library supervises its clients from the first one on, and only once: begin anew.
        engine.start_service_task = supervises


def _note(task: asyncio.Task[Any] | None, tasks: set[asyncio.Task[Any]]) -> None:
    if task is not None:
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def _drain(
    sio: socketio.AsyncServer, runner: web.AppRunner, tasks: _Tasks, drain_s: float
) -> None:
    """Disconnect every client; break off what has not ended after ``drain_s``."""
    for site in runner.sites:
        await site.stop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(drain_s):
            await _dismiss(sio)
            await _ended(tasks.requests | tasks.handlers)
    for connection in runner.server.connections if runner.server else ():
        if connection.transport is not None:
            connection.transport.abort()
    await _cancel(tasks.heartbeats | tasks.handlers, drain_s)
    # A request ends with its connection, unless a handler that it waits for does not.
    await _ended(tasks.requests, drain_s)
    await _cancel(tasks.requests, drain_s)
    await runner.cleanup()
    sio.eio.sockets.clear()


async def _dismiss(sio: socketio.AsyncServer) -> None:
    """Tell every client that it is disconnected, and not to come back."""
    manager = sio.manager
    clients = [
        (sid, namespace)
        for namespace in tuple(manager.get_namespaces())
        for sid, _ in tuple(manager.get_participants(namespace, None))
    ]
    await asyncio.gather(*(sio.disconnect(sid, namespace=namespace) for sid, namespace in clients))
    sockets = tuple(sio.eio.sockets.values())
    await asyncio.gather(*(each.close(wait=False) for each in sockets))
    for each in sockets:
        # Its writer closes the WebSocket now, and does not wait until the client does.
        each.queue.put_nowait(None)


async def _cancel(tasks: set[asyncio.Task[Any]], patience_s: float) -> None:
    for task in tasks:
        task.cancel()
    await _ended(tasks, patience_s)


async def _ended(tasks: set[asyncio.Task[Any]], patience_s: float | None = None) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=patience_s)

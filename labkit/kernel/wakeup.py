"""Makes a loop come round at each SIGINT, and tells when it does not. Decides nothing.

A loop that sleeps in ``select`` is not woken by a signal's handler: the handler runs, ``select``
goes on. The C library's part of a signal does wake what reads the file descriptor named by
``signal.set_wakeup_fd``; here that is a thread, which asks the loop and waits for its answer.

The handler itself may not run either: a signal that comes as the main thread enters a system call,
or that another thread gets, does not end that call. The handler says that it runs, by `poke`.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import socket
import threading
from collections.abc import Callable

#: How long a loop may take to come round before it counts as blocked, and before it does again.
GRACE_S = 0.25
NEXT_GRACE_S = 1.0

#: What the C library writes of a signal is its number.
_SIGINT = bytes([signal.SIGINT])
_POKE = b"\0"


class WakeUp:
    """Hears of each SIGINT. ``came_round`` is called in the loop, the others in a thread.

    ``overdue``: the loop has not come round. ``unheard``: nor has the handler of SIGINT run.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        came_round: Callable[[], None],
        overdue: Callable[[], None],
        unheard: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._came_round = came_round
        self._overdue = overdue
        self._unheard = unheard
        self._heard, self._tell = socket.socketpair()
        self._tell.setblocking(False)
        self._thread = threading.Thread(target=self._attend, name="labkit-interrupts", daemon=True)
        self._thread.start()

    def arm(self) -> None:
        """Hear of signals from now on. Called again for each cell: asyncio may have disarmed it."""
        own = self._tell.fileno()
        previous = signal.set_wakeup_fd(own, warn_on_full_buffer=False)
        if previous not in (-1, own):
            # The reader's `loop.add_signal_handler` relies on this one, and it wakes the loop too.
            signal.set_wakeup_fd(previous)

    def poke(self) -> None:
        """Tell that a signal's handler runs, and make the loop come round. Safe in any handler."""
        # A full buffer means that the thread has enough to read.
        with contextlib.suppress(BlockingIOError):
            self._tell.send(_POKE)

    def close(self) -> None:
        """Hear of no more signals, end the thread."""
        previous = signal.set_wakeup_fd(-1)
        if previous not in (-1, self._tell.fileno()):
            signal.set_wakeup_fd(previous)
        self._tell.close()
        self._thread.join()
        self._heard.close()

    def _attend(self) -> None:
        grace_s = GRACE_S
        while heard := self._heard.recv(64):
            answered = threading.Event()
            try:
                self._loop.call_soon_threadsafe(self._answer, answered)
            except RuntimeError:
                return  # The loop is closed: the kernel ends.
            is_answered = answered.wait(grace_s)
            grace_s = GRACE_S
            if is_answered:
                continue
            if select.select([self._heard], [], [], 0)[0]:
                heard = self._heard.recv(64)
            if heard.rfind(_SIGINT) > heard.rfind(_POKE):
                self._unheard()
            else:
                grace_s = NEXT_GRACE_S
                self._overdue()

    def _answer(self, answered: threading.Event) -> None:
        self._came_round()
        answered.set()

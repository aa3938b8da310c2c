from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from labkit.kernel.wakeup import WakeUp


class Heard:
    """What a wake-up tells."""

    def __init__(self) -> None:
        self.came_round = asyncio.Event()
        self.overdue = threading.Event()
        self.unheard = threading.Event()
        self.wakeup = WakeUp(
            asyncio.get_running_loop(),
            came_round=self.came_round.set,
            overdue=self.overdue.set,
            unheard=self.unheard.set,
        )


@pytest.fixture
async def heard() -> Iterator[Heard]:  # type: ignore[misc]
    told = Heard()
    yield told
    told.wakeup.close()


@pytest.fixture(autouse=True)
def caught() -> Iterator[list[int]]:
    """Signals of a kind that nothing else uses here, as they are handled."""
    signals: list[int] = []
    previous = signal.signal(signal.SIGUSR1, lambda number, _: signals.append(number))
    yield signals
    signal.signal(signal.SIGUSR1, previous)


async def test_a_signal_makes_the_loop_come_round(heard: Heard, caught: list[int]) -> None:
    heard.wakeup.arm()
    # From a thread, so that it finds the loop asleep.
    thread = threading.Timer(0.01, signal.raise_signal, [signal.SIGUSR1])
    thread.start()
    async with asyncio.timeout(10):
        await heard.came_round.wait()
    assert caught == [signal.SIGUSR1]
    thread.join()


async def test_a_poke_does_without_a_signal(heard: Heard) -> None:
    heard.wakeup.poke()
    async with asyncio.timeout(10):
        await heard.came_round.wait()
    assert not heard.overdue.is_set()


async def test_a_loop_that_does_not_come_round_is_overdue(heard: Heard) -> None:
    heard.wakeup.poke()
    assert heard.overdue.wait(10)
    assert not heard.came_round.is_set()


async def test_a_signal_whose_handler_does_not_run_is_unheard(heard: Heard) -> None:
    heard.wakeup.arm()
    written = signal.set_wakeup_fd(-1)
    # What the C library does, with nobody to go on with the handler.
    os.write(written, bytes([signal.SIGINT]))
    assert heard.unheard.wait(10)
    assert not heard.overdue.is_set()


async def test_a_signal_whose_handler_has_run_is_overdue(heard: Heard) -> None:
    heard.wakeup.arm()
    written = signal.set_wakeup_fd(-1)
    os.write(written, bytes([signal.SIGINT]))
    heard.wakeup.poke()
    assert heard.overdue.wait(10)
    assert not heard.unheard.is_set()


async def test_another_signal_is_never_unheard(heard: Heard) -> None:
    heard.wakeup.arm()
    written = signal.set_wakeup_fd(-1)
    os.write(written, bytes([signal.SIGUSR1]))
    assert heard.overdue.wait(10)
    assert not heard.unheard.is_set()


async def test_more_pokes_than_the_thread_can_read_are_no_error(heard: Heard) -> None:
    for _ in range(100_000):
        heard.wakeup.poke()


async def test_another_descriptor_is_left_in_place(heard: Heard) -> None:
    ours, other = socket.socketpair()
    other.setblocking(False)
    signal.set_wakeup_fd(other.fileno())
    heard.wakeup.arm()
    heard.wakeup.close()
    assert signal.set_wakeup_fd(-1) == other.fileno()
    ours.close()
    other.close()


async def test_closing_disarms_and_ends_the_thread(heard: Heard) -> None:
    heard.wakeup.arm()
    heard.wakeup.close()
    assert signal.set_wakeup_fd(-1) == -1
    assert "labkit-interrupts" not in {thread.name for thread in threading.enumerate()}

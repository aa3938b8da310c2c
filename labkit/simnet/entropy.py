"""Chance that a seed decides, in a thread that is in a simulation. Draws nothing itself.

``os.urandom``, and with it ``secrets``, ``uuid4`` and ``SystemRandom``, the functions of
``random``, and a ``random.Random()`` without a seed. Other threads keep the system's. Nothing that
is drawn in a simulation is a secret.

A function that was taken out of ``random`` earlier, as in ``from random import uniform``, draws
from what all threads share: it follows from the seed of the first simulation, as long as no other
thread draws meanwhile.

>>> with seeded(7):
...     first = os.urandom(4), random.random()
>>> with seeded(7):
...     first == (os.urandom(4), random.random())
True
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from labkit.simnet.shared import Shared, replaced


class Source:
    """Two streams of chance: ``random.seed`` does not change what ``os.urandom`` gives."""

    def __init__(self, seed: object) -> None:
        self.seed = seed
        self.bytes = random.Random(f"{seed}/bytes")
        self.numbers = random.Random(f"{seed}/numbers")


@contextlib.contextmanager
def seeded(seed: object) -> Iterator[None]:
    """Have chance in this thread follow from ``seed``."""
    before = _source()
    with _IN_PLACE as is_first:
        if is_first:
            random._inst.seed(f"{seed}/shared")
        _here.source = Source(seed)
        try:
            yield
        finally:
            _here.source = before


def branch(name: str) -> AbstractContextManager[None]:
    """Return a context for another thread: its chance follows from this thread's seed, too."""
    source = _source()
    return contextlib.nullcontext() if source is None else seeded(f"{source.seed}/{name}")


_here = threading.local()


def _source() -> Source | None:
    return getattr(_here, "source", None)


def _system_bytes(real: Callable[[int], bytes]) -> Callable[[int], bytes]:
    @functools.wraps(real)
    def urandom(size: int, /) -> bytes:
        source = _source()
        if source is None:
            return real(size)
        if size < 0:
            raise ValueError("negative argument not allowed")
        return source.bytes.randbytes(size)

    return urandom


def _drawing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def draw(*args: Any, **options: Any) -> Any:
        source = _source()
        return (real if source is None else getattr(source.numbers, name))(*args, **options)

    return draw


def _seeding(real: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(real)
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        source = _source()
        if a is None and source is not None:
            a = source.numbers.getrandbits(256)
        real(self, a, version)

    return seed


@contextlib.contextmanager
def _all_replaced() -> Iterator[None]:
    state = random.getstate()
    with contextlib.ExitStack() as stack:
        stack.callback(random._inst.setstate, state)
        for owner, name in ((os, "urandom"), (random, "_urandom")):
            stack.enter_context(replaced(owner, name, _system_bytes))
        stack.enter_context(replaced(random.Random, "seed", _seeding))
        for name in random.__all__:
            if getattr(getattr(random, name), "__self__", None) is random._inst:
                stack.enter_context(replaced(random, name, functools.partial(_drawing, name)))
        yield


_IN_PLACE = Shared(_all_replaced)

"""Ends what another thread of this process runs: from outside, at its next line of Python."""

from __future__ import annotations

import contextlib
import sys
import threading
from time import sleep


class Interrupted(BaseException):
    """Thrown into code that is out of time. Who threw it says why."""


def interrupt(ident: int) -> None:
    """Have the thread ``ident`` raise Interrupted when it runs Python: after its call of C."""
    _throw_into(ident)
    if sys.version_info < (3, 12):
        # Until it raises, every thread looks out for it, and one that is traced looks for ever.
        # One that is raised here ends the look-out; `ident` renews it when its call is over.
        absorb()


def absorb() -> None:
    """Raise here, and catch, what ``interrupt`` may have left for this thread."""
    # Taking it back would do, were there no look-out: see above.
    with contextlib.suppress(Interrupted):
        _throw_into(threading.get_ident())
        while True:
            sleep(0)


def _throw_into(ident: int) -> None:
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(Interrupted))

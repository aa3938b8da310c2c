"""What another thread runs is ended, and nothing of it stays behind."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from labkit.simnet.interruption import Interrupted, interrupt

TRACE = """
import sys
sys.settrace(lambda frame, event, argument: None)
(lambda: None)()
sys.settrace(None)
print("goes on")
"""

AFTER_A_SIMULATION = """
from labkit.simnet.simulation import Simulation

async def main():
    pass

Simulation().run(main())
"""

WHILE_ONE_SLEEPS = """
import threading, time
from labkit.simnet.interruption import interrupt

sleeper = threading.Thread(target=time.sleep, args=(1000,), daemon=True)
sleeper.start()
interrupt(sleeper.ident)
"""


@pytest.mark.parametrize("before", [AFTER_A_SIMULATION, WHILE_ONE_SLEEPS])
def test_code_that_is_traced_goes_on(before: str) -> None:
    # In a process of its own: where it does not, nothing but its end helps.
    done = subprocess.run(
        [sys.executable, "-c", before + TRACE],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "goes on\n"


def test_a_thread_that_computes_without_end_is_ended() -> None:
    def work() -> None:
        try:
            while True:
                pass
        except Interrupted:
            ended.set()

    ended = threading.Event()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert thread.ident is not None
    interrupt(thread.ident)
    thread.join(10)
    assert ended.is_set()

"""The process that an answer is judged from: ``python -m labkit.grading.box FD``.

It runs a notebook's cells and hosts their answers. It knows no check: what an answer should give
never comes here.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import resource
import socket
import sys
from typing import Any, NoReturn

from labkit.checks.host import Host
from labkit.grading.cells import Notebook
from labkit.grading.pipe import BoxEnd, BoxRound, Prepared, Running

MIB = 1024 * 1024
LIMITS = {
    # Inherited by whatever the answer starts; the judge's own deadlines come long before.
    resource.RLIMIT_CPU: 60,
    resource.RLIMIT_AS: 2048 * MIB,
    resource.RLIMIT_FSIZE: 16 * MIB,
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_CORE: 0,
}


def main() -> NoReturn:
    """Serve the judge at the other end of the inherited descriptor until it hangs up."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    _limit()
    _keep_quiet()
    end = BoxEnd(connection)
    # An answer that forks goes on twice. Only one of the two is the box.
    os.register_at_fork(after_in_child=end.let_go)
    prepare = end.prepare()
    notebook = Notebook(prepare.symbols, announce=lambda index: end.announce(Running(index)))
    notebook.run(prepare.cells, prepare.skipped)
    answers, code, absent = notebook.answers(), notebook.namespace, notebook.absent()
    end.announce(Prepared())
    while (received := end.receive()) is not None:
        number, _ = received
        with Host(BoxRound(end, number), answers, code=code, absent=absent) as host:
            host.watch()
        if host.has_stalled:
            # What was interrupted may hold a lock or have left half a change behind.
            break
        end.send(number, b"")
    # Whatever threads and handlers the answer left behind end here and now.
    os._exit(0)


def _limit() -> None:
    for kind, limit in LIMITS.items():
        # Not every system lets a process lower every limit.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def _keep_quiet() -> None:
    """Make what only a notebook has do nothing here."""
    for name in ("check", "hint", "scorecard"):
        setattr(sys.modules["labkit"], name, _nothing)
    for name, value in (("display", _nothing), ("get_ipython", _Shell), ("input", _no_input)):
        setattr(builtins, name, value)


def _nothing(*arguments: Any, **options: Any) -> None:
    return None


def _no_input(prompt: object = "") -> NoReturn:
    raise EOFError("there is nobody to answer `input()` while a notebook is judged")


class _Shell:
    def __getattr__(self, name: str) -> Any:
        return _nothing


if __name__ == "__main__":
    main()

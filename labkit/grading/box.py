"""The process that an answer is judged from: ``python -m labkit.grading.box FD``.

It runs a notebook's cells and carries out requests. It knows no check: what an answer should give
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
from labkit.checks.messages import pack, unpack_request
from labkit.grading.cells import Notebook
from labkit.grading.pipe import BoxEnd, Prepared, Running

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
    prepare = end.prepare()
    notebook = Notebook(prepare.symbols, announce=lambda index: end.announce(Running(index)))
    notebook.run(prepare.cells, prepare.skipped)
    with Host(notebook.answers(), code=notebook.namespace, absent=notebook.absent()) as host:
        end.announce(Prepared())
        while (received := end.receive()) is not None:
            number, body = received
            end.send(number, pack(host.answer(unpack_request(body))))
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

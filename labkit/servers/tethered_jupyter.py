"""Jupyter Server as a process that ends when whoever started it is gone. Configures nothing.

``python -m labkit.servers.tethered_jupyter`` takes the options of ``jupyter server``. Its standard
input is the tether: a pipe that the starter holds open. However the starter ends, even killed in
the middle of a cell, the pipe ends with it.
"""

from __future__ import annotations

import os
import signal
import threading

from jupyter_server.serverapp import main


def end_with_stdin() -> None:
    """Wait for the end of standard input, then end this process the way SIGTERM does."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=end_with_stdin, daemon=True).start()
    main()

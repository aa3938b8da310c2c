"""The notebooks of this user that are stuck, and Jupyter servers that do not answer.

Interrupts and ends nothing: what a busy cell is worth, only its author knows.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from labkit.errors import LabkitError

from . import processes
from .findings import Finding
from .jupyter import ANSWER_S, JupyterServer, Kernel, list_kernels, running_servers

#: A cell may well compute for a moment. A kernel that shows nothing for longer is looked at.
STUCK_S = 5.0
START_S = 30.0

INTERRUPT = (
    "interrupt it in JupyterLab: the square button, or Esc and then the key I twice; "
    "restart the kernel if that does not help"
)
RESTART = "restart it in JupyterLab: Kernel > Restart Kernel…"


async def examine_kernels(*, runtime: Path | None = None) -> list[Finding]:
    """Look at each running Jupyter server and at its kernels."""
    servers = running_servers(runtime)
    if not servers:
        return [Finding("JupyterLab", "ok", "not running")]
    pids = await asyncio.to_thread(processes.kernels)
    found = await asyncio.gather(*(_examine_server(server, pids) for server in servers))
    return [*opened_twice(servers), *(finding for each in found for finding in each)]


async def _examine_server(server: JupyterServer, pids: Mapping[str, int]) -> list[Finding]:
    name = f"JupyterLab on port {server.port}"
    restart = f"end it with {processes.end_command(server.pid)}, then start it again: labkit lab"
    try:
        kernels = await list_kernels(server)
    except (TimeoutError, OSError):
        if processes.is_suspended(server.pid):
            resume = f"let it go on: kill -CONT {server.pid}"
            return [Finding(name, "warning", "suspended, as Ctrl-Z in its terminal does", resume)]
        return [Finding(name, "warning", f"no answer within {ANSWER_S:g} s", restart)]
    except LabkitError as error:
        look = "look yourself: a busy kernel shows a filled circle beside its name"
        return [Finding(name, "warning", f"its kernels cannot be seen: {error}", look)]
    found = await asyncio.gather(*(examine_kernel(each, pids.get(each.id)) for each in kernels))
    return [Finding(name, "ok", _count(len(kernels))), *found]


async def examine_kernel(
    kernel: Kernel, pid: int | None, *, now: datetime | None = None
) -> Finding:
    """Say whether ``kernel`` is stuck, and on what as far as its process ``pid`` shows it."""
    silent_s = ((now or datetime.now(UTC)) - kernel.last_activity).total_seconds()
    match kernel.state:
        case "busy" if pid in processes.ancestors():
            return Finding(kernel.name, "ok", "busy: a cell of it runs labkit doctor")
        case "busy" if silent_s >= STUCK_S:
            doing = f"; {await processes.describe_busy(pid)}" if pid else ""
            found = f"its kernel has been busy for {silent_s:.0f} s and shows nothing{doing}"
            return Finding(kernel.name, "warning", found, INTERRUPT)
        case "dead":
            return Finding(kernel.name, "warning", "its kernel is dead", RESTART)
        case "restarting" | "autorestarting":
            found = "its kernel ended unasked and is being started again"
            remedy = "its variables are gone: run its cells again from the top"
            return Finding(kernel.name, "warning", found, remedy)
        case "starting" if silent_s >= START_S:
            found = f"its kernel has not started within {silent_s:.0f} s"
            return Finding(kernel.name, "warning", found, RESTART)
        case state:
            return Finding(kernel.name, "ok", state)


def opened_twice(servers: Iterable[JupyterServer]) -> list[Finding]:
    """Name each folder that more than one Jupyter server has open."""
    by_folder: dict[str, list[JupyterServer]] = defaultdict(list)
    for server in servers:
        by_folder[server.folder].append(server)
    return [
        Finding(
            "JupyterLab",
            "warning",
            f"runs {len(group)} times in {folder}, on ports "
            f"{', '.join(str(server.port) for server in group)}: a notebook that is open in "
            "two of them overwrites itself",
            "keep one and end the rest: "
            + "; ".join(processes.end_command(server.pid) for server in group[1:]),
        )
        for folder, group in by_folder.items()
        if len(group) > 1
    ]


def _count(kernels: int) -> str:
    return f"answers; {kernels} kernel{'' if kernels == 1 else 's'}"

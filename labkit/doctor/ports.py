"""Who holds the ports that the course uses by habit, and which server was started twice.

Knows no WebSocket, and opens no port for longer than it takes to see that it is free.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import defaultdict
from collections.abc import Iterable, Mapping

from .findings import Finding
from .jupyter import find_notebook
from .processes import Listener, Process, end_command, listeners

SCRIPTS = 8765
JUPYTERLAB = 8888


async def examine_ports() -> list[Finding]:
    """Look at the course's ports, and at servers that run more than once."""
    found = await asyncio.to_thread(listeners)
    return [await _scripts_port(found), _jupyterlab_port(found), *running_servers(found)]


async def _scripts_port(found: Iterable[Listener]) -> Finding:
    name = f"port {SCRIPTS}"
    holder = _holder(SCRIPTS, found)
    if holder is None:
        return Finding(name, "ok", "free for the scripts of the lessons")
    if holder.process is None:
        return Finding(
            name,
            "warning",
            "taken by a process that is not yours",
            "have your server listen on another port: port=0 takes any free one",
        )
    process, end = holder.process, end_command(holder.process.pid)
    if process.kernel_id:
        notebook = await find_notebook(process.kernel_id) or "a notebook"
        return Finding(
            name,
            "warning",
            f"taken by {notebook}: a cell serves there (kernel process {process.pid})",
            "close the server in that notebook with `await server.close()`, or restart its kernel; "
            "or choose another port",
        )
    return Finding(
        name,
        "warning",
        f"taken by {process}, process {process.pid}",
        f"end it with {end}, or choose another port",
    )


def _jupyterlab_port(found: Iterable[Listener]) -> Finding:
    name = f"port {JUPYTERLAB}"
    match _holder(JUPYTERLAB, found):
        case None:
            return Finding(name, "ok", "free for JupyterLab")
        case Listener(process=Process(is_jupyter=True, pid=pid)):
            return Finding(name, "ok", f"JupyterLab, process {pid}")
        case Listener(process=process):
            holder = (
                f"{process}, process {process.pid}" if process else "a process that is not yours"
            )
            return Finding(
                name,
                "warning",
                f"taken by {holder}, so JupyterLab takes the next one",
                f"open the address that labkit lab prints, not http://localhost:{JUPYTERLAB}",
            )


def _holder(port: int, found: Iterable[Listener]) -> Listener | None:
    """Return who holds ``port``; someone unknown where only the attempt to have it tells."""
    seen = [each for each in found if each.port == port]
    if seen:
        return next((each for each in seen if each.process), seen[0])
    return Listener(port, None) if _is_taken(port) else None


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As asyncio does: elsewhere than on Windows, a port that was left a moment ago is free.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def running_servers(found: Iterable[Listener]) -> list[Finding]:
    """Name each ``labkit serve`` that runs, and each server that was started twice.

    The same command in the same folder is the same server. Whoever was started by that command
    itself is one of its workers.
    """
    ports: dict[Process, set[int]] = defaultdict(set)
    for each in found:
        if each.process and _is_server(each.process):
            ports[each.process].add(each.port)
    same: dict[tuple[tuple[str, ...], str], list[Process]] = defaultdict(list)
    for process in ports:
        same[process.command, process.folder].append(process)
    findings = []
    for group in same.values():
        pids = {process.pid for process in group}
        twins = sorted((p for p in group if p.parent not in pids), key=lambda p: p.pid)
        if len(twins) > 1:
            findings.append(_started_twice(twins, ports))
        else:
            findings += [_running(p, ports) for p in twins if p.words[:2] == ("labkit", "serve")]
    return findings


def _is_server(process: Process) -> bool:
    if process.is_jupyter or process.kernel_id:
        return False
    match process.words:
        # What gets its code from the command line or from a pipe is some program's worker.
        case [program, *_, last] if program.startswith(("python", "node", "labkit")):
            return not last.startswith("-") and not {"-c", "-e"} & set(process.words)
    return False


def _running(process: Process, ports: Mapping[Process, set[int]]) -> Finding:
    where = f"port {_listed(ports[process])}, process {process.pid}"
    return Finding(str(process), "ok", f"runs on {where}; {end_command(process.pid)} ends it")


def _started_twice(twins: list[Process], ports: Mapping[Process, set[int]]) -> Finding:
    each = [f"process {p.pid} on port {_listed(ports[p])}" for p in twins]
    return Finding(
        str(twins[0]),
        "warning",
        f"started {'twice' if len(twins) == 2 else f'{len(twins)} times'}: {', '.join(each)}",
        f"keep one and end the rest: {'; '.join(end_command(p.pid) for p in twins[:-1])}",
    )


def _listed(ports: Iterable[int]) -> str:
    return " and ".join(map(str, sorted(ports)))

"""Whether a WebSocket gets through on this machine: past its firewall, and past its proxy settings.

Changes no setting. The way to another machine is probed by ``labkit.doctor.way``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import urllib.request
from collections.abc import Iterable, Mapping

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from labkit.errors import LabkitError
from labkit.servers.serving import serve

from .findings import Finding

ECHO_S = 3.0
LOCAL = ("localhost", "127.0.0.1")
#: In the order in which ``websockets`` looks for a proxy for a ``ws://`` address.
SCHEMES = ("ws", "socks", "https", "http")


async def examine_routes() -> list[Finding]:
    """Echo a message on this machine, and see where the proxy settings would send it."""
    return [await examine_loopback(), examine_proxies()]


async def examine_loopback() -> Finding:
    """Send a message to a server of our own and back, past all proxies."""
    name = "a WebSocket on 127.0.0.1"
    blocked = (
        "allow Python to listen and to connect on 127.0.0.1 in the firewall or the security "
        "software of this machine; who runs the machine can do it"
    )
    try:
        async with (
            asyncio.timeout(ECHO_S),
            serve("echo") as server,
            connect(server.address, proxy=None, open_timeout=None, close_timeout=1) as client,
        ):
            await client.send("spam")
            answer = await client.recv()
    except TimeoutError:
        return Finding(name, "problem", f"no answer within {ECHO_S:g} s", blocked)
    except (OSError, WebSocketException, LabkitError) as error:
        return Finding(name, "problem", f"does not get through: {error}", blocked)
    if answer != "spam":
        return Finding(name, "problem", f"'spam' comes back as {answer!r}", blocked)
    return Finding(name, "ok", "a message comes back as it was sent")


def examine_proxies(environment: Mapping[str, str] | None = None) -> Finding:
    """Say whether ``websockets`` would send what is meant for this machine to a proxy.

    The library asks ``urllib``, which reads the environment and, on macOS and Windows, the
    settings of the system.
    """
    environment = os.environ if environment is None else environment
    name = "proxy settings"
    proxied = [host for host in LOCAL if get_proxy(parse_uri(f"ws://{host}:8765"))]
    if proxied:
        source = _source(environment)
        found = f"{source} sends even what is meant for {' and '.join(proxied)} to a proxy"
        return Finding(name, "problem", found, exempt(LOCAL, environment))
    if any(scheme in urllib.request.getproxies() for scheme in SCHEMES):
        return Finding(name, "ok", f"{_source(environment)} spares this machine")
    return Finding(name, "ok", "none")


def _source(environment: Mapping[str, str]) -> str:
    """Name the setting that sends ``ws://`` addresses to a proxy."""
    proxies = urllib.request.getproxies()
    scheme = next(scheme for scheme in SCHEMES if scheme in proxies)
    # Of two spellings, urllib lets the one in small letters win.
    variables = sorted((v for v in environment if v.lower() == f"{scheme}_proxy"), reverse=True)
    return variables[0] if variables else f"the {scheme} proxy in this system's settings"


def exempt(hosts: Iterable[str], environment: Mapping[str, str]) -> str:
    """Return what to do so that no proxy gets between this machine and ``hosts``.

    What is exempt already stays so. Of two spellings, urllib heeds ``no_proxy`` alone.

    >>> exempt(["localhost"], {"NO_PROXY": ".school.example"})
    'export no_proxy=.school.example,localhost (before labkit lab, in the same terminal)'
    """
    before = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    entries = [entry for entry in map(str.strip, before.split(",")) if entry]
    value = ",".join([*entries, *(host for host in hosts if host not in entries)])
    command = "set" if sys.platform == "win32" else "export"
    return f"{command} no_proxy={value} (before labkit lab, in the same terminal)"

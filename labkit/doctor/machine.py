"""The examinations of this machine, by name. Each is imported when it is run, and not before.

What it looks with may be what is missing here, and the others still have something to say.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from labkit.errors import UsageError

from .findings import Examination, Finding


async def _ports() -> list[Finding]:
    from .ports import examine_ports

    return await examine_ports()


async def _notebooks() -> list[Finding]:
    from .kernels import examine_kernels

    return await examine_kernels()


async def _routes() -> list[Finding]:
    from .routes import examine_routes

    return await examine_routes()


MACHINE: dict[str, Examination] = {"ports": _ports, "notebooks": _notebooks, "routes": _routes}

#: How long the probes of a way may take together, beside the silence.
WAY_S = 15.0


def way_to(address: str, *, silence_s: float) -> Examination:
    """Return the examination of the way to ``address``.

    Raises UsageError if that is not the address of a WebSocket.
    """
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in ("ws", "wss") and parts.hostname and not parts.fragment
        # Asking for a port that is none raises.
        is_address = is_address and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError(
            f"{address!r} is not the address of a WebSocket; give one like ws://HOST:PORT/PATH"
        )

    async def examine() -> list[Finding]:
        from .way import examine_way

        return await examine_way(address, silence_s=silence_s)

    return examine

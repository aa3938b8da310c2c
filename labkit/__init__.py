"""Learn real-time communication with WebSockets, in Python, in Jupyter.

What notebooks use is here by name and imported when it is first asked for, so that
``import labkit`` costs next to nothing.
"""

from __future__ import annotations

import importlib

# Type checkers know this name; to import it from `typing` would cost more than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.checks.notebook import check as check
    from labkit.checks.notebook import hint as hint
    from labkit.checks.notebook import scorecard as scorecard
    from labkit.client.delivery import measure_delivery as measure_delivery
    from labkit.client.kernel_messages import execute as execute
    from labkit.client.overhead import measure_overhead as measure_overhead
    from labkit.kernel.extension import load_ipython_extension as load_ipython_extension
    from labkit.kernel.extension import unload_ipython_extension as unload_ipython_extension
    from labkit.kernel.tasks import tasks as tasks
    from labkit.panels.client_panel import ClientPanel as ClientPanel
    from labkit.panels.delivery_plot import delivery_table as delivery_table
    from labkit.panels.delivery_plot import plot_delivery as plot_delivery
    from labkit.panels.frame_view import FrameView as FrameView
    from labkit.panels.notifications import NotificationPanel as NotificationPanel
    from labkit.panels.overhead_plot import overhead_table as overhead_table
    from labkit.panels.overhead_plot import plot_overhead as plot_overhead
    from labkit.panels.ticker import TickerPanel as TickerPanel
    from labkit.panels.whiteboard import WhiteboardPanel as WhiteboardPanel
    from labkit.panels.wire_view import WireView as WireView
    from labkit.servers.node import node as node
    from labkit.servers.node import node_ready as node_ready
    from labkit.servers.notebook_server import notebook_server as notebook_server
    from labkit.servers.serving import serve as serve
    from labkit.transport.raw import open_raw as open_raw
    from labkit.transport.tap import tap as tap

_HOME = {
    "check": "labkit.checks.notebook",
    "ClientPanel": "labkit.panels.client_panel",
    "delivery_table": "labkit.panels.delivery_plot",
    "execute": "labkit.client.kernel_messages",
    "FrameView": "labkit.panels.frame_view",
    "hint": "labkit.checks.notebook",
    "load_ipython_extension": "labkit.kernel.extension",
    "measure_delivery": "labkit.client.delivery",
    "measure_overhead": "labkit.client.overhead",
    "node": "labkit.servers.node",
    "node_ready": "labkit.servers.node",
    "notebook_server": "labkit.servers.notebook_server",
    "NotificationPanel": "labkit.panels.notifications",
    "open_raw": "labkit.transport.raw",
    "overhead_table": "labkit.panels.overhead_plot",
    "plot_delivery": "labkit.panels.delivery_plot",
    "plot_overhead": "labkit.panels.overhead_plot",
    "scorecard": "labkit.checks.notebook",
    "serve": "labkit.servers.serving",
    "tap": "labkit.transport.tap",
    "tasks": "labkit.kernel.tasks",
    "TickerPanel": "labkit.panels.ticker",
    "unload_ipython_extension": "labkit.kernel.extension",
    "WhiteboardPanel": "labkit.panels.whiteboard",
    "WireView": "labkit.panels.wire_view",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__

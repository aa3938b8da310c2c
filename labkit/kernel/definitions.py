"""Knows which functions and classes are not what their cell says: it failed when it last ran."""

from __future__ import annotations

import re
from typing import Any

from labkit.kernel.part import Notebook, Part

_DEFINITION = re.compile(r"^(?:async +def|def|class) +(\w+)", re.MULTILINE)
_ABSENT = object()

#: By name, the cell that should have made it anew.
_outdated: dict[str, str] = {}


class Definitions(Part):
    """Compares what the names of a cell's functions and classes mean before and after it ran."""

    def __init__(self, notebook: Notebook) -> None:
        super().__init__(notebook)
        self._before: dict[str, object] = {}

    def install(self) -> None:
        """Hear of the source of every cell, before it runs and after."""
        self.notebook.shell.events.register("pre_run_cell", self._comes)
        self.notebook.shell.events.register("post_run_cell", self._goes)

    def remove(self) -> None:
        """Hear of no more cells."""
        self.notebook.shell.events.unregister("pre_run_cell", self._comes)
        self.notebook.shell.events.unregister("post_run_cell", self._goes)
        _outdated.clear()

    def _comes(self, info: Any) -> None:
        known = self.notebook.shell.user_ns
        self._before = {name: known.get(name, _ABSENT) for name in defined(info.raw_cell or "")}

    def _goes(self, result: Any) -> None:
        known = self.notebook.shell.user_ns
        for name, before in self._before.items():
            is_as_before = before is not _ABSENT and known.get(name) is before
            if not result.success and is_as_before:
                _outdated[name] = str(self.notebook.latest)
            else:
                _outdated.pop(name, None)


def defined(source: str) -> list[str]:
    """Return the names of the functions and classes that ``source`` defines, even if it is broken.

    >>> defined("async def shout(connection:\\n    pass\\nclass Menu: ...")
    ['shout', 'Menu']
    """
    return _DEFINITION.findall(source)


def outdated(name: str) -> str | None:
    """Return the cell that failed and left ``name`` as an earlier run has made it, if one did.

    >>> outdated("shout")
    """
    return _outdated.get(name)

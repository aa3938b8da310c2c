"""Who shows an error under a cell, one after the other: IPython asks a single one. Shows none."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias

Show: TypeAlias = Callable[[BaseException, TracebackType | None], None]


def show_with(shell: Any, kinds: tuple[type[BaseException], ...], show: Show) -> Callable[[], None]:
    """Have ``show`` called for errors of ``kinds``, but those that somebody else shows already.

    Return what undoes it.
    """
    exceptions, others = shell.custom_exceptions, shell.CustomTB

    def choose(
        shell: Any,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
        tb_offset: int | None = None,
    ) -> Any:
        if isinstance(error, exceptions):
            return others(kind, error, trace, tb_offset=tb_offset)
        show(error, trace)
        return None

    def undo() -> None:
        shell.custom_exceptions, shell.CustomTB = exceptions, others

    shell.set_custom_exc((*exceptions, *kinds), choose)
    return undo

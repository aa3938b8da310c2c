from __future__ import annotations

from typing import Any

from labkit.kernel.showing import show_with


class Shell:
    """What IPython's shell keeps of who shows errors."""

    def __init__(self) -> None:
        self.custom_exceptions: tuple[type[BaseException], ...] = ()
        self.CustomTB: Any = None

    def set_custom_exc(self, kinds: tuple[type[BaseException], ...], handler: Any) -> None:
        self.custom_exceptions = kinds
        self.CustomTB = lambda *arguments, **options: handler(self, *arguments, **options)

    def fails_with(self, error: BaseException) -> None:
        self.CustomTB(type(error), error, None, tb_offset=None)


def test_whoever_came_first_shows_an_error_that_both_want() -> None:
    shell, shown = Shell(), []
    show_with(shell, (OSError,), lambda error, _: shown.append(("first", error)))
    show_with(shell, (Exception,), lambda error, _: shown.append(("second", error)))

    fault, other = OSError(), ValueError()
    shell.fails_with(fault)
    shell.fails_with(other)

    assert shown == [("first", fault), ("second", other)]


def test_what_is_undone_leaves_those_before_in_place() -> None:
    shell, shown = Shell(), []
    show_with(shell, (OSError,), lambda error, _: shown.append("first"))
    undo = show_with(shell, (ValueError,), lambda error, _: shown.append("second"))
    undo()

    assert shell.custom_exceptions == (OSError,)
    shell.fails_with(OSError())
    assert shown == ["first"]

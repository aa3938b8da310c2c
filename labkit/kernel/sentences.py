"""Shows labkit's own errors, and a port in use, as a sentence. Leaves other errors alone."""

from __future__ import annotations

import errno
from types import TracebackType
from typing import Any

from labkit.errors import LabkitError
from labkit.kernel.part import Part
from labkit.kernel.wording import explain

#: What an error says of which nobody knows more: the server is not one of the kernel's loop.
PORT_IN_USE = (
    "this port is taken: end the server that has it (one in a thread by `server.shutdown()`), or "
    "use port 0 for any free port"
)


class Sentences(Part):
    """Shows no traceback where the text of the error says what to do."""

    def install(self) -> None:
        """Have IPython ask here how to show an error of these kinds."""
        shell = self.notebook.shell
        self._previous = shell.custom_exceptions, shell.CustomTB
        shell.set_custom_exc((*shell.custom_exceptions, LabkitError, OSError), self._show)

    def remove(self) -> None:
        """Let IPython show every error itself."""
        shell = self.notebook.shell
        shell.custom_exceptions, shell.CustomTB = self._previous

    def _show(
        self,
        shell: Any,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
        tb_offset: int | None = None,
    ) -> Any:
        exceptions, show = self._previous
        if isinstance(error, exceptions):
            return show(kind, error, trace, tb_offset=tb_offset)
        is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        if isinstance(error, LabkitError) or is_taken:
            lines = explain(error, self.notebook.places).splitlines()
            if not isinstance(error, LabkitError):
                lines.append(PORT_IN_USE)
            # IPython asks an exception for its traceback before it formats one.
            error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
        shell.showtraceback((kind, error, trace), running_compiled_code=True)
        return None

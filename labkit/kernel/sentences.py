"""Shows labkit's own errors, a port in use or unused, and a cell that is missing as a sentence.

Leaves other errors alone.
"""

from __future__ import annotations

import errno
import traceback
from types import TracebackType

from labkit.errors import LabkitError
from labkit.kernel.part import Part
from labkit.kernel.showing import show_with
from labkit.kernel.wording import explain

#: What an error says of which nobody knows more: the server is not one of the kernel's loop.
PORT_IN_USE = (
    "this port is taken: end the server that has it (one in a thread by `server.shutdown()`), or "
    "use port 0 for any free port"
)

REFUSED = "nothing listens there: run the cell that starts the server, and look at the address"
#: What an error says of which the cause is most often another cell.
NOT_RUN = "no cell that ran has made `{name}`: run the one that does, or look at the spelling"

KINDS = (LabkitError, OSError, NameError)


class Sentences(Part):
    """Shows no traceback where the text of the error says what to do."""

    def install(self) -> None:
        """Show errors of these kinds from now on."""
        self._undo = show_with(self.notebook.shell, KINDS, self._show)

    def remove(self) -> None:
        """Let IPython show every error itself."""
        self._undo()

    def _show(self, error: BaseException, trace: TracebackType | None) -> None:
        if (remedy := self._remedy(error, trace)) is not None:
            lines = explain(error, self.notebook.places).splitlines() + remedy
            # IPython asks an exception for its traceback before it formats one.
            error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
        self.notebook.shell.showtraceback((type(error), error, trace), running_compiled_code=True)

    def _remedy(self, error: BaseException, trace: TracebackType | None) -> list[str] | None:
        """Return what to add to the error's text; None if a traceback says more."""
        match error:
            case LabkitError():
                return []
            case OSError(errno=errno.EADDRINUSE):
                return [PORT_IN_USE]
            case OSError(errno=errno.ECONNREFUSED):
                return [REFUSED]
            case UnboundLocalError():
                return None
            case NameError(name=str(name)) if self._is_of_a_cell(trace):
                return [NOT_RUN.format(name=name)]
        return None

    def _is_of_a_cell(self, trace: TracebackType | None) -> bool:
        """Whether it is a cell's own line that raised, not a function that it calls."""
        frames = [frame for frame, _ in traceback.walk_tb(trace)]
        if not frames or frames[-1].f_code.co_name != "<module>":
            return False
        return self.notebook.places.at(frames[-1]) is not None

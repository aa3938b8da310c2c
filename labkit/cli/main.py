"""The ``labkit`` command, put together from its parts. Decides only how an error is shown."""

from __future__ import annotations

import sys

import typer

from labkit.cli import dev, doctor, grade, lab, learn, serve
from labkit.errors import LabkitError

app = typer.Typer(
    name="labkit",
    help="Learn real-time communication with WebSockets: servers, checks and a grader.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (lab, doctor, learn, serve, grade, dev):
    part.register(app)


def main() -> None:
    """Run the command line. A mistake prints one sentence and exits with 2, never a traceback."""
    try:
        app()
    except LabkitError as error:
        print(f"labkit: {error}", file=sys.stderr)
        sys.exit(2)

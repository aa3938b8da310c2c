"""``labkit lab``: open JupyterLab on the course. Becomes JupyterLab, so watches nothing."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from labkit.course.manifest import find_course
from labkit.errors import UsageError

#: Turns off what is not the course: the question about Jupyter's news, and nbgrader's panes, which
#: are a teacher's. Who wants them starts ``jupyter lab``.
_SETTINGS = Path(__file__).with_name("jupyter")


def register(app: typer.Typer) -> None:
    """Add ``labkit lab`` to ``app``."""
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(lab)


def lab(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; the next free one without it.")
    ] = None,
) -> None:
    """Open the course in JupyterLab. Further options go to JupyterLab, such as --no-browser."""
    course = find_course(Path.cwd())
    if port is not None:
        _check_free(port)
    command = jupyterlab(course, port=port, extra=context.args, is_root=_is_root())
    os.execve(command[0], command, settings(os.environ))


def jupyterlab(
    course: Path, *, port: int | None = None, extra: Sequence[str] = (), is_root: bool = False
) -> list[str]:
    """Return the command that opens ``course``. What is in ``extra`` wins over the rest."""
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={course}",
        "--LabApp.default_url=/lab/tree/notebooks",
    ]
    if port is not None:
        # JupyterLab tries fifty ports more by itself. Who names one wants that one.
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if is_root:
        # Root is who one is in a container, and JupyterLab does not start for root unasked.
        command.append("--allow-root")
    return [*command, *extra]


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` with the course's settings for JupyterLab before the reader's own."""
    paths = [str(_SETTINGS), environment.get("JUPYTER_CONFIG_PATH", "")]
    return {**environment, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _check_free(port: int) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise UsageError(
            f"JupyterLab cannot listen on port {port} ({os.strerror(error.errno or 0)}); "
            f"choose another with --port, or leave --port out"
        ) from error

"""The file of results, a line per student and exercise. Survives a kill at any moment."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec


class Result(msgspec.Struct, frozen=True):
    """One line. ``fingerprint`` tells everything that the verdict depends on.

    ``exercise`` is empty where a notebook belongs to no lesson; ``message`` says why.
    """

    student: str
    lesson: str
    exercise: str
    status: str
    points: float
    max_points: float
    message: str
    notebook: str
    fingerprint: str


_lines = msgspec.json.Decoder(Result)


def read_results(path: Path) -> list[Result]:
    """Return the results in ``path``, without lines that a kill has cut short."""
    results = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError, ValueError):
                results.append(_lines.decode(line))
    return results


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Put ``results`` in the place of all that is in ``path``."""
    write_whole(path, _encoded(results))


def append_results(path: Path, results: Iterable[Result]) -> None:
    """Add the results of one submission. They are on the disk when this returns."""
    with path.open("ab") as file:
        file.write(_encoded(results))
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at every moment it is the old one or the new one, and whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def _encoded(results: Iterable[Result]) -> bytes:
    return b"".join(msgspec.json.encode(result) + b"\n" for result in results)

"""Turns an answer into the stub that a learner fills in. Knows text, not notebooks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from labkit.errors import CourseError

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
# Wider than the markers: one that is misspelt would leave the solution where learners see it.
_LIKE_A_MARKER = re.compile(r"(?:begin|end)[\s_-]*solution", re.IGNORECASE)


@dataclass(frozen=True)
class Region:
    """A solution in a cell: the indices of its two markers, and what stands between them."""

    begin: int
    end: int
    indent: str
    lines: tuple[str, ...]


def find_regions(source: str, *, file: str = "cell", line: int = 1) -> list[Region]:
    """Return the solution regions of a cell whose source begins at ``line`` of ``file``.

    Raises ``CourseError``, with file and line, where one is nested, unclosed or empty.
    """
    lines = source.split("\n")
    regions: list[Region] = []
    begin: int | None = None
    for index, text in enumerate(lines):
        where, marker = f"{file}:{line + index}", text.strip()
        if not _LIKE_A_MARKER.search(text):
            continue
        if marker == BEGIN:
            if begin is not None:
                raise CourseError(
                    f"{where}: a solution begins inside the one of line {line + begin}"
                )
            begin = index
        elif marker == END:
            if begin is None:
                raise CourseError(f"{where}: a solution ends that did not begin")
            between = tuple(lines[begin + 1 : index])
            if not any(each.strip() for each in between):
                raise CourseError(f"{where}: the solution that ends here is empty")
            indent = lines[begin][: lines[begin].index("#")]
            regions.append(Region(begin, index, indent, between))
            begin = None
        else:
            raise CourseError(
                f"{where}: {marker!r} is not a marker: a line of its own holds {BEGIN} or {END}"
            )
    if begin is not None:
        raise CourseError(f"{file}:{line + begin}: the solution that begins here never ends")
    return regions


def strip_solution(source: str, exercise: str, *, file: str = "cell", line: int = 1) -> str:
    r"""Return ``source`` with the stub of ``exercise`` in place of each solution region.

    >>> answer = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
    >>> print(strip_solution(answer, "03.2"))
    def f(x):
        raise NotImplementedError("exercise 03.2")

    Raises ``CourseError`` as ``find_regions`` does, and where there is no region.
    """
    regions = find_regions(source, file=file, line=line)
    if not regions:
        raise CourseError(f"{file}:{line}: exercise {exercise} has no solution region ({BEGIN})")
    lines = source.split("\n")
    # From the last to the first, so that the indices of those before stay true.
    for region in reversed(regions):
        stub = f'{region.indent}raise NotImplementedError("exercise {exercise}")'
        lines[region.begin : region.end + 1] = [stub]
    return "\n".join(lines)

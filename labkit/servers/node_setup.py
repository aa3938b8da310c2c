"""Node and the npm packages of the course: what is wanted, what is here. Installs nothing."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path

from labkit.errors import LabkitError

#: Holds ``package.json`` and, once installed, ``node_modules``.
FOLDER = Path(__file__).parents[1] / "node"
#: The oldest Node that the course is tried on. Its packages ask for 10 and get by with that.
OLDEST = "18"
#: How to get Node and npm.
INSTALL = "Debian, Ubuntu: apt install nodejs npm; macOS: brew install node; or from nodejs.org"
SETUP = "run make setup in the course folder"

VERSION_S = 10.0


def node_version(program: str) -> str | None:
    """Return the version of the Node at ``program``, or None if it is not one that runs."""
    return _ask_version(program, Path(program).stat().st_mtime_ns)


def wanted_packages(*, by_tests: bool = False) -> dict[str, str]:
    """Return the npm packages that the course runs, and the version of each.

    ``by_tests`` asks for those that only its tests run.
    """
    manifest = json.loads((FOLDER / "package.json").read_text("utf-8"))
    packages: dict[str, str] = manifest["devDependencies" if by_tests else "dependencies"]
    return packages


def package_version(name: str) -> str | None:
    """Return the version of an npm package that is installed for the course, None if it is not."""
    try:
        manifest = json.loads((FOLDER / "node_modules" / name / "package.json").read_text("utf-8"))
        return str(manifest["version"])
    except (OSError, ValueError, KeyError):
        return None


def is_older(version: str, wanted: str) -> bool:
    """Compare two versions of Node or of an npm package, by their numbers.

    >>> is_older("8.9.0", "8.23.0"), is_older("18.19.0", "18"), is_older("18", "18.0.0")
    (True, False, False)
    """
    return _numbers(version) < _numbers(wanted)


def find_node() -> str:
    """Return where Node is, all that the course runs on it being there.

    Raises LabkitError if Node or a package is missing or of another version; it says what to do.
    """
    program = shutil.which("node")
    if program is None:
        raise LabkitError(
            f"Node is missing, no program node is on the PATH: install Node {OLDEST} or newer "
            f"({INSTALL}), then {SETUP}"
        )
    version = node_version(program)
    if version is None:
        raise LabkitError(f"{program} is no Node that runs here: install Node ({INSTALL})")
    if is_older(version, OLDEST):
        raise LabkitError(
            f"Node {version} is too old for the course: install Node {OLDEST} or newer "
            f"({INSTALL}), then {SETUP}"
        )
    if wrong := _wrong_packages():
        raise LabkitError(f"the course's npm packages are not up to date ({wrong}): {_remedy()}")
    return program


# A notebook asks before each program that it runs; a Node that is replaced is asked again.
@functools.lru_cache(maxsize=8)
def _ask_version(program: str, changed_ns: int) -> str | None:
    try:
        answer = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.fullmatch(r"v(\d+\.\d+\.\d+\S*)\s*", answer.stdout)
    return found[1] if found else None


def _numbers(version: str) -> list[int]:
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    return [*numbers, 0, 0][:3]


def _wrong_packages() -> str:
    """Name the npm packages that are missing or too old; return an empty text if none is."""
    wrong = []
    for name, wanted in wanted_packages().items():
        match package_version(name):
            case None:
                wrong.append(f"{name} is missing")
            case found if is_older(found, wanted):
                wrong.append(f"{name} is {found} and older than {wanted}")
    return ", ".join(wrong)


def _remedy() -> str:
    if shutil.which("npm"):
        return SETUP
    return f"install npm, which is missing too ({INSTALL}), then {SETUP}"

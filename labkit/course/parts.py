"""The packages and programs that the course uses: what each is for and whether it is here.

Installs nothing, and does not say which versions the course wants: its own metadata does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from labkit.servers.node_setup import (
    OLDEST,
    is_older,
    node_version,
    package_version,
    wanted_packages,
)

Need = Literal["learn", "compare", "author", "test"]
State = Literal["ok", "old", "missing"]


@dataclass(frozen=True)
class Part:
    """A package, or a program where ``programs`` names what to look for on the PATH.

    ``need`` says who cannot do without it: the learner, the comparisons of the lessons, which a
    learner may leave out, an author, or the tests. ``oldest`` is the version of Node that will do.
    A package is Python's, or npm's where ``is_npm`` says so.
    """

    name: str
    need: Need
    purpose: str
    loss: str
    programs: tuple[str, ...] = ()
    remedy: str = ""
    oldest: str = ""
    is_npm: bool = False


@dataclass(frozen=True)
class Finding:
    """What was found of a part: its version or place, and how to get it where it is not ``ok``."""

    part: Part
    state: State
    found: str = ""
    remedy: str = ""


_NO_COMMANDS = "the labkit command does not start"
_NO_LAB = "notebooks cannot be opened or run"
_NO_PANELS = "the panels cannot be shown"
_NO_SERVERS = "no server or client of the lessons runs"
_NO_NODE = "programs in Node are shown, and not run"
_GET_NODE = "apt-get install nodejs npm (Debian), brew install node (macOS), then make setup"
_NO_TESTS = "the tests do not run"

PARTS = (
    Part("labkit", "learn", "the course's own package", "notebooks outside this folder miss it"),
    Part("jupyterlab", "learn", "opens the notebooks in the browser", "labkit lab opens nothing"),
    Part("ipykernel", "learn", "runs the cells of a notebook", _NO_LAB),
    Part("nbformat", "learn", "reads and writes notebooks", _NO_LAB),
    Part("nbclient", "learn", "runs notebooks without a browser", "labkit dev build stops"),
    Part("ipywidgets", "learn", "connects a panel to the kernel", _NO_PANELS),
    Part("anywidget", "learn", "carries a panel's own JavaScript", _NO_PANELS),
    Part("matplotlib", "learn", "draws what the lessons measure", "measurements are not plotted"),
    Part("websockets", "learn", "the library that the lessons teach", _NO_SERVERS),
    Part("python-socketio", "learn", "Socket.IO, for lesson 02", "Socket.IO cannot be tried"),
    Part("aiohttp", "learn", "carries Socket.IO's servers", "Socket.IO cannot be tried"),
    Part("psutil", "learn", "finds who holds a port", "labkit doctor sees no other program"),
    Part("tornado", "learn", "serves polling, long polling and SSE", "they cannot be compared"),
    Part("msgspec", "learn", "carries answers to the checks", "no exercise can be checked"),
    Part("nest-asyncio", "learn", "shown in lesson 02, with its dangers", "one cell of it fails"),
    Part("packaging", "learn", "compares versions", "labkit doctor does not start"),
    Part("typer", "learn", "reads the command line", _NO_COMMANDS),
    Part("rich", "learn", "prints tables and progress", _NO_COMMANDS),
    Part("jinja2", "learn", "lays out a student's feedback", "labkit grade writes no feedback"),
    Part(
        "node",
        "compare",
        "runs JavaScript beside the Python",
        _NO_NODE,
        programs=("node",),
        remedy=f"{_GET_NODE}; the course wants {OLDEST} or newer, which nodejs.org has",
        oldest=OLDEST,
    ),
    Part("npm", "compare", "installs Node's packages", _NO_NODE, ("npm",), _GET_NODE),
    Part("ws", "compare", "Node's WebSocket library", _NO_NODE, is_npm=True),
    Part("socket.io", "compare", "Socket.IO's own server", _NO_NODE, is_npm=True),
    Part("socket.io-client", "compare", "Socket.IO's own client", _NO_NODE, is_npm=True),
    Part("jupytext", "author", "reads the course's Markdown", "labkit dev build stops"),
    Part("ruff", "author", "formats and lints the code", "make lint and make format stop"),
    Part("hatchling", "author", "packs labkit", "labkit cannot be installed from its folder"),
    Part("editables", "author", "installs labkit in place", "make lab cannot finish its set-up"),
    Part("pytest", "test", "runs the tests", _NO_TESTS),
    Part("pytest-asyncio", "test", "runs tests that await", _NO_TESTS),
    Part("pytest-xdist", "test", "runs tests side by side", _NO_TESTS),
    Part("hypothesis", "test", "finds inputs that break a property", _NO_TESTS),
    Part("pyyaml", "test", "reads environment.yml", "the conda file is not compared"),
    Part("mypy", "test", "checks the types", "make lint stops"),
    Part("nbval", "test", "compares cells with stored outputs", "notebooks go unchecked"),
    Part("nbgrader", "test", "grades as schools do", "its tests are skipped"),
    Part("kosoku", "test", "the 517 Autobahn cases", "conformance tests are skipped"),
    Part("playwright", "test", "drives a browser", "browser tests are skipped"),
    Part(
        "chromium",
        "test",
        "the browser that tests drive",
        "browser tests are skipped",
        programs=("chromium", "chromium-browser", "google-chrome"),
        remedy="apt-get install chromium (Debian), brew install --cask chromium (macOS)",
    ),
    Part(
        "nginx",
        "test",
        "the proxy that tests put in the way",
        "tests through a proxy are skipped",
        programs=("nginx",),
        remedy="apt-get install nginx (Debian), brew install nginx (macOS)",
    ),
    Part("pyodide", "test", "Python in a browser's engine", "its tests are skipped", is_npm=True),
)


def declared() -> dict[str, SpecifierSet]:
    """Return the versions that labkit's own metadata asks for, by package, on this platform."""
    try:
        lines = metadata.requires("labkit") or []
    except metadata.PackageNotFoundError:
        return {}
    wanted = {}
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if not marker or any(marker.evaluate({"extra": each}) for each in ("", "author", "test")):
            wanted[requirement.name] = requirement.specifier
    return wanted


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def survey(
    parts: Iterable[Part] = PARTS,
    *,
    wanted: Mapping[str, SpecifierSet] | None = None,
    version: Callable[[str], str | None] = _version,
    npm_version: Callable[[str], str | None] = package_version,
    which: Callable[[str], str | None] = shutil.which,
    node_version: Callable[[str], str | None] = node_version,
) -> list[Finding]:
    """Look for each part. A package that this platform has no use for is left out."""
    wanted = declared() if wanted is None else wanted
    findings = []
    for part in parts:
        if part.programs:
            findings.append(_look_for_program(part, which, node_version))
        elif part.is_npm:
            findings.append(_look_up_npm(part, npm_version(part.name)))
        elif part.name == "labkit" or not wanted or part.name in wanted:
            findings.append(_look_up(part, wanted.get(part.name, SpecifierSet()), version))
    return findings


def _look_for_program(
    part: Part,
    which: Callable[[str], str | None],
    node_version: Callable[[str], str | None],
) -> Finding:
    match next(filter(None, map(which, part.programs)), None):
        case None:
            return Finding(part, "missing", remedy=part.remedy)
        case place if part.oldest:
            return _judge(part, node_version(place), part.oldest, part.remedy)
        case place:
            return Finding(part, "ok", place)


def _look_up_npm(part: Part, found: str | None) -> Finding:
    wanted = wanted_packages(by_tests=part.need == "test")
    return _judge(part, found, wanted[part.name], "make setup, where npm is")


def _judge(part: Part, found: str | None, oldest: str, remedy: str) -> Finding:
    match found:
        case None:
            return Finding(part, "missing", remedy=remedy)
        case _ if is_older(found, oldest):
            return Finding(part, "old", found, remedy)
        case _:
            return Finding(part, "ok", found)


def _look_up(part: Part, specifier: SpecifierSet, version: Callable[[str], str | None]) -> Finding:
    remedy = f"make setup, or pip install '{part.name}{specifier}'"
    if part.name == "labkit":
        remedy = "make setup, or pip install --editable . in the course folder"
    match version(part.name):
        case None:
            return Finding(part, "missing", remedy=remedy)
        case found if specifier.contains(found, prereleases=True):
            return Finding(part, "ok", found)
        case found:
            return Finding(part, "old", found, remedy)

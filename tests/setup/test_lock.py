"""``requirements.lock``: exact versions of everything that pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "requirements.lock").read_text("utf-8").splitlines()


def wanted() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return [*project["dependencies"], *(line for each in extras for line in each)]


def test_every_line_is_one_package_at_one_version() -> None:
    pinned = re.compile(r"[a-z0-9][a-z0-9-]*==[\w.+!]+( ; .+)?")
    assert [line for line in LINES if not pinned.fullmatch(line)] == []


def test_no_line_holds_an_address() -> None:
    assert [line for line in LINES if "://" in line or " @ " in line] == []


@pytest.mark.parametrize("line", wanted())
def test_a_version_that_the_project_accepts_is_locked(line: str) -> None:
    requirement = Requirement(line)
    locked = [
        pin
        for pin in map(Requirement, LINES)
        if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
    ]
    assert locked
    for pin in locked:
        (version,) = pin.specifier
        assert requirement.specifier.contains(version.version)
        assert str(pin.marker) == str(requirement.marker)

"""The ways to set up without make: conda, Binder and a dev container."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]

#: conda-forge's name → PyPI's, where they differ.
PYPI_NAME = {"playwright-python": "playwright"}
#: What conda brings and pip does not list.
CONDA_ONLY = {"python", "pip"}


@pytest.fixture
def environment() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    return loaded


@pytest.fixture
def project() -> dict[str, Any]:
    loaded = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project: dict[str, Any] = loaded["project"]
    return project


def split(requirement: str) -> tuple[str, str]:
    """Return name and bounds: ``nbval>=0.11`` gives ``("nbval", ">=0.11")``."""
    name, bounds = re.fullmatch(r"([\w.-]+)(.*)", requirement).groups()  # type: ignore[union-attr]
    return name, bounds


def test_conda_and_pip_install_the_same_packages_from_the_same_versions(
    environment: dict[str, Any], project: dict[str, Any]
) -> None:
    conda = [each for each in environment["dependencies"] if isinstance(each, str)]
    (pip,) = (each["pip"] for each in environment["dependencies"] if isinstance(each, dict))
    listed = {PYPI_NAME.get(name, name): bounds for name, bounds in map(split, [*conda, *pip])}
    extras = project["optional-dependencies"].values()
    wanted = dict(
        map(split, [*project["dependencies"], *(line for each in extras for line in each)])
    )
    assert {name: listed[name] for name in listed.keys() - CONDA_ONLY} == wanted


def test_conda_takes_the_python_that_the_package_asks_for(
    environment: dict[str, Any], project: dict[str, Any]
) -> None:
    assert f"python{project['requires-python']}" in environment["dependencies"]


def test_binder_builds_the_same_environment() -> None:
    binder = ROOT / "binder" / "environment.yml"
    assert binder.read_bytes() == (ROOT / "environment.yml").read_bytes()


def test_binder_adds_the_package_itself() -> None:
    script = ROOT / "binder" / "postBuild"
    assert os.access(script, os.X_OK)
    assert "pip install --no-deps --no-build-isolation --editable ." in script.read_text("utf-8")


def test_a_dev_container_sets_up_with_a_target_that_exists() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    make, target = container["postCreateCommand"].split()
    assert make == "make"
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

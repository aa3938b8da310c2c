"""What every test may rely on: real components that are missing are skipped by name, or fail."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable

import pytest


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


#: Part → (whether it is here, how to get it).
PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "chromium": (
        _program("chromium", "chromium-browser", "google-chrome"),
        "apt-get install chromium, or brew install --cask chromium",
    ),
    "kosoku": (_module("kosoku"), "pip install kosoku (Linux only)"),
    "nbgrader": (_module("nbgrader"), "pip install nbgrader"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose real component is missing, or fail it where everything is required."""
    for mark in item.iter_markers("needs"):
        for part in mark.args:
            present, how = PARTS[part]
            if present():
                continue
            message = f"needs {part}: {how}"
            if os.environ.get("LABKIT_REQUIRE_ALL") == "1":
                pytest.fail(message, pytrace=False)
            pytest.skip(message)

"""The npm packages of the course: exact versions, and nothing of where they come from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from labkit.servers.node_setup import OLDEST, is_older

FOLDER = Path(__file__).parents[2] / "labkit" / "node"


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / name).read_text("utf-8"))
    return loaded


LOCKED = {path: each for path, each in read("package-lock.json")["packages"].items() if path}


def test_the_packages_are_for_the_course_alone_and_import_one_another() -> None:
    manifest = read("package.json")
    assert manifest["private"] is True
    assert manifest["type"] == "module"


def test_each_package_has_one_exact_version_and_it_is_the_one_locked() -> None:
    manifest = read("package.json")
    for name, version in {**manifest["dependencies"], **manifest["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert LOCKED[f"node_modules/{name}"]["version"] == version


def test_every_package_is_locked_by_its_checksum_and_by_no_address() -> None:
    for path, package in LOCKED.items():
        assert package["integrity"].startswith("sha512-"), path
        assert "resolved" not in package, path
    assert "omit-lockfile-registry-resolved=true" in (FOLDER / ".npmrc").read_text("utf-8")


def test_no_package_runs_a_script_when_it_is_installed() -> None:
    assert [path for path, package in LOCKED.items() if package.get("hasInstallScript")] == []
    assert "ignore-scripts=true" in (FOLDER / ".npmrc").read_text("utf-8")


def test_the_oldest_node_is_the_same_in_both_languages_and_enough_for_every_package() -> None:
    assert read("package.json")["engines"]["node"] == f">={OLDEST}"
    floors = [package["engines"]["node"] for package in LOCKED.values() if "engines" in package]
    assert [floor for floor in floors if is_older(OLDEST, floor)] == []


def test_what_is_installed_is_neither_committed_nor_packed() -> None:
    ignored = (FOLDER.parents[1] / ".gitignore").read_text("utf-8").splitlines()
    assert "node_modules/" in ignored

"""What is wanted of Node, and the sentence for each way in which it is not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from labkit.errors import LabkitError
from labkit.servers import node_setup
from labkit.servers.node_setup import (
    OLDEST,
    find_node,
    is_older,
    node_version,
    package_version,
    wanted_packages,
)


class Machine:
    """A PATH and a folder of packages with only what the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.packages = folder / "node"
        self.bin.mkdir()
        self.packages.mkdir()
        (self.packages / "package.json").write_text('{"dependencies": {"ws": "8.2.0"}}')

    def add_program(self, name: str, *, says: str = "", status: int = 0) -> str:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
        path.chmod(0o755)
        return str(path)

    def add_package(self, name: str, version: str) -> None:
        folder = self.packages / "node_modules" / name
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"version": version}))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(machine.bin))
    monkeypatch.setattr(node_setup, "FOLDER", machine.packages)
    return machine


def refusal() -> str:
    with pytest.raises(LabkitError) as refused:
        find_node()
    return str(refused.value)


def test_node_with_its_packages_is_found(machine: Machine) -> None:
    program = machine.add_program("node", says="v20.1.0")
    machine.add_package("ws", "8.2.0")
    assert find_node() == program


def test_without_node_it_says_how_to_get_one(machine: Machine) -> None:
    text = refusal()
    assert text.startswith("Node is missing, no program node is on the PATH: install Node 18 or")
    assert text.endswith("then run make setup in the course folder")


def test_an_old_node_is_named_with_the_version_that_is_wanted(machine: Machine) -> None:
    machine.add_program("node", says="v12.22.9")
    assert refusal().startswith("Node 12.22.9 is too old for the course: install Node 18 or newer")


@pytest.mark.parametrize(("says", "status"), [("I am no Node", 0), ("", 1)])
def test_a_program_that_is_no_node_is_named(machine: Machine, says: str, status: int) -> None:
    program = machine.add_program("node", says=says, status=status)
    assert refusal().startswith(f"{program} is no Node that runs here: install Node (")


def test_packages_that_are_not_installed_are_named(machine: Machine) -> None:
    machine.add_program("node", says="v20.1.0")
    machine.add_program("npm")
    assert refusal() == (
        "the course's npm packages are not up to date (ws is missing): "
        "run make setup in the course folder"
    )


def test_packages_that_are_too_old_are_named_with_both_versions(machine: Machine) -> None:
    machine.add_program("node", says="v20.1.0")
    machine.add_program("npm")
    machine.add_package("ws", "8.1.9")
    assert "(ws is 8.1.9 and older than 8.2.0)" in refusal()


def test_packages_that_are_newer_will_do(machine: Machine) -> None:
    program = machine.add_program("node", says="v20.1.0")
    machine.add_package("ws", "8.10.0")
    assert find_node() == program


def test_where_npm_is_missing_too_it_is_to_be_installed_first(machine: Machine) -> None:
    machine.add_program("node", says="v20.1.0")
    text = refusal()
    assert "(ws is missing): install npm, which is missing too (" in text
    assert text.endswith("then run make setup in the course folder")


def test_a_node_that_is_replaced_is_asked_again(machine: Machine) -> None:
    program = machine.add_program("node", says="v12.22.9")
    assert node_version(program) == "12.22.9"
    machine.add_program("node", says="v20.1.0")
    os.utime(program, (1, 1))
    assert node_version(program) == "20.1.0"


def test_a_package_that_is_half_there_is_missing(machine: Machine) -> None:
    machine.add_package("ws", "8.2.0")
    (machine.packages / "node_modules" / "ws" / "package.json").write_text("{")
    assert package_version("ws") is None


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("8.9.0", "8.23.0", True),
        ("8.23.0", "8.23.0", False),
        ("9.0.0-beta.1", "8.23.0", False),
        ("17.9.1", OLDEST, True),
        ("18.0.0", OLDEST, False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, wanted: str, expected: bool) -> None:
    assert is_older(version, wanted) is expected


def test_the_course_runs_ws_and_both_sides_of_socketio() -> None:
    assert set(wanted_packages()) == {"ws", "socket.io", "socket.io-client"}

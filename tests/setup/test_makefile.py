"""The Makefile on a machine that has make, a shell and a stand-in for Python, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SETUP_FILES = ("Makefile", "pyproject.toml", "requirements.lock")
PACKAGE_FILES = ("labkit/node/package.json", "labkit/node/package-lock.json")

# Writes down what it is asked and makes what the Makefile looks at. Only the question whether it
# will do is put to a real Python.
STAND_IN = f"""#!/bin/sh
case "$*" in
    *version_info*) [ "{{usable}}" = yes ] && exec "{sys.executable}" "$@"; exit 1 ;;
    "-c import ensurepip") [ "{{ensurepip}}" = yes ]; exit ;;
    --version) echo "Python from {{name}}"; exit ;;
    "-m pip --version") exit ;;
esac
echo "{{name}} $*" >> "$LOG"
case "$*" in
    "-m venv .venv" | "-m virtualenv --quiet .venv")
        mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
"""

NPM = """#!/bin/sh
echo "npm $* in $PWD" >> "$LOG"
if [ "{works}" = yes ]; then
    mkdir -p node_modules && echo > node_modules/.package-lock.json
else
    echo "npm error network" >&2; exit 1
fi
"""


class Machine:
    """A folder with the set-up files, and a PATH with only what the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.course = folder / "a course"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.course.mkdir(parents=True)
        self.bin.mkdir()
        self.packages.mkdir(parents=True)
        for name in (*SETUP_FILES, *PACKAGE_FILES):
            shutil.copy(ROOT / name, self.course / name)
        for tool in ("make", "sh", "cat", "cp", "mkdir", "rm", "touch"):
            (self.bin / tool).symlink_to(shutil.which(tool) or pytest.skip(f"needs {tool}"))

    @property
    def packages(self) -> Path:
        return self.course / "labkit" / "node"

    def add_python(self, name: str, *, usable: bool = True, ensurepip: bool = True) -> Path:
        path = self.bin / name
        yes = {True: "yes", False: "no"}
        text = STAND_IN.format(name=name, usable=yes[usable], ensurepip=yes[ensurepip])
        path.write_text(text)
        path.chmod(0o755)
        return path

    def add_npm(self, *, works: bool = True) -> None:
        path = self.bin / "npm"
        path.write_text(NPM.format(works="yes" if works else "no"))
        path.chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        return subprocess.run(
            ["make", *arguments],
            cwd=self.course,
            env={"PATH": str(self.bin), "LOG": str(self.log), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def asked(self, *arguments: str) -> Sequence[str]:
        """Run make, which must succeed, and return what the others were asked to do."""
        result = self.make(*arguments)
        assert result.returncode == 0, result.stderr
        return self.log.read_text().splitlines()


PIP = "-m pip --disable-pip-version-check --no-input install"


def installs(python: str) -> list[str]:
    return [
        f"{python} {PIP} --requirement requirements.lock",
        f"{python} {PIP} --no-deps --no-build-isolation --editable .",
    ]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_on_a_fresh_machine_make_lab_sets_up_and_opens_the_course(machine: Machine) -> None:
    machine.add_python("python3")
    assert machine.asked("lab", "ARGS=--no-browser") == [
        "python3 -m venv .venv",
        *installs("python3"),
        "python3 -m labkit lab --no-browser",
    ]


FOR_PYODIDE = (
    "python3 -m pip --disable-pip-version-check --no-input download --quiet --retries 1 --no-deps"
    " --constraint requirements.lock --dest .venv/pyodide"
)


def test_make_test_runs_the_tests_and_then_the_notebooks(machine: Machine) -> None:
    machine.add_python("python3")
    machine.make("setup")
    download, *rest = machine.asked("test", "ARGS=-x")
    assert download.startswith(FOR_PYODIDE)
    assert rest == [
        "python3 -m pytest -n 2 --dist loadfile -x",
        "python3 -m pytest -n 2 --dist loadfile"
        " --nbval --nbval-cell-timeout=60 notebooks solutions",
    ]


def test_what_pyodide_needs_is_fetched_once_and_only_for_the_tests(machine: Machine) -> None:
    machine.add_python("python3")
    assert not [line for line in machine.asked("lab") if "download" in line]
    machine.make("test")
    assert not [line for line in machine.asked("test") if "download" in line]


def test_what_pyodide_needs_can_be_missed(machine: Machine) -> None:
    path = machine.add_python("python3")
    path.write_text(path.read_text() + '[ "$5" != download ]\n')
    result = machine.make("test")
    assert result.returncode == 0
    assert "pip could not get msgspec for Pyodide: a test is skipped" in result.stdout


def test_a_second_run_sets_up_nothing(machine: Machine) -> None:
    machine.add_python("python3")
    machine.make("setup")
    assert machine.asked("lab") == ["python3 -m labkit lab"]


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.lock"])
def test_a_changed_list_of_packages_is_installed_into_the_same_environment(
    machine: Machine, name: str
) -> None:
    machine.add_python("python3")
    machine.make("setup")
    later = (machine.course / ".venv" / "ready").stat().st_mtime + 10
    os.utime(machine.course / name, (later, later))
    assert machine.asked("setup") == installs("python3")


def test_the_newest_python_is_taken(machine: Machine) -> None:
    for name in ("python3", "python3.11", "python3.13"):
        machine.add_python(name)
    assert machine.asked("setup")[0] == "python3.13 -m venv .venv"


def test_a_python_that_will_not_do_is_passed_over(machine: Machine) -> None:
    machine.add_python("python3.13", usable=False)
    machine.add_python("python3")
    assert machine.asked("setup")[0] == "python3 -m venv .venv"


def test_the_python_that_is_named_is_taken(machine: Machine) -> None:
    machine.add_python("python3.13")
    mine = machine.add_python("mine")
    assert machine.asked("setup", f"PYTHON={mine}")[0] == "mine -m venv .venv"


def test_without_ensurepip_virtualenv_makes_the_environment(machine: Machine) -> None:
    machine.add_python("python3", ensurepip=False)
    assert machine.asked("setup") == [
        "python3 -m pip install --quiet --target .bootstrap --upgrade virtualenv",
        "python3 -m virtualenv --quiet .venv",
        *installs("python3"),
    ]


def test_without_any_python_the_message_says_what_to_install(machine: Machine) -> None:
    machine.add_python("python3", usable=False)
    result = machine.make("lab")
    assert result.returncode != 0
    assert result.stderr.startswith(
        "No Python 3.11 or newer with pip was found (looked for: python3.14 python3.13 python3.12 "
        "python3.11 python3). Install one (Debian, Ubuntu: apt install python3 python3-venv; "
    )
    assert not (machine.course / ".venv").exists()


def test_an_environment_that_moved_with_its_folder_is_made_again(machine: Machine) -> None:
    machine.add_python("python3")
    machine.make("setup")
    machine.course = machine.course.rename(machine.course.with_name("elsewhere"))
    assert machine.asked("setup")[0] == "python3 -m venv .venv"


def test_an_environment_whose_python_was_removed_is_made_again(machine: Machine) -> None:
    machine.add_python("python3")
    machine.make("setup")
    python = machine.course / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert machine.asked("setup")[0] == "python3 -m venv .venv"


def test_an_environment_that_works_is_kept_whoever_made_it(machine: Machine) -> None:
    (machine.course / ".venv" / "bin").mkdir(parents=True)
    machine.add_python("mine").rename(machine.course / ".venv" / "bin" / "python")
    assert machine.asked("setup") == installs("mine")


CI = "npm ci --silent --fetch-timeout=20000 --fetch-retries=1 --fetch-retry-mintimeout=1000"
WITHOUT = "the course works, except for its comparisons with Node"


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """Return a machine that was set up without npm."""
    machine.add_python("python3")
    machine.make("setup")
    return machine


def test_where_npm_is_its_packages_are_installed_after_the_environment(machine: Machine) -> None:
    machine.add_python("python3")
    machine.add_npm()
    assert machine.asked("lab") == [
        "python3 -m venv .venv",
        *installs("python3"),
        f"{CI} in {machine.packages}",
        "python3 -m labkit lab",
    ]


def test_npm_packages_that_are_installed_are_not_installed_again(machine: Machine) -> None:
    machine.add_python("python3")
    machine.add_npm()
    machine.make("test")
    assert machine.asked("setup") == []
    assert machine.asked("lab") == ["python3 -m labkit lab"]


@pytest.mark.parametrize("name", PACKAGE_FILES)
def test_a_changed_list_of_npm_packages_is_installed(machine: Machine, name: str) -> None:
    machine.add_python("python3")
    machine.add_npm()
    machine.make("setup")
    later = (machine.course / ".venv" / "node").stat().st_mtime + 10
    os.utime(machine.course / name, (later, later))
    assert machine.asked("setup") == [f"{CI} in {machine.packages}"]


def test_without_npm_the_course_is_set_up_and_one_sentence_says_what_is_lost(
    machine: Machine,
) -> None:
    machine.add_python("python3")
    result = machine.make("setup")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == (
        f"npm is missing: {WITHOUT} (for those: apt install nodejs npm on Debian and Ubuntu, "
        "brew install node on macOS; then make setup)."
    )


def test_an_npm_that_fails_costs_its_packages_and_nothing_else(machine: Machine) -> None:
    machine.add_python("python3")
    machine.add_npm(works=False)
    result = machine.make("setup")
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == (
        f"npm could not install its packages: {WITHOUT} "
        "(to see why: cd labkit/node && npm ci; to try again: make setup)."
    )


def test_that_npm_is_missing_is_said_once(ready: Machine) -> None:
    assert "npm" not in ready.make("lab").stdout


def test_make_lab_does_not_wait_for_npm_again(ready: Machine) -> None:
    ready.add_npm()
    assert ready.asked("lab") == ["python3 -m labkit lab"]


def test_make_setup_tries_again_once_there_is_an_npm(ready: Machine) -> None:
    ready.add_npm()
    assert ready.asked("setup") == [f"{CI} in {ready.packages}"]


def test_npm_packages_that_were_removed_are_installed_by_make_setup(machine: Machine) -> None:
    machine.add_python("python3")
    machine.add_npm()
    machine.make("setup")
    shutil.rmtree(machine.packages / "node_modules")
    assert machine.asked("setup") == [f"{CI} in {machine.packages}"]


def test_an_environment_that_is_made_again_brings_the_npm_packages(machine: Machine) -> None:
    machine.add_python("python3")
    machine.add_npm()
    machine.make("setup")
    machine.course = machine.course.rename(machine.course.with_name("elsewhere"))
    assert machine.asked("setup")[-1] == f"{CI} in {machine.packages}"
    assert machine.asked("setup") == []

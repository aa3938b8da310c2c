"""What CI runs, with stand-ins for everything that it calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = ROOT / ".ci" / "run"

COMPONENTS = {"chromium", "nginx", "node", "npm"}

STAND_IN = """#!/bin/sh
echo "{name} $* LABKIT_REQUIRE_ALL=$LABKIT_REQUIRE_ALL" >> "$LOG"
exit {code}
"""


def run(folder: Path, *programs: str, user: int = 0, make_exits: int = 0) -> tuple[int, list[str]]:
    """Run the script where only ``programs`` exist; return its exit code and what it called."""
    log = folder / "log"
    log.touch()
    for tool in ("bash", "dirname", "env"):
        (folder / tool).symlink_to(shutil.which(tool) or pytest.skip(f"needs {tool}"))
    (folder / "id").write_text(f"#!/bin/sh\necho {user}\n")
    for name in ("make", *programs):
        code = make_exits if name == "make" else 0
        (folder / name).write_text(STAND_IN.format(name=name, code=code))
    for path in folder.iterdir():
        if not path.is_symlink():
            path.chmod(0o755)
    result = subprocess.run(
        [RUN],
        cwd=folder,
        env={"PATH": str(folder), "LOG": str(log)},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return result.returncode, log.read_text().splitlines()


def test_the_script_can_be_run() -> None:
    assert os.access(RUN, os.X_OK)


def installed(called: list[str]) -> list[str]:
    """Return the packages that apt-get was told to install."""
    start = "apt-get install -qq -y "
    lines = [line for line in called if line.startswith(start)]
    return [word for line in lines for word in line.removeprefix(start).split()[:-1]]


def test_components_that_are_there_are_not_installed(tmp_path: Path) -> None:
    assert run(tmp_path, *COMPONENTS, "apt-get") == (0, ["make test LABKIT_REQUIRE_ALL=1"])


def test_root_installs_what_is_missing_first(tmp_path: Path) -> None:
    assert run(tmp_path, "apt-get") == (
        0,
        [
            "apt-get update -qq LABKIT_REQUIRE_ALL=",
            "apt-get install -qq -y chromium nodejs npm nginx LABKIT_REQUIRE_ALL=",
            "make test LABKIT_REQUIRE_ALL=1",
        ],
    )


@pytest.mark.parametrize(
    ("missing", "package"),
    [("chromium", "chromium"), ("nginx", "nginx"), ("node", "nodejs"), ("npm", "npm")],
)
def test_only_what_is_missing_is_installed(tmp_path: Path, missing: str, package: str) -> None:
    _, called = run(tmp_path, *(COMPONENTS - {missing}), "apt-get")
    assert installed(called) == [package]


@pytest.mark.parametrize("name", ["chromium-browser", "google-chrome"])
def test_a_browser_of_another_name_will_do(tmp_path: Path, name: str) -> None:
    _, called = run(tmp_path, name, "apt-get")
    assert installed(called) == ["nodejs", "npm", "nginx"]


def test_another_user_installs_it_through_sudo(tmp_path: Path) -> None:
    _, called = run(tmp_path, "sudo", user=1000)
    assert called[0] == "sudo -n apt-get update -qq LABKIT_REQUIRE_ALL="


def test_tests_that_fail_fail_the_run(tmp_path: Path) -> None:
    code, _ = run(tmp_path, *COMPONENTS, make_exits=2)
    assert code == 2

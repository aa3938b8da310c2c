from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from labkit.course.parts import PARTS, Part, declared, survey
from labkit.servers.node_setup import wanted_packages

ROOT = Path(__file__).parents[2]
SPAM = Part("spam", "learn", "fills the tin", "the tin is empty")
BROWSER = Part(
    "browser", "test", "shows pages", "no pages", programs=("firefox", "lynx"), remedy="get one"
)
NODE = Part("node", "compare", "runs", "stands", programs=("node",), remedy="get it", oldest="18")
WS = Part("ws", "compare", "frames", "no frames", is_npm=True)


def found(part: Part, version: str | None, wanted: str = ">=1.2") -> tuple[str, str]:
    (finding,) = survey([part], wanted={"spam": SpecifierSet(wanted)}, version=lambda name: version)
    return finding.state, finding.remedy


def test_a_package_that_is_new_enough_is_ok_and_needs_no_remedy() -> None:
    assert found(SPAM, "1.10") == ("ok", "")


def test_a_package_under_its_floor_is_old_and_the_remedy_names_the_floor() -> None:
    assert found(SPAM, "1.1") == ("old", "make setup, or pip install 'spam>=1.2'")


def test_a_package_that_is_not_installed_is_missing() -> None:
    assert found(SPAM, None) == ("missing", "make setup, or pip install 'spam>=1.2'")


def test_a_pre_release_over_the_floor_is_ok() -> None:
    assert found(SPAM, "2.0rc1")[0] == "ok"


def test_a_program_is_found_under_any_of_its_names() -> None:
    places = {"lynx": "/usr/bin/lynx"}
    (finding,) = survey([BROWSER], which=places.get)
    assert (finding.state, finding.found) == ("ok", "/usr/bin/lynx")


def test_a_program_under_none_of_its_names_is_missing_with_its_own_remedy() -> None:
    (finding,) = survey([BROWSER], which=lambda name: None)
    assert (finding.state, finding.remedy) == ("missing", "get one")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("18.0.0", ("ok", "18.0.0", "")),
        ("20.20.2", ("ok", "20.20.2", "")),
        ("12.22.9", ("old", "12.22.9", "get it")),
        (None, ("missing", "", "get it")),
    ],
)
def test_a_program_with_a_floor_is_judged_by_the_version_it_says(
    version: str | None, expected: tuple[str, str, str]
) -> None:
    (finding,) = survey([NODE], which=lambda name: "/bin/node", node_version=lambda place: version)
    assert (finding.state, finding.found, finding.remedy) == expected


def test_a_program_that_is_not_there_is_not_asked_for_its_version() -> None:
    (finding,) = survey([NODE], which=lambda name: None, node_version=lambda place: "20.0.0")
    assert (finding.state, finding.remedy) == ("missing", "get it")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (wanted_packages()["ws"], ("ok", wanted_packages()["ws"], "")),
        ("8.0.0", ("old", "8.0.0", "make setup, where npm is")),
        (None, ("missing", "", "make setup, where npm is")),
    ],
)
def test_a_package_of_npm_is_looked_up_among_those_of_the_course(
    version: str | None, expected: tuple[str, str, str]
) -> None:
    (finding,) = survey([WS], npm_version=lambda name: version)
    assert (finding.state, finding.found, finding.remedy) == expected


def test_the_table_has_every_package_of_npm_and_no_other() -> None:
    assert {part.name for part in PARTS if part.is_npm} == {
        *wanted_packages(),
        *wanted_packages(by_tests=True),
    }


def test_the_course_can_do_without_all_that_comes_from_node() -> None:
    names = {"node", "npm", *wanted_packages()}
    assert {part.name for part in PARTS if part.need == "compare"} == names


def test_a_package_that_this_platform_has_no_use_for_is_left_out() -> None:
    assert survey([SPAM], wanted={"eggs": SpecifierSet()}, version=lambda name: None) == []


def test_without_labkits_own_metadata_every_package_is_still_looked_up() -> None:
    labkit = Part("labkit", "learn", "the course", "no course")
    findings = survey([labkit, SPAM], wanted={}, version=lambda name: None)
    assert [finding.state for finding in findings] == ["missing", "missing"]


def test_the_table_has_every_declared_package_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = {"learn": project["dependencies"], "author": extras["author"], "test": extras["test"]}
    expected = {
        (re.split(r"[<>=!~;\[ ]", line)[0], need) for need, each in lines.items() for line in each
    }
    packages = {(p.name, p.need) for p in PARTS if not p.programs and not p.is_npm} - {
        ("labkit", "learn")
    }
    assert packages == expected


def test_what_labkit_declares_is_read_with_its_extras() -> None:
    wanted = declared()
    assert wanted["websockets"].contains("17.4")
    assert not wanted["websockets"].contains("16.0")
    assert "jupytext" in wanted
    assert "pytest" in wanted


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_each_part_says_what_it_is_for_and_what_is_lost(part: Part) -> None:
    assert part.purpose
    assert part.loss
    assert bool(part.programs) == bool(part.remedy)

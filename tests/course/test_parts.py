from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from labkit.course.parts import PARTS, Part, declared, survey

ROOT = Path(__file__).parents[2]
SPAM = Part("spam", "learn", "fills the tin", "the tin is empty")
BROWSER = Part(
    "browser", "test", "shows pages", "no pages", programs=("firefox", "lynx"), remedy="get one"
)


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
    packages = {(p.name, p.need) for p in PARTS if not p.programs and p.name != "labkit"}
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

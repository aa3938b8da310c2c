"""Examinations run side by side, and none can spoil another."""

from __future__ import annotations

import asyncio

import pytest

from labkit.doctor.findings import Finding, examine

WELL = Finding("spam", "ok", "is served")


async def find_it_well() -> list[Finding]:
    return [WELL]


async def wait_for_ever() -> list[Finding]:
    return await asyncio.get_running_loop().create_future()


async def stumble() -> list[Finding]:
    raise ZeroDivisionError("no [red] eggs")


async def miss_a_package() -> list[Finding]:
    raise ModuleNotFoundError("No module named 'spam'")


async def test_each_examination_answers_by_its_name() -> None:
    assert await examine({"a": find_it_well, "b": find_it_well}) == {"a": [WELL], "b": [WELL]}


async def test_one_that_takes_too_long_is_a_finding_and_the_rest_stand() -> None:
    found = await examine({"slow": wait_for_ever, "quick": find_it_well}, limit_s=0.05)
    assert found["quick"] == [WELL]
    assert found["slow"] == [
        Finding("slow", "warning", "not done after 0.05 s", "run labkit doctor once more")
    ]


async def test_one_that_stumbles_is_a_finding_that_names_its_error() -> None:
    [finding] = (await examine({"clumsy": stumble}))["clumsy"]
    assert finding.state == "warning"
    assert finding.found == "not examined: ZeroDivisionError: no [red] eggs"


async def test_one_that_misses_a_package_says_how_to_get_it() -> None:
    [finding] = (await examine({"poor": miss_a_package}))["poor"]
    assert finding.found == "not examined: No module named 'spam'"
    assert "make setup" in finding.remedy


async def test_to_be_cancelled_ends_all_of_them() -> None:
    task = asyncio.create_task(examine({"slow": wait_for_ever}))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

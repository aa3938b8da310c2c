"""labkit.grading.watch: a save is noticed, and so is what it changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.errors import UsageError
from labkit.grading.watch import Watch, saves

Write = Callable[..., Path]
MASK = "def apply_mask(data, key): return bytes(b ^ key[i % 4] for i, b in enumerate(data))"


async def test_every_notebook_comes_once_and_again_when_it_is_saved(
    tmp_path: Path, write: Write
) -> None:
    first, second = write(tmp_path / "01_a.ipynb"), write(tmp_path / "02_b.ipynb")
    looks = 0

    async def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            write(second, "x = 1")

    found = saves(tmp_path, sleep=sleep)
    assert await anext(found) == ("01", first)
    assert await anext(found) == ("02", second)
    assert await anext(found) == ("02", second)
    assert looks == 3


async def test_a_save_that_changes_no_length_is_noticed(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "01_a.ipynb")
    found = saves(tmp_path, interval_s=0)
    await anext(found)
    os.utime(path, ns=(1, 1))
    assert await anext(found) == ("01", path)


async def test_a_notebook_that_goes_and_comes_is_noticed(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "01_a.ipynb")
    looks = 0

    async def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        path.unlink() if looks == 1 else write(path, "x = 1")

    found = saves(tmp_path, sleep=sleep)
    await anext(found)
    assert await anext(found) == ("01", path)
    assert looks == 2


async def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        await anext(saves(tmp_path / "nowhere"))


async def test_only_verdicts_that_a_save_has_changed_are_told(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "01_a.ipynb", "def accept_key(key): return key")
    watch = Watch()
    assert len(await watch.check("01", path)) == 8
    assert await watch.check("01", path) == []
    write(path, "def accept_key(key): return key", MASK)
    (changed,) = await watch.check("01", path)
    assert (changed.exercise, changed.status) == ("01.3", "pass")

"""labkit.grading.judge: whatever a notebook holds, each accident costs only what it must."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from labkit.checks.report import Report
from labkit.grading import process
from labkit.grading.judge import Boxes
from labkit.grading.pipe import Cell

Judged = Callable[..., Awaitable[dict[str, Report]]]
ALL = {"double": "pass", "shout": "pass", "Counter": "pass"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.3)


def _statuses(reports: dict[str, Report]) -> dict[str, str]:
    return {symbol: report.status for symbol, report in reports.items()}


async def test_right_answers_pass(judged: Judged, good: tuple[str, ...]) -> None:
    assert _statuses(await judged(*good)) == ALL


async def test_a_reordered_notebook_passes(judged: Judged, good: tuple[str, ...]) -> None:
    assert _statuses(await judged(*reversed(good))) == ALL


async def test_a_retyped_cell_passes(judged: Judged, good: tuple[str, ...]) -> None:
    assert _statuses(await judged(*[Cell(source, is_code=False) for source in good])) == ALL


async def test_a_split_cell_passes(judged: Judged, good: tuple[str, ...]) -> None:
    cells = [part for cell in good for part in cell.split("\n", 1)]
    assert _statuses(await judged(*cells)) == ALL


async def test_duplicate_cells_pass(judged: Judged, good: tuple[str, ...]) -> None:
    assert _statuses(await judged(*good, *good)) == ALL


async def test_a_deleted_cell_costs_its_own_exercise(judged: Judged, good: tuple[str, ...]) -> None:
    reports = await judged(*good[:2], *good[3:])
    assert _statuses(reports) == ALL | {"shout": "todo"}
    assert reports["shout"].message == "not written yet: no cell defines `shout`"


async def test_no_cells_at_all_are_nothing_written(judged: Judged) -> None:
    assert set(_statuses(await judged()).values()) == {"todo"}


@pytest.mark.parametrize(
    ("accident", "status"),
    [
        ("import os; os._exit(0)", "fail"),
        ("raise SystemExit", "fail"),
        ("while True: pass", "timeout"),
        ("__import__('time').sleep(1000)", "timeout"),
        ("sum(__import__('itertools').repeat(1))", "timeout"),
        ("print('x' * 10**6)", "fail"),
        ("bytearray(1 << 40)", "fail"),
        ("return [0] * 10**6", "fail"),
        ("return '\\ud800'", "fail"),
        ("raise ValueError('\\ud800')", "fail"),
        ("raise ValueError(10 ** 5000)", "fail"),
        ("__import__('ctypes').string_at(0)", "fail"),
        ("__import__('os').closerange(0, 256)", "fail"),
    ],
)
async def test_an_accident_in_an_answer_costs_its_own_exercise(
    judged: Judged, good: tuple[str, ...], accident: str, status: str
) -> None:
    reports = await judged(*good, f"def shout(text):\n    {accident}")
    assert _statuses(reports) == ALL | {"shout": status}


@pytest.mark.parametrize(
    "accident",
    [
        "import os\nos._exit(0)",
        "while True: pass",
        "import time\ntime.sleep(1000)",
        "import itertools\nsum(itertools.repeat(1))",
        "await asyncio.Event().wait()",
        "print('x' * 10**8)",
        "hog = bytearray(1 << 40)",
        "input('name? ')",
        "raise SystemExit",
        "import os\nos.kill(os.getpid(), 9)",
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'x' * 64)\n"
        "    except OSError: pass",
        "import os\nif not os.fork():\n    import time\n    time.sleep(1000)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()",
        "import sys\nsys.setrecursionlimit(10**9)\ndef r(): r()\nr()",
        "(" * 5000,
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass",
    ],
)
async def test_an_accident_in_a_cell_costs_no_exercise_of_another(
    judged: Judged, good: tuple[str, ...], accident: str
) -> None:
    assert _statuses(await judged(good[0], accident, *good[1:])) == ALL


async def test_an_accident_in_an_answers_cell_is_told(judged: Judged) -> None:
    reports = await judged("import os\nos._exit(3)\ndef shout(text): return text")
    case = reports["shout"].case
    assert case is not None
    assert case.got == "`shout` is not defined: its cell ended the process (exit 3)"


async def test_a_notebook_whose_every_cell_ends_the_process_is_judged_all_the_same(
    judged: Judged,
) -> None:
    reports = await judged(*["import os; os._exit(1)"] * 3)
    assert set(_statuses(reports).values()) == {"todo"}


async def test_the_time_that_a_notebook_has_is_bounded(
    judged: Judged, good: tuple[str, ...]
) -> None:
    slow = "def shout(text):\n    import time\n    time.sleep(1000)"
    reports = await judged(*good, slow, timeout_s=1.8)
    assert _statuses(reports) == {"double": "pass", "shout": "timeout", "Counter": "timeout"}
    assert reports["Counter"].message == "the 1.8 s that a notebook has were over"


async def test_an_object_that_equals_everything_equals_nothing(judged: Judged) -> None:
    cheat = "class Yes:\n    __eq__ = lambda self, other: True\ndef double(x): return Yes()"
    assert _statuses(await judged(cheat))["double"] == "fail"


async def test_a_new_box_is_started_only_when_the_last_is_of_no_use(good: tuple[str, ...]) -> None:
    async with Boxes([Cell(source) for source in good], ["double"]) as boxes:
        first = await boxes.usable()
        assert await boxes.usable() is first
        await first.close()
        first.is_usable = False
        assert await boxes.usable() is not first


async def test_no_process_and_no_folder_outlives_the_verdicts(
    judged: Judged, good: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pids = tmp_path / "pids"
    note = f"import os\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')"
    await judged(*good, note, "def shout(text): os._exit(1)")
    started = pids.read_text().split()
    assert len(started) == 2
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    assert os.listdir(tmp_path) == [pids.name]

"""labkit.grading.judge: whatever a notebook holds, each accident costs only what it must."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labkit.checks import channel, runner
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
    judged: Judged, good: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "SILENCE_S", 3600)
    silent = "def shout(text):\n    __import__('os').kill(__import__('os').getpid(), 19)"
    reports = await judged(*good, silent, timeout_s=6)
    assert _statuses(reports) == {"double": "pass", "shout": "timeout", "Counter": "timeout"}
    assert reports["shout"].message == "the 6 s that a notebook has were over"
    assert reports["Counter"].message == "the 6 s that a notebook has were over"


async def test_the_time_that_a_notebook_has_is_that_of_its_cells_too(judged: Judged) -> None:
    reports = await judged(*["while True: pass"] * 20, timeout_s=1)
    assert set(_statuses(reports).values()) == {"timeout"}


TALK = """\
import msgspec, os, signal, struct, sys
box = os.dup(int(sys.argv[1]))
def talk(body, number):
    is_listening = not os.fork()
    try:
        while is_listening and os.read(box, 1 << 16): pass
        while not is_listening: os.write(box, 1000 * (struct.pack("!IQ", len(body), number) + body))
    finally:
        os._exit(0)
def stop():
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.mark.parametrize(
    ("calls", "leaves"),
    [
        ([], "None"),
        ([("wait", (0,))], "os.setsid()"),
        ([("resolve", ("", "localhost"))], "None"),
    ],
)
async def test_an_answer_that_talks_on_and_on_has_no_more_time_than_another(
    judged: Judged, good: tuple[str, ...], calls: list[object], leaves: str
) -> None:
    says = f"talk(msgspec.msgpack.encode({calls}), 2)"
    shout = f"def shout(text):\n    stop() if os.fork() else ({leaves}, {says})"
    reports = await judged(*good, TALK, shout, timeout_s=4)
    ended = {name: (one.status, one.message) for name, one in reports.items() if name != "double"}
    over = ("timeout", "the 4 s that a notebook has were over")
    assert ended == {"shout": over, "Counter": over}


async def test_a_cell_that_talks_on_and_on_has_no_more_time_than_another(judged: Judged) -> None:
    says = "talk(msgspec.msgpack.encode({'type': 'Running', 'cell': 0}), 0)"
    reports = await judged(TALK, f"stop() if os.fork() else {says}", timeout_s=2)
    assert set(_statuses(reports).values()) == {"timeout"}


async def test_an_answer_that_nests_too_deep_costs_its_own_exercise(
    judged: Judged, good: tuple[str, ...]
) -> None:
    body = "b'\\x91\\x92\\xa4tell' + b'\\x91' * 100_000 + b'\\x01'"
    says = f"os.write(box, struct.pack('!IQ', 100_008, 2) + {body})"
    reports = await judged(*good, TALK, f"def shout(text):\n    {says}")
    assert _statuses(reports) == ALL | {"shout": "fail"}


async def test_an_object_that_equals_everything_equals_nothing(judged: Judged) -> None:
    cheat = "class Yes:\n    __eq__ = lambda self, other: True\ndef double(x): return Yes()"
    assert _statuses(await judged(cheat))["double"] == "fail"


async def test_an_answer_that_goes_on_twice_costs_its_own_exercise(
    judged: Judged, good: tuple[str, ...]
) -> None:
    fork = "def shout(text):\n    __import__('os').fork()\n    return text"
    reports = await judged(*good, fork)
    assert _statuses(reports) | {"shout": ""} == ALL | {"shout": ""}
    assert reports["shout"].points == 0


async def test_a_notebook_is_judged_though_the_loops_own_threads_are_busy(
    judged: Judged, good: tuple[str, ...]
) -> None:
    loop, is_over = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    busy = loop.run_in_executor(None, is_over.wait)
    loop.call_later(20, is_over.set)
    try:
        assert _statuses(await judged(*good, timeout_s=15)) == ALL
    finally:
        is_over.set()
        await busy


def test_a_new_box_is_started_only_when_the_last_is_of_no_use(good: tuple[str, ...]) -> None:
    with Boxes([Cell(source) for source in good], ["double"]) as boxes:
        first = boxes.usable()
        assert boxes.usable() is first
        first.kill()
        with first.round():
            pass
        assert boxes.usable() is not first


def test_no_box_is_of_use_once_they_were_ended(good: tuple[str, ...]) -> None:
    with Boxes([Cell(source) for source in good], ["double"]) as boxes:
        boxes.kill()
        assert not boxes.usable().is_usable
        assert not boxes.usable().is_usable


async def test_no_process_and_no_folder_outlives_the_verdicts(
    judged: Judged, good: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pids = tmp_path / "pids"
    note = f"import os\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')"
    await judged(*good, note, "def shout(text): os._exit(1)")
    started = pids.read_text().split()
    assert len(started) == 2
    assert not any(map(_exists, started))
    assert os.listdir(tmp_path) == [pids.name]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("where", ["", "def double(x):"])
async def test_no_process_no_folder_and_no_thread_outlives_who_stops_waiting(
    judged: Judged, where: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pids = tmp_path / "pids"
    note = f"print(__import__('os').getpid(), file=open({str(pids)!r}, 'w'), flush=True)"
    lines = [note, "sum(__import__('itertools').repeat(1))"]
    for module, name in ((channel, "SILENCE_S"), (runner, "LIMIT_S"), (process, "GRACE_S")):
        monkeypatch.setattr(module, name, 3600)
    cell = "\n    ".join([where, *lines]) if where else "\n".join(lines)
    judging = asyncio.ensure_future(judged(cell, timeout_s=3600))
    async with asyncio.timeout(10):
        while not (pids.exists() and pids.read_text()):
            await asyncio.sleep(0.01)
    for _ in range(times):
        judging.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await judging
    assert not _exists(pids.read_text())
    assert os.listdir(tmp_path) == [pids.name]
    assert not [one for one in threading.enumerate() if one.name.startswith("labkit-judge")]


def _exists(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True

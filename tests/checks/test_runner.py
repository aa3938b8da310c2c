import asyncio
import contextlib
import itertools
import os
import random
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe

import pytest

from labkit.checks import plain
from labkit.checks.cases import equal
from labkit.checks.host import Host
from labkit.checks.registry import Cases, Check, Exercise
from labkit.checks.report import Report
from labkit.checks.runner import judge
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.simnet import pipe as simnet
from labkit.simnet import remote

HOUR_S = 3600.0


async def doubling(subject: Subject, world: World) -> Cases:
    """It doubles."""
    yield equal(await subject.call(2), 4, "twice two")
    yield equal(await subject.call(5), 10, "twice five", hint="`n * 2`")
    yield equal(await subject.call(0), 0, "twice nothing")


def exercise(check: Check) -> Exercise:
    return Exercise("99.1", "double", 3, ("a", "b", "c"), "It doubles.", check)


@contextlib.contextmanager
def hosted(answer: Callable[..., object]) -> Iterator[simnet.PolledPipe]:
    """Host ``answer``, and look after it; yield the check's end of the pipe."""
    near, far = Pipe()
    with far, Host(far, {"double": answer}, code=globals(), deadline_s=0.3) as host:
        watch = threading.Thread(target=host.watch, name="watch", daemon=True)
        watch.start()
        with near:
            yield near
        watch.join()


def verdict(
    answer: Callable[..., object], check: Check = doubling, *, limit_s: float = 60.0
) -> Report:
    with hosted(answer) as pipe:
        return judge(exercise(check), pipe, seed="seed", limit_s=limit_s)


def loudly_doubled(n: int) -> int:
    print("hello")
    return n * 2


def test_an_answer_that_passes_every_case_earns_every_point() -> None:
    report = verdict(loudly_doubled)
    assert report.text() == "PASS 99.1 double 3/3"
    assert (report.status, report.points) == ("pass", 3)


def test_a_case_that_fails_costs_its_share_and_shows_what_happened() -> None:
    report = verdict(lambda n: loudly_doubled(n) + (n == 5))
    assert (report.status, report.points) == ("fail", 2)
    assert report.text() == (
        "FAIL 99.1 double 2/3 · twice five\n"
        "     called    double(5)\n"
        "     expected  10\n"
        "     got       11\n"
        "     printed   hello\n"
        "     hint      `n * 2`"
    )


def test_an_answer_that_fails_the_worked_example_earns_nothing() -> None:
    report = verdict(lambda n: 0)
    assert (report.passed, report.points) == (1, 0)


@pytest.mark.parametrize("constant", [None, True, 0, 1, "", b"", [], 4])
def test_a_constant_does_not_pass(constant: plain.Plain) -> None:
    assert verdict(lambda n: constant).status == "fail"


def test_the_stub_is_todo() -> None:
    def stub(n: int) -> int:
        raise NotImplementedError("exercise 99.1")

    report = verdict(stub)
    assert (report.status, report.points) == ("todo", 0)
    assert report.text().startswith("TODO 99.1 double\n     not written yet")


def test_an_exception_fails_its_case_only() -> None:
    report = verdict(lambda n: n * 2 if n else n // 0)
    assert (report.status, report.passed) == ("fail", 2)
    assert "got       it raised ZeroDivisionError: integer division" in report.text()


def test_an_answer_that_stalls_is_a_timeout_and_keeps_what_it_earned() -> None:
    def stall(n: int) -> int:
        while n == 0:
            pass
        return n * 2

    report = verdict(stall)
    assert (report.status, report.points) == ("timeout", 2)
    assert report.text().startswith("FAIL 99.1 double 2/3 · twice nothing")


def test_an_answer_whose_host_has_gone_is_judged() -> None:
    near, far = Pipe()
    far.close()
    with near:
        report = judge(exercise(doubling), near, seed="seed")
    assert (report.status, report.points) == ("fail", 0)
    assert "got       its process has ended" in report.text()


def test_an_answer_that_never_replies_costs_no_real_time() -> None:
    ended_s = 0.0

    async def patient(subject: Subject, world: World) -> Cases:
        nonlocal ended_s
        loop = asyncio.get_running_loop()
        async with subject.run() as running:
            while loop.time() < HOUR_S:
                outcome = await running.outcome()
            yield equal(outcome, "Spam", "it replies")
        ended_s = loop.time()

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    report = verdict(wait_for_ever, patient, limit_s=30.0)
    assert ended_s >= HOUR_S
    # It has not used up its real time.
    assert report.status == "fail"
    assert "got       it waits at line " in report.text()


def test_an_answer_that_uses_up_its_real_time_earns_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hours_s = (HOUR_S * n for n in itertools.count())
    monkeypatch.setattr(remote, "real_time", lambda: next(hours_s))
    report = verdict(lambda n: n * 2, limit_s=HOUR_S)
    assert (report.status, report.points) == ("timeout", 0)
    assert report.message == "the 3600 s that it may take were over"


def test_what_an_answer_has_left_running_ends_with_its_check() -> None:
    events: list[str] = []
    left: list[asyncio.Task[None]] = []

    async def linger() -> None:
        events.append("a task of the answer begins")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            events.append("the task is cancelled")
            raise

    async def leave_a_task(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left.append(asyncio.create_task(linger()))

    async def connecting(subject: Subject, world: World) -> Cases:
        async with subject.serve() as served, world.connect(served) as client:
            yield equal(await client.receive(), "end of stream", "it leaves")
        events.append("the check is over")

    assert verdict(leave_a_task, connecting).status == "pass"
    assert events == [
        "a task of the answer begins",
        "the check is over",
        "the task is cancelled",
    ]


def endless_wait() -> Check:
    async def check(subject: Subject, world: World) -> Cases:
        yield equal(1, 1, "so far so good")
        await asyncio.Event().wait()

    return check


def circle() -> Check:
    async def check(subject: Subject, world: World) -> Cases:
        yield equal(1, 1, "so far so good")
        while True:
            await asyncio.sleep(60)

    return check


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (endless_wait(), "everybody waits for somebody, and nothing is planned"),
        (circle(), "86400 simulated seconds have passed"),
    ],
)
def test_a_check_that_never_ends_is_ended(check: Check, why: str) -> None:
    report = verdict(lambda: None, check)
    assert (report.status, report.points) == ("error", 0)
    assert report.message.endswith(f"a defect of the course: {why}")


def test_a_check_that_breaks_is_an_error_of_the_course_and_not_of_the_answer() -> None:
    async def broken(subject: Subject, world: World) -> Cases:
        yield equal(1, 1, "so far so good")
        raise RuntimeError("oops")

    report = verdict(lambda: None, broken)
    assert report.status == "error"
    assert "a defect of the course: RuntimeError('oops')" in report.message


def test_a_check_that_looks_at_nothing_is_never_a_pass() -> None:
    async def blind(subject: Subject, world: World) -> Cases:
        nothing: list[plain.Plain] = []
        for value in nothing:
            yield equal(value, value, "nothing")

    assert verdict(lambda: None, blind).status == "error"


def test_what_a_check_leaves_to_chance_follows_from_the_seed() -> None:
    drawn: list[list[object]] = []

    async def gambling(subject: Subject, world: World) -> Cases:
        yield equal(1, 1, "so far so good")
        drawn.append([world.random.random(), random.random(), os.urandom(8)])

    for seed in "aab":
        with hosted(lambda: None) as pipe:
            judge(exercise(gambling), pipe, seed=seed)
    assert drawn[0] == drawn[1]
    assert not set(drawn[0]) & set(drawn[2])


def test_what_goes_wrong_in_a_loop_of_the_check_is_not_printed(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def stumbling(subject: Subject, world: World) -> Cases:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        yield equal(await subject.call(2), 4, "twice two")

    assert verdict(lambda n: n * 2, stumbling).text() == "PASS 99.1 double 1/1"
    assert not caplog.records
    assert capsys.readouterr().err == ""

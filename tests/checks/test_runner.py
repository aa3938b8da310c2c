import asyncio
from collections.abc import Callable

import pytest

from labkit.checks import plain
from labkit.checks.cases import equal
from labkit.checks.messages import Raised, Reply, Request, Returned, Stalled, Unwritten
from labkit.checks.registry import Cases, Check, Exercise
from labkit.checks.report import Report
from labkit.checks.runner import judge
from labkit.checks.subject import Subject
from labkit.checks.world import World


class Answering:
    """A channel to an answer that is a plain function of this test."""

    def __init__(self, answer: Callable[..., object]) -> None:
        self.answer = answer

    async def ask(self, request: Request) -> Reply:
        result = self.answer(*plain.decode(request.arguments))  # type: ignore[union-attr]
        return result if isinstance(result, Reply) else Returned(plain.encode(result), "hello\n")


async def doubling(subject: Subject, world: World) -> Cases:
    """It doubles."""
    yield equal(await subject.call(2), 4, "twice two")
    yield equal(await subject.call(5), 10, "twice five", hint="`n * 2`")
    yield equal(await subject.call(0), 0, "twice nothing")


async def verdict(
    answer: Callable[..., object], check: Check = doubling, *, deadline_s: float = 5.0
) -> Report:
    exercise = Exercise("99.1", "double", 3, ("a", "b", "c"), "It doubles.", check)
    return await judge(
        exercise, Subject("double", Answering(answer)), World("seed"), deadline_s=deadline_s
    )


async def test_an_answer_that_passes_every_case_earns_every_point() -> None:
    report = await verdict(lambda n: n * 2)
    assert report.text() == "PASS 99.1 double 3/3"
    assert (report.status, report.points) == ("pass", 3)


async def test_a_case_that_fails_costs_its_share_and_shows_what_happened() -> None:
    report = await verdict(lambda n: n * 2 if n != 5 else 11)
    assert (report.status, report.points) == ("fail", 2)
    assert report.text() == (
        "FAIL 99.1 double 2/3 · twice five\n"
        "     called    double(5)\n"
        "     expected  10\n"
        "     got       11\n"
        "     printed   hello\n"
        "     hint      `n * 2`"
    )


async def test_an_answer_that_fails_the_worked_example_earns_nothing() -> None:
    report = await verdict(lambda n: 0)
    assert (report.passed, report.points) == (1, 0)


@pytest.mark.parametrize("constant", [None, True, 0, 1, "", b"", [], 4])
async def test_a_constant_does_not_pass(constant: plain.Plain) -> None:
    assert (await verdict(lambda n: constant)).status == "fail"


async def test_the_stub_is_todo() -> None:
    report = await verdict(lambda n: Unwritten("the cell still holds the stub"))
    assert (report.status, report.points) == ("todo", 0)
    assert report.text().startswith("TODO 99.1 double\n     not written yet")


async def test_an_exception_fails_its_case_only() -> None:
    error = Raised("ZeroDivisionError", "division by zero", plain.encode([]))
    report = await verdict(lambda n: error if n == 0 else n * 2)
    assert (report.status, report.passed) == ("fail", 2)
    assert "got       it raised ZeroDivisionError: division by zero" in report.text()


async def test_an_answer_that_stalls_is_a_timeout_and_keeps_what_it_earned() -> None:
    report = await verdict(lambda n: Stalled(2.0) if n == 0 else n * 2)
    assert (report.status, report.points) == ("timeout", 2)
    assert report.text().startswith("FAIL 99.1 double 2/3 · twice nothing")


async def test_a_check_that_never_ends_is_ended() -> None:
    async def endless(subject: Subject, world: World) -> Cases:
        yield equal(1, 1, "so far so good")
        await asyncio.Event().wait()

    report = await verdict(lambda: None, endless, deadline_s=0.05)
    assert (report.status, report.points) == ("timeout", 0)


async def test_a_check_that_breaks_is_an_error_of_the_course_and_not_of_the_answer() -> None:
    async def broken(subject: Subject, world: World) -> Cases:
        yield equal(1, 1, "so far so good")
        raise RuntimeError("oops")

    report = await verdict(lambda: None, broken)
    assert report.status == "error"
    assert "a defect of the course: RuntimeError('oops')" in report.message


async def test_a_check_that_looks_at_nothing_is_never_a_pass() -> None:
    async def blind(subject: Subject, world: World) -> Cases:
        for case in ():
            yield case

    assert (await verdict(lambda: None, blind)).status == "error"

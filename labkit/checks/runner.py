"""Judges one answer: runs its check against a subject, within a deadline. Never raises."""

from __future__ import annotations

import asyncio
import dataclasses

from labkit.checks.cases import Case
from labkit.checks.registry import Exercise
from labkit.checks.report import Report, Status
from labkit.checks.subject import NotWritten, Subject
from labkit.checks.world import World

DEADLINE_S = 15.0


async def judge(
    exercise: Exercise, subject: Subject, world: World, *, deadline_s: float = DEADLINE_S
) -> Report:
    """Return the verdict on ``subject``.

    Every case is worth the same share of the points, but an answer that fails the first one, the
    worked example, earns nothing: no constant collects the points of the cases it happens to fit.
    """
    cases: list[Case] = []
    try:
        async with asyncio.timeout(deadline_s):
            async for case in exercise.check(subject, world):
                if not case.passed and all(earlier.passed for earlier in cases):
                    case = await _with_circumstances(case, subject, world)
                subject.forget_circumstances()
                cases.append(case)
    except NotWritten as todo:
        return _without_points(exercise, "todo", f"not written yet: {todo}")
    except TimeoutError:
        why = f"the check was not finished after {deadline_s:g} s"
        return _without_points(exercise, "timeout", why)
    except Exception as error:
        why = f"the check itself failed, which is a defect of the course: {error!r}"
        return _without_points(exercise, "error", why)
    if not cases:
        return _without_points(exercise, "error", "the check looked at nothing")
    return _verdict(exercise, subject, cases)


async def _with_circumstances(case: Case, subject: Subject, world: World) -> Case:
    """Return ``case``, which is shown, with what happened on the way to it."""
    return dataclasses.replace(
        case,
        wire=await world.transcript_text(),
        called=subject.called,
        printed=subject.printed,
        raised=str(subject.raised[0]) if subject.raised else "",
    )


def _verdict(exercise: Exercise, subject: Subject, cases: list[Case]) -> Report:
    passed = sum(case.passed for case in cases)
    failed = next((case for case in cases if not case.passed), None)
    share = passed / len(cases) if cases[0].passed else 0.0
    status: Status = "pass" if failed is None else "timeout" if subject.stalled else "fail"
    return Report(
        exercise.id,
        exercise.symbol,
        status,
        points=round(exercise.points * share, 2),
        max_points=exercise.points,
        passed=passed,
        total=len(cases),
        message=f"{failed.title}: expected {failed.expected}, got {failed.got}" if failed else "",
        case=failed,
    )


def _without_points(exercise: Exercise, status: Status, message: str) -> Report:
    return Report(exercise.id, exercise.symbol, status, 0.0, exercise.points, message=message)

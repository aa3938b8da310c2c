"""Judges one answer: runs its check, in a simulated network that the answer lives in, too.

Never raises, and never hangs: what an answer may take of real time is bounded, and virtual time
passes by itself.
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import aclosing
from functools import partial

from labkit.checks.cases import Case
from labkit.checks.channel import Channel
from labkit.checks.messages import Leave
from labkit.checks.registry import Exercise
from labkit.checks.report import Report, Status
from labkit.checks.subject import NotWritten, Subject
from labkit.checks.world import World
from labkit.errors import SimulationError
from labkit.simnet import world as simnet
from labkit.simnet.entropy import seeded
from labkit.simnet.loop import SimLoop
from labkit.simnet.pipe import PolledPipe
from labkit.simnet.process import Process

#: How long an answer may take in all, in real seconds.
LIMIT_S = 15.0
#: A check whose virtual time goes on for longer than that goes round in a circle.
VIRTUAL_LIMIT_S = 24 * 3600.0


def judge(exercise: Exercise, pipe: PolledPipe, *, seed: str, limit_s: float = LIMIT_S) -> Report:
    """Return the verdict on the answer whose host is at the far end of ``pipe``.

    ``seed`` chooses the random inputs, and whatever else the check leaves to chance. The answer may
    take ``limit_s`` real seconds in all.
    """
    network = simnet.World(seed, limit_s=VIRTUAL_LIMIT_S)
    channel = Channel(network, pipe, limit_s=limit_s)
    subject = Subject(exercise.symbol, channel)
    try:
        with seeded(seed), asyncio.Runner(loop_factory=partial(_loop_in, network)) as runner:
            report = runner.run(_judged(exercise, subject, World(seed)))
            runner.run(channel.ask(Leave()))
    except SimulationError as error:
        # The rest of its text is a table.
        report = _defect(exercise, str(error).partition("\n")[0])
    if channel.left_s > 0:
        return report
    return _without_points(exercise, "timeout", f"the {limit_s:g} s that it may take were over")


def _loop_in(network: simnet.World) -> SimLoop:
    loop = SimLoop(Process(network))
    # What goes wrong with a server of the check is told by its cases. asyncio would print it, among
    # what the answer prints.
    loop.set_exception_handler(lambda loop, context: None)
    return loop


async def _judged(exercise: Exercise, subject: Subject, world: World) -> Report:
    """Run the check.

    Every case is worth the same share of the points, but an answer that fails the first one, the
    worked example, earns nothing: no constant collects the points of the cases it happens to fit.
    """
    cases: list[Case] = []
    try:
        async with aclosing(exercise.check(subject, world)) as check:
            async for case in check:
                if not case.passed and all(earlier.passed for earlier in cases):
                    case = await _with_circumstances(case, subject, world)
                subject.forget_circumstances()
                cases.append(case)
    except NotWritten as todo:
        return _without_points(exercise, "todo", f"not written yet: {todo}")
    except Exception as error:
        return _defect(exercise, repr(error))
    if not cases:
        return _without_points(exercise, "error", "the check looked at nothing")
    return _verdict(exercise, subject, cases)


async def _with_circumstances(case: Case, subject: Subject, world: World) -> Case:
    """Return ``case``, which is shown, with what happened on the way to it."""
    wire = await world.transcript_text()
    await subject.overhear()
    return dataclasses.replace(
        case,
        wire=wire,
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


def _defect(exercise: Exercise, what: str) -> Report:
    why = f"the check itself failed, which is a defect of the course: {what}"
    return _without_points(exercise, "error", why)


def _without_points(exercise: Exercise, status: Status, message: str) -> Report:
    return Report(exercise.id, exercise.symbol, status, 0.0, exercise.points, message=message)

"""Which exercises there are and which check belongs to each. Runs none of them."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from labkit.checks.cases import Case
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.errors import UsageError

Cases = AsyncGenerator[Case, None]
Check = Callable[[Subject, World], Cases]


@dataclass(frozen=True)
class Exercise:
    """One exercise: the answer's name, what it is worth, and what an answer must do.

    ``id`` is ``NN.k``; ``hints`` go from a nudge to nearly the answer; ``about`` is one sentence.
    """

    id: str
    symbol: str
    points: int
    hints: tuple[str, str, str]
    about: str
    check: Check

    @property
    def lesson(self) -> str:
        """The lesson's two digits."""
        return self.id.partition(".")[0]


_registered: dict[str, Exercise] = {}


def exercise(
    id: str, *, symbol: str, points: int, hints: tuple[str, str, str]
) -> Callable[[Check], Check]:
    """Register the decorated async generator as the check of exercise ``id``.

    Its docstring's first line says in one sentence what an answer must do.
    """

    def register(check: Check) -> Check:
        if id in _registered:
            raise ValueError(f"exercise {id} has two checks")
        about = (check.__doc__ or "").strip().partition("\n")[0]
        _registered[id] = Exercise(id, symbol, points, hints, about, check)
        return check

    return register


@functools.cache
def lessons() -> tuple[str, ...]:
    """Return the two digits of every lesson that has checks."""
    package = importlib.import_module("labkit.checks")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name[6:] for name in names if re.fullmatch(r"lesson\d\d", name)))


def exercises(lesson: str | None = None) -> dict[str, Exercise]:
    """Return the exercises of one lesson, or of all, by id and in order."""
    wanted = lessons() if lesson is None else (_with_two_digits(lesson),)
    for number in wanted:
        if number not in lessons():
            raise UsageError(f"there is no lesson {number}; the lessons are {', '.join(lessons())}")
        importlib.import_module(f"labkit.checks.lesson{number}")
    found = (one for one in _registered.values() if one.lesson in wanted)
    return {one.id: one for one in sorted(found, key=_order)}


def find(id: str) -> Exercise:
    """Return the exercise ``id``, ``2.1`` for ``02.1``.

    Raises ``UsageError``, naming those there are.
    """
    if not isinstance(id, str):
        raise UsageError(f'an exercise is named by text, as in check("01.3", …); got {id!r}')
    id = _with_two_digits(id)
    lesson = id.partition(".")[0]
    if lesson in lessons():
        known = exercises(lesson)
        if id in known:
            return known[id]
        raise UsageError(f"there is no exercise {id}; lesson {lesson} has {', '.join(known)}")
    raise UsageError(
        f"there is no exercise {id}: an id looks like 01.3, and there are lessons "
        f"{', '.join(lessons())}"
    )


def select(ids: list[str]) -> list[Exercise]:
    """Return the exercises that ``ids`` name: ``01`` a lesson's, ``01.3`` one, no id all."""
    if not ids:
        return list(exercises().values())
    chosen: dict[str, Exercise] = {}
    for id in ids:
        chosen |= {id: find(id)} if "." in id else exercises(id)
    return list(chosen.values())


def _with_two_digits(id: str) -> str:
    """Return ``id`` with the lesson's number in full.

    >>> _with_two_digits("2.1"), _with_two_digits("02"), _with_two_digits("spam")
    ('02.1', '02', 'spam')
    """
    return f"0{id}" if re.fullmatch(r"\d(\.\d+)?", id) else id


def _order(one: Exercise) -> tuple[str, int]:
    lesson, _, number = one.id.partition(".")
    return lesson, int(number)

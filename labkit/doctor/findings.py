"""What an examination finds, and how several are run. Examines nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was found, and what to do where it is not ``ok``.

    A ``warning`` may cost the learner time. With a ``problem`` the course cannot work, or what was
    asked about does not.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


Examination: TypeAlias = Callable[[], Awaitable[list[Finding]]]

#: Each examination has shorter limits of its own; this one ends what does not keep to them.
LIMIT_S = 5.0


async def examine(
    examinations: Mapping[str, Examination], *, limit_s: float = LIMIT_S
) -> dict[str, list[Finding]]:
    """Run ``examinations`` side by side; return what each found, by its name.

    None waits for another, and one that fails or takes longer than ``limit_s`` is a finding.
    """
    found = await asyncio.gather(
        *(_bounded(name, each, limit_s) for name, each in examinations.items())
    )
    return dict(zip(examinations, found, strict=True))


async def _bounded(name: str, examination: Examination, limit_s: float) -> list[Finding]:
    try:
        async with asyncio.timeout(limit_s):
            return await examination()
    except TimeoutError:
        found, remedy = f"not done after {limit_s:g} s", "run labkit doctor once more"
    except ImportError as error:
        found, remedy = f"not examined: {error}", "make setup installs what the course needs"
    # Whatever it stumbles over, the other findings are still worth having.
    except Exception as error:
        found = f"not examined: {type(error).__name__}: {error}"
        remedy = "the other findings stand; please report this one to who gave you the course"
    return [Finding(name, "warning", found, remedy)]

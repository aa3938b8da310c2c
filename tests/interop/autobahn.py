"""The Autobahn cases: which there are, how many messages each sends, and what counts as a pass.

Runs none of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kosoku._kosoku import CaseResult

#: Group → (its cases, how many they are). The groups are of about the same weight.
GROUPS = {
    "framing to UTF-8 and closing": (
        ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"),
        247,
    ),
    "limits": (("9.*",), 54),
    "compression of all kinds of data": (("12.*",), 90),
    "compression with all parameters": (("13.*",), 126),
}
TOTAL = 517

#: What the suite itself counts as a pass. It judges the messages and the close apart.
PASSES = {"OK", "NON-STRICT", "INFORMATIONAL"}

# A case of groups 12 and 13 sends 1,000 messages, 21 GB for all of them there and back: for a
# server and a client, a quarter of an hour of compression. They send 2 MiB each, at least 16
# messages, unless LABKIT_AUTOBAHN=full asks for the whole.
MAX_CASE_BYTES = 2 * 1024 * 1024
MAX_MESSAGES = 250
MIN_MESSAGES = 16


def shorten_bulk_cases() -> None:
    """Set how many messages the cases of groups 12 and 13 send, in this process."""
    if os.environ.get("LABKIT_AUTOBAHN") == "full":
        return
    from kosoku import _caseindex

    _caseindex.initialize_shims()
    import case12_x_x  # type: ignore[import-not-found]

    for case in (*case12_x_x.Case12_X_X, *case12_x_x.Case13_X_X):
        case.COUNT = max(MIN_MESSAGES, min(MAX_MESSAGES, MAX_CASE_BYTES // case.LEN))


def failures(results: Iterable[CaseResult]) -> list[str]:
    """Name each case that does not pass, by its messages or by its close."""
    return [
        f"{result.case_id}: {result.behavior.value}, closing {result.behavior_close.value}: "
        f"{result.result} {result.result_close}"
        for result in results
        if not {result.behavior.value, result.behavior_close.value} <= PASSES
    ]


def group_parameters() -> Any:
    """Return the decorator that runs a test once for each group."""
    return pytest.mark.parametrize(("cases", "count"), GROUPS.values(), ids=GROUPS)

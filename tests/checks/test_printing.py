import asyncio
import linecache
import sys
import warnings
from typing import Any

import pytest

from labkit.checks.printing import MAX_PRINTED, Printed, kept

FORGETFUL = "import asyncio\ndef f():\n    asyncio.sleep(1)\n"


def test_what_is_printed_is_taken_once() -> None:
    printed = Printed()
    with kept(printed, {}):
        print("out")
        print("err", file=sys.stderr)
    assert printed.take() == "out\nerr\n"
    assert printed.take() == ""


def test_more_than_the_bound_is_not_kept() -> None:
    printed = Printed()
    assert printed.write("x" * 5000) == 5000
    assert printed.take() == "x" * MAX_PRINTED


def test_a_coroutine_that_nobody_awaits_is_told_each_time_whatever_the_filters() -> None:
    printed, code = Printed(), dict[str, Any]()
    linecache.cache["<cell>"] = (0, None, FORGETFUL.splitlines(keepends=True), "<cell>")
    exec(compile(FORGETFUL, "<cell>", "exec"), code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with kept(printed, code):
            code["f"]()
            code["f"]()
    line = "coroutine 'sleep' was never awaited (line 3: `asyncio.sleep(1)`)\n"
    assert printed.take() == 2 * line


def test_a_coroutine_that_nobody_awaits_outside_the_learners_lines_has_no_line() -> None:
    printed = Printed()
    with kept(printed, {}):
        forgotten: object = asyncio.sleep(1)
        del forgotten
    assert printed.take() == "coroutine 'sleep' was never awaited\n"


def test_other_warnings_go_where_they_went() -> None:
    printed = Printed()
    with pytest.warns(RuntimeWarning, match="overflow"), kept(printed, {}):
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    assert printed.take() == ""

"""Why a JavaScript program failed, from what Node printed. Runs nothing."""

from __future__ import annotations

import re
import signal

#: Node's own exit status for an error that nobody caught.
UNCAUGHT = 1
#: And for a top-level ``await`` that nothing can end any more.
UNSETTLED_AWAIT = 13
REASON_CHARACTERS = 300

# `ReferenceError: foo is not defined`, `Error [ERR_MODULE_NOT_FOUND]: Cannot find package …`
_ERROR = re.compile(r"^\[?\w*(?:Error|Exception|Rejection)\b.*", re.MULTILINE)
# What Node prints around something thrown that is no error: places, the stack, advice, itself.
_FURNITURE = re.compile(r"\s|file:|node:|\[eval\d*\]|\(Use `node |Node\.js v|\^|\}")
# Node's name for a program from standard input, before the number of a line.
_LINE = re.compile(r"\[(?:eval\d*|stdin)\]:(\d+)")


def failure(status: int, stderr: str, source: str) -> str:
    """Say in one sentence how a program ended that should not have, and where in ``source``.

    >>> failure(1, "file:///lab/[eval1]:2\\nspam()\\n^\\n\\nReferenceError: spam …", "\\nspam()")
    'the JavaScript failed with exit status 1: ReferenceError: spam … (line 2: `spam()`)'
    """
    if status < 0:
        return f"the JavaScript was ended by {signal.Signals(-status).name}"
    if status == UNSETTLED_AWAIT:
        return (
            f"the JavaScript ended with exit status {status}: "
            "it awaits something that can never happen any more"
        )
    reason = _reason(stderr)
    if not reason:
        return f"the JavaScript ended with exit status {status} and said no reason"
    return f"the JavaScript failed with exit status {status}: {reason}{_place(stderr, source)}"


def _reason(stderr: str) -> str:
    """Return the line that names the error, or the last one that is not Node's own."""
    errors = _ERROR.findall(stderr)
    lines = [line for line in stderr.splitlines() if line and not _FURNITURE.match(line)]
    reason = (errors or lines or [""])[-1].rstrip(" {:")
    if len(reason) > REASON_CHARACTERS:
        return reason[:REASON_CHARACTERS] + "…"
    return reason


def _place(stderr: str, source: str) -> str:
    """Return the line of ``source`` that failed, as far as Node names one."""
    # The stack, under the error, is surer than the place above it: that may be in Node's own code.
    error = max((match.start() for match in _ERROR.finditer(stderr)), default=0)
    line = _LINE.search(stderr, error) or _LINE.search(stderr)
    if line is None:
        return ""
    number = int(line[1])
    lines = source.splitlines()
    if not 0 < number <= len(lines):
        return f" (line {number})"
    return f" (line {number}: `{lines[number - 1].strip()}`)"

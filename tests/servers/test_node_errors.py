"""What Node prints when a program fails, and the one sentence that is made of it."""

from __future__ import annotations

import pytest

from labkit.servers.node_errors import failure

SOURCE = """
import { WebSocket } from 'ws';
const socket = new WebSocket(process.argv[2]);
socket.spam();
"""

REFERENCE = """\
file:///course/labkit/node/[eval1]:4
socket.spam();
       ^

TypeError: socket.spam is not a function
    at file:///course/labkit/node/[eval1]:4:8
    at ModuleJob.run (node:internal/modules/esm/module_job:325:25)

Node.js v20.20.2
"""
# The place above is in Node's own code, the program's is in the stack.
DEEPER = """\
node:internal/errors:540
      throw error;
      ^

TypeError [ERR_INVALID_ARG_TYPE]: The "spam" argument must be of type string
    at Object.spam (node:internal/spam:7:3)
    at file:///course/labkit/node/[eval1]:3:16 {
  code: 'ERR_INVALID_ARG_TYPE'
}

Node.js v20.20.2
"""
SYNTAX = """\
file:///course/labkit/node/[eval1]:3
const socket = = 1;
               ^

SyntaxError: Unexpected token '='
    at compileSourceTextModule (node:internal/modules/esm/utils:346:16)

Node.js v20.20.2
"""
EMITTED = """\
node:events:502
      throw er; // Unhandled 'error' event
      ^

Error: connect ECONNREFUSED 127.0.0.1:1
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)
Emitted 'error' event on WebSocket instance at:
    at emitErrorAndClose (/course/labkit/node/node_modules/ws/lib/websocket.js:1092:13) {
  errno: -111,
  code: 'ECONNREFUSED',
}

Node.js v20.20.2
"""
SEVERAL = """\
node:events:502
      throw er; // Unhandled 'error' event
      ^

AggregateError [ECONNREFUSED]:
    at internalConnectMultiple (node:net:1139:18)
Emitted 'error' event on WebSocket instance at:
    at emitErrorAndClose (/course/labkit/node/node_modules/ws/lib/websocket.js:1092:13) {
  code: 'ECONNREFUSED',
  [errors]: [
    Error: connect ECONNREFUSED ::1:1
        at createConnectionError (node:net:1675:14)
  ]
}

Node.js v20.20.2
"""
REJECTED = """\
[UnhandledPromiseRejection: This error originated by rejecting a promise with "spam".] {
  code: 'ERR_UNHANDLED_REJECTION'
}

Node.js v18.19.0
"""
# Node 16 names no version at the end.
THROWN = """
node:internal/run_main:123
    triggerUncaughtException(
    ^
no more spam
(Use `node --trace-uncaught ...` to show where the exception was thrown)
"""


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (REFERENCE, "TypeError: socket.spam is not a function (line 4: `socket.spam();`)"),
        (
            DEEPER,
            'TypeError [ERR_INVALID_ARG_TYPE]: The "spam" argument must be of type string '
            "(line 3: `const socket = new WebSocket(process.argv[2]);`)",
        ),
        (
            SYNTAX,
            "SyntaxError: Unexpected token '=' "
            "(line 3: `const socket = new WebSocket(process.argv[2]);`)",
        ),
        (EMITTED, "Error: connect ECONNREFUSED 127.0.0.1:1"),
        (SEVERAL, "AggregateError [ECONNREFUSED]"),
        (
            REJECTED,
            "[UnhandledPromiseRejection: "
            'This error originated by rejecting a promise with "spam".]',
        ),
        (THROWN, "no more spam"),
        ("there is no spam\n", "there is no spam"),
    ],
    ids=["error", "deeper", "syntax", "emitted", "several", "rejected", "thrown", "said"],
)
def test_the_line_that_says_why_is_found_with_its_place(stderr: str, reason: str) -> None:
    assert failure(1, stderr, SOURCE) == f"the JavaScript failed with exit status 1: {reason}"


def test_the_last_error_counts_and_not_one_that_was_shown_before() -> None:
    shown = "Error: spam is late\n    at file:///course/labkit/node/[eval1]:2:1\n"
    assert "socket.spam is not a function (line 4" in failure(1, shown + REFERENCE, SOURCE)


def test_a_line_that_the_source_does_not_have_is_named_by_its_number() -> None:
    assert failure(1, REFERENCE, "spam()").endswith("socket.spam is not a function (line 4)")


def test_a_program_that_says_nothing_is_reported_with_its_status() -> None:
    assert failure(3, "", SOURCE) == "the JavaScript ended with exit status 3 and said no reason"


def test_a_signal_is_named() -> None:
    assert failure(-9, "", SOURCE) == "the JavaScript was ended by SIGKILL"


def test_an_await_without_an_end_is_named_where_node_says_nothing() -> None:
    assert failure(13, "", SOURCE) == (
        "the JavaScript ended with exit status 13: "
        "it awaits something that can never happen any more"
    )


def test_a_reason_without_an_end_is_shortened() -> None:
    assert len(failure(1, "Error: " + "spam" * 10_000, SOURCE)) < 400

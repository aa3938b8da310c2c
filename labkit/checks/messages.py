"""What a check may ask of an answer, and what it may hear. The whole seam between the two.

In a notebook the two sides are two threads, in the grader two processes; the bytes are the same.
They cross beside the simulated network. Values are as ``labkit.checks.plain`` packs them.
"""

from __future__ import annotations

import msgspec

from labkit.checks import plain


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Base of every request and reply."""


class Call(Message, frozen=True):
    """Call the function ``symbol``. ``arguments`` is a plain list."""

    symbol: str
    arguments: bytes


class New(Message, frozen=True):
    """Make an object of the class ``symbol`` and keep it under ``handle``."""

    symbol: str
    arguments: bytes
    handle: int


class Invoke(Message, frozen=True):
    """Call ``method`` of the object kept under ``handle``."""

    handle: int
    method: str
    arguments: bytes


class Serve(Message, frozen=True):
    """Listen on a free port of the simulated loopback; ``symbol`` handles each connection.

    It is called with a reader and a writer, or ``over_websocket`` with a connection.
    """

    symbol: str
    over_websocket: bool = False


class Start(Message, frozen=True):
    """Make a task of the coroutine function ``symbol`` and keep it under ``handle``."""

    symbol: str
    arguments: bytes
    handle: int


class Outcome(Message, frozen=True):
    """Tell what became of the task kept under ``handle``, if need be after ``within_s``."""

    handle: int
    within_s: float = 0.0


class Abandon(Message, frozen=True):
    """End the task kept under ``handle``, and every task it has started."""

    handle: int


class Overhear(Message, frozen=True):
    """Tell what handlers and background tasks have raised since the last time."""


class StopServing(Message, frozen=True):
    """Stop listening and end every connection."""


class Leave(Message, frozen=True):
    """End whatever still runs: the check is over."""


Request = Call | New | Invoke | Serve | Start | Outcome | Abandon | Overhear | StopServing | Leave


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A line of the learner's code."""

    line: int
    source: str

    def __str__(self) -> str:
        return f"line {self.line}: `{self.source}`"


class Returned(Message, frozen=True):
    """The answer returned. ``value`` is plain."""

    value: bytes
    printed: str = ""


class _Failure(Message, frozen=True):
    def __repr__(self) -> str:
        return f"<{self}>"


class Raised(_Failure, frozen=True, tag="Raised"):
    """The answer raised. ``arguments`` are the exception's, plain."""

    kind: str
    text: str
    arguments: bytes
    place: Place | None = None
    printed: str = ""

    def __str__(self) -> str:
        text = f"{self.kind}: {self.text}" if self.text else self.kind
        return f"it raised {text}" + (f" ({self.place})" if self.place else "")


class Stalled(_Failure, frozen=True, tag="Stalled"):
    """The answer was given ``seconds`` and did not come back.

    With ``blocks_loop``, it was to let others run meanwhile, and did not.
    """

    seconds: float
    place: Place | None = None
    printed: str = ""
    blocks_loop: bool = False

    def __str__(self) -> str:
        if self.blocks_loop:
            return "it blocks the event loop" + (f" at {self.place}" if self.place else "")
        where = f", still at {self.place}" if self.place else ""
        return f"it did not return within {self.seconds:g} s{where}"


class Waiting(_Failure, frozen=True, tag="Waiting"):
    """The answer's task awaits something."""

    place: Place | None = None
    printed: str = ""

    def __str__(self) -> str:
        return f"it waits at {self.place}" if self.place else "it waits"


class Gone(_Failure, frozen=True, tag="Gone"):
    """There is nobody to ask any more. ``why`` says what ended it."""

    why: str

    def __str__(self) -> str:
        return self.why


class Missing(_Failure, frozen=True, tag="Missing"):
    """There is an answer, but not one that can be asked. ``why`` says what was found instead."""

    why: str

    def __str__(self) -> str:
        return self.why


class Unwritten(Message, frozen=True):
    """There is no answer yet: no cell defines it, or it is still the stub."""

    why: str


class Listening(Message, frozen=True):
    """The answer serves on this port of 127.0.0.1."""

    port: int


class Started(Message, frozen=True):
    """The answer's task will take its first step."""


class Overheard(Message, frozen=True):
    """What handlers and background tasks have raised."""

    raised: list[Raised | Unwritten] = []
    printed: str = ""


class Done(Message, frozen=True):
    """It was done."""


Reply = (
    Returned
    | Raised
    | Stalled
    | Waiting
    | Gone
    | Missing
    | Unwritten
    | Listening
    | Started
    | Overheard
    | Done
)

#: A reply that stands where a value was expected. It says of itself what happened.
NoAnswer = Raised | Stalled | Waiting | Gone | Missing

#: A reply is words and, in some kinds, values; only the values may be large.
MAX_WORDS = 64 * 1024
_Numbered = tuple[int, Reply]
_requests = msgspec.msgpack.Decoder(tuple[int, Request])
_replies = msgspec.msgpack.Decoder(_Numbered)


def pack(number: int, message: Request | Reply) -> bytes:
    """Return ``message`` as bytes, with the number that a request and its reply have in common."""
    return msgspec.msgpack.encode((number, message))


def unpack_request(data: bytes) -> tuple[int, Request]:
    """Return the number and the request in ``data``. Raises ``msgspec.DecodeError`` otherwise."""
    return _requests.decode(data)


def unpack_reply(data: bytes) -> tuple[int, Reply]:
    """Return the number and the reply in ``data``; every value in it can be decoded.

    Raises ``msgspec.DecodeError`` for what no answer's host sends.
    """
    try:
        number, reply = _replies.decode(data)
        values = _values(reply)
        for value in values:
            plain.decode(value)
    except RecursionError as error:
        raise msgspec.DecodeError(str(error)) from error
    if len(data) - sum(map(len, values)) > MAX_WORDS:
        raise msgspec.DecodeError("a reply has not so many words")
    return number, reply


def _values(reply: Reply) -> list[bytes]:
    match reply:
        case Returned(value=value) | Raised(arguments=value):
            return [value]
        case Overheard(raised=raised):
            return [one.arguments for one in raised if isinstance(one, Raised)]
    return []

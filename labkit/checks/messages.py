"""What a check may ask of an answer, and what it may hear. The whole seam between the two.

In a notebook the two sides are two threads, in the grader two processes; the bytes are the same.
Values cross as ``labkit.checks.plain`` packs them.
"""

from __future__ import annotations

import msgspec


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
    """Listen on a free loopback port, with ``symbol`` as the handler of each connection.

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
    """Tell what became of the task kept under ``handle``."""

    handle: int


class Abandon(Message, frozen=True):
    """End the task kept under ``handle``, and every task it has started."""

    handle: int


class Settle(Message, frozen=True):
    """Take in whatever has arrived on the connections, act on it, and then reply."""


class StopServing(Message, frozen=True):
    """Stop listening and end every connection."""


Request = Call | New | Invoke | Serve | Start | Outcome | Abandon | Settle | StopServing


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


class Settled(Message, frozen=True):
    """Everything that arrived was acted on.

    ``raised`` is what handlers and background tasks raised since the last time. The answer acts of
    itself in ``wakes_s``; None: nothing more happens until something else arrives.
    """

    wakes_s: float | None
    raised: list[Raised | Unwritten] = []
    printed: str = ""


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
    | Settled
)

#: A reply that stands where a value was expected. It says of itself what happened.
NoAnswer = Raised | Stalled | Waiting | Gone | Missing

_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def pack(message: Request | Reply) -> bytes:
    """Return ``message`` as bytes."""
    return msgspec.msgpack.encode(message)


def unpack_request(data: bytes) -> Request:
    """Return the request in ``data``. Raises ``msgspec.DecodeError`` if it is none."""
    return _requests.decode(data)


def unpack_reply(data: bytes) -> Reply:
    """Return the reply in ``data``. Raises ``msgspec.DecodeError`` if it is none."""
    return _replies.decode(data)

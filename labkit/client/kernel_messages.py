"""The messages between a notebook and its kernel, as they cross the WebSocket.

Opens no connection. The two forms are the "WebSocket kernel wire protocols" of Jupyter Server.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from labkit.errors import LabkitError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

#: The subprotocol of the binary form. Without a subprotocol, messages are JSON text.
BINARY_SUBPROTOCOL = "v1.kernel.websocket.jupyter.org"


@dataclass(frozen=True)
class KernelMessage:
    """One message: its channel, its type, what it says, and the id of what it answers to."""

    channel: str
    msg_type: str
    content: dict[str, Any]
    parent_id: str


async def execute(
    connection: ClientConnection, code: str, *, patience_s: float = 10.0
) -> list[KernelMessage]:
    """Have a kernel run ``code``; return every message that answers, in the order of arrival.

    What comes on one channel comes in order. How the channels mix is not promised: the
    ``execute_reply`` on ``shell`` may come before or after the result on ``iopub``.

    Raises LabkitError if the kernel is not done within ``patience_s``.
    """
    request = execute_request(code)
    await connection.send(json.dumps(request))
    answers: list[KernelMessage] = []
    try:
        async with asyncio.timeout(patience_s):
            while not _is_done(answers):
                message = read_message(await connection.recv())
                if message.parent_id == request["header"]["msg_id"]:
                    answers.append(message)
    except TimeoutError:
        raise LabkitError(f"the kernel is not done with {code!r} after {patience_s:g} s") from None
    return answers


def _is_done(answers: list[KernelMessage]) -> bool:
    replied = any(message.msg_type == "execute_reply" for message in answers)
    return replied and any(m.content.get("execution_state") == "idle" for m in answers)


def execute_request(code: str) -> dict[str, Any]:
    """Return the message that asks a kernel to run ``code``; send it as JSON text."""
    return {
        "channel": "shell",
        "header": {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "session": uuid.uuid4().hex,
            "username": "",
            "version": "5.4",
        },
        "parent_header": {},
        "metadata": {},
        "content": {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        },
    }


def read_message(data: str | bytes) -> KernelMessage:
    """Return the message in the payload of one WebSocket message, text or binary.

    >>> read_message('{"channel": "iopub", "header": {"msg_type": "status"},'
    ...              ' "parent_header": {}, "content": {"execution_state": "busy"}}').content
    {'execution_state': 'busy'}
    """
    if isinstance(data, str):
        message = json.loads(data)
    else:
        # Offsets of 8 bytes, little-endian: how many there are, then where each part begins; the
        # last one is where it all ends.
        count = int.from_bytes(data[:8], "little")
        offsets = [int.from_bytes(data[8 * i : 8 * i + 8], "little") for i in range(1, count + 1)]
        channel, header, parent, _metadata, content, *_buffers = (
            data[start:end] for start, end in pairwise(offsets)
        )
        message = {
            "channel": channel.decode(),
            "header": json.loads(header),
            "parent_header": json.loads(parent),
            "content": json.loads(content),
        }
    return KernelMessage(
        message["channel"],
        message["header"]["msg_type"],
        message["content"],
        message["parent_header"].get("msg_id", ""),
    )

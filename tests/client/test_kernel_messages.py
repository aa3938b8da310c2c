"""The messages of a kernel, in both forms of the wire, and a request that waits for its answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from labkit.client.kernel_messages import KernelMessage, execute, execute_request, read_message
from labkit.errors import LabkitError
from labkit.servers.serving import serve

STATUS: dict[str, Any] = {
    "channel": "iopub",
    "header": {"msg_id": "1", "msg_type": "status"},
    "parent_header": {"msg_id": "0"},
    "metadata": {},
    "content": {"execution_state": "busy"},
}


def binary(message: dict[str, Any], *buffers: bytes) -> bytes:
    names = ("header", "parent_header", "metadata", "content")
    parts = [message["channel"].encode(), *(json.dumps(message[n]).encode() for n in names)]
    parts += buffers
    ends = [8 * (len(parts) + 2)]
    for part in parts:
        ends.append(ends[-1] + len(part))
    numbers = [len(ends), *ends]
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), *parts])


def answer(msg_type: str, channel: str, parent_id: str, **content: str) -> str:
    header = {"msg_id": "1", "msg_type": msg_type}
    parent = {"msg_id": parent_id}
    return json.dumps(
        {"channel": channel, "header": header, "parent_header": parent, "content": content}
    )


def test_text_and_binary_say_the_same() -> None:
    expected = KernelMessage("iopub", "status", {"execution_state": "busy"}, "0")
    assert read_message(json.dumps(STATUS)) == expected
    assert read_message(binary(STATUS)) == expected


def test_buffers_after_the_content_are_left_out() -> None:
    assert read_message(binary(STATUS, b"Spam", b"eggs")) == read_message(binary(STATUS))


def test_a_message_that_answers_nothing_has_no_parent() -> None:
    assert read_message(json.dumps(STATUS | {"parent_header": {}})).parent_id == ""


def test_every_request_has_an_id_of_its_own() -> None:
    first, second = execute_request("6 * 7"), execute_request("6 * 7")
    assert first["content"]["code"] == "6 * 7"
    assert first["header"]["msg_id"] != second["header"]["msg_id"]


@pytest.mark.parametrize("reply_is_last", [True, False])
async def test_answers_are_collected_until_the_reply_and_idle_are_both_there(
    reply_is_last: bool,
) -> None:
    async def kernel(connection: ServerConnection) -> None:
        msg_id = json.loads(await connection.recv())["header"]["msg_id"]
        last_two = [
            answer("status", "iopub", msg_id, execution_state="idle"),
            answer("execute_reply", "shell", msg_id, status="ok"),
        ]
        await connection.send(answer("status", "iopub", "another", execution_state="idle"))
        await connection.send(answer("status", "iopub", msg_id, execution_state="busy"))
        for message in last_two if reply_is_last else reversed(last_two):
            await connection.send(message)
        await connection.wait_closed()

    async with serve(kernel) as server, connect(server.address) as connection:
        answers = await execute(connection, "6 * 7")
    last = ["status", "execute_reply"] if reply_is_last else ["execute_reply", "status"]
    assert [message.msg_type for message in answers] == ["status", *last]


async def test_a_kernel_that_does_not_answer_is_one_sentence() -> None:
    async def silent(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(silent) as server, connect(server.address) as connection:
        with pytest.raises(
            LabkitError, match=r"^the kernel is not done with '6 \* 7' after 0.05 s"
        ):
            await asyncio.wait_for(execute(connection, "6 * 7", patience_s=0.05), 10)

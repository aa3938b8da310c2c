from __future__ import annotations

from typing import Any


async def traceback_of(kernel: Any, code: str) -> str:
    """Run a cell that fails; return what is shown under it."""
    id = await kernel.send(code, cell="failing")
    while True:
        message = await kernel.client.get_iopub_msg()
        if message["msg_type"] == "error" and message["parent_header"]["msg_id"] == id:
            text = "\n".join(message["content"]["traceback"])
            break
    await kernel.ended(id)
    return text


async def test_an_error_of_labkit_is_shown_as_a_sentence_and_the_readers_line(kernel: Any) -> None:
    text = await traceback_of(kernel, "import labkit\nlabkit.serve('spam')")

    sentence, *place = text.splitlines()
    assert sentence.startswith("UsageError: there is no server 'spam'; choose one of ")
    assert place == ["  cell [2], line 2", "    labkit.serve('spam')"]


async def test_the_reply_names_the_same_error(kernel: Any) -> None:
    ran = await kernel.run("import labkit\nlabkit.serve('spam')")

    assert ran.status == "error"
    assert ran.error.startswith("UsageError: there is no server 'spam'")


async def test_a_port_that_a_thread_wants_and_cannot_have_is_told_with_what_to_do(
    kernel: Any,
) -> None:
    await kernel.run(
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0)); port = server.getsockname()[1]"
    )

    text = await traceback_of(kernel, "again = socket.create_server(('127.0.0.1', port))")

    error, *_, remedy = text.splitlines()
    assert error.startswith("OSError: [Errno ")
    assert remedy.startswith("this port is taken: end the server that has it")


async def test_another_error_of_the_system_keeps_its_traceback(kernel: Any) -> None:
    text = await traceback_of(kernel, "open('/no/such/file')")

    assert "Traceback (most recent call last)" in text
    assert "No such file or directory" in text


async def test_a_name_that_no_cell_has_made_is_told_with_what_to_do(kernel: Any) -> None:
    for count, line in ((2, "spam(1)"), (3, "await spam(1)")):
        assert (await traceback_of(kernel, f"import asyncio\n{line}")).splitlines() == [
            "NameError: name 'spam' is not defined",
            f"  cell [{count}], line 2",
            f"    {line}",
            "no cell that ran has made `spam`: run the one that does, or look at the spelling",
        ]


async def test_a_name_that_is_missing_inside_a_function_keeps_its_traceback(kernel: Any) -> None:
    text = await traceback_of(kernel, "def order():\n    return spam\norder()")

    assert "Traceback (most recent call last)" in text


async def test_any_other_error_keeps_its_traceback(kernel: Any) -> None:
    text = await traceback_of(kernel, "1 / 0")

    assert "Traceback (most recent call last)" in text


async def test_after_unloading_every_error_has_its_traceback(kernel: Any) -> None:
    await kernel.run("%unload_ext labkit")

    text = await traceback_of(kernel, "import labkit\nlabkit.serve('spam')")

    assert "Traceback (most recent call last)" in text

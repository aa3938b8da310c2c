from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from labkit.errors import UsageError
from labkit.kernel.extension import load_ipython_extension, unload_ipython_extension

#: What the extension puts in place of something else, as a cell sees it.
IN_PLACE = """
shell, loop = get_ipython(), asyncio.get_running_loop()
in_place = repr([
    *(shell.kernel.do_execute, shell.kernel.pre_handler_hook, shell.kernel.post_handler_hook),
    *(shell.custom_exceptions, shell.CustomTB, shell.events.callbacks["pre_run_cell"]),
    *(loop.get_task_factory(), loop.get_exception_handler()),
    *sorted(thread.name for thread in threading.enumerate()),
])
"""


async def in_place(kernel: Any) -> str:
    """Return what is in place now."""
    ran = await kernel.run(f"import asyncio, threading\n{IN_PLACE}")
    assert ran.status == "ok"
    return str(await kernel.value("in_place"))


async def test_the_extension_is_loaded_once_however_often_it_is_asked_for(kernel: Any) -> None:
    await kernel.run("import labkit")
    before = await in_place(kernel)
    ran = await kernel.run("%load_ext labkit\nlabkit.load_ipython_extension(get_ipython())")
    assert ran.status == "ok"
    assert await in_place(kernel) == before


async def test_unloading_leaves_the_kernel_as_it_was(kernel: Any) -> None:
    await kernel.run("%unload_ext labkit")
    before = await in_place(kernel)
    assert "labkit" not in str(before)
    await kernel.run("%load_ext labkit")
    assert "labkit" in str(await in_place(kernel))
    await kernel.run("%unload_ext labkit")
    assert await in_place(kernel) == before


async def test_the_cell_that_unloads_the_extension_ends_without_it(kernel: Any) -> None:
    code = (
        "from types import SimpleNamespace\n"
        "from labkit.kernel.extension import _loaded\n"
        "ended = []\n"
        "part = SimpleNamespace(cell_ends=lambda cell: ended.append(cell.id))\n"
        "part.before_cell = lambda cell: asyncio.sleep(0)\n"
        "part.cell_starts = lambda cell: None\n"
        "part.remove = lambda: None\n"
        "_loaded[id(get_ipython())].parts.append(part)"
    )
    assert (await kernel.run(f"import asyncio\n{code}", cell="a1")).status == "ok"
    await kernel.run("%unload_ext labkit", cell="b2")
    assert await kernel.value("ended") == ["a1"]


async def test_an_extension_that_is_loaded_again_works(kernel: Any) -> None:
    await kernel.run("%reload_ext labkit")
    await kernel.run("%unload_ext labkit")
    ran = await kernel.run("%load_ext labkit")
    assert (ran.status, ran.text) == ("ok", "")
    ran = await kernel.run("from labkit.kernel.cells import current\nprint(current.get())")
    assert ran.text.startswith("cell [")


async def test_what_a_cell_starts_knows_its_cell(kernel: Any) -> None:
    code = (
        "import asyncio\n"
        "from labkit.kernel.cells import current\n"
        "async def whose():\n"
        "    return current.get().id\n"
        "task = asyncio.create_task(whose())\n"
    )
    await kernel.run(code, cell="a1")
    assert (await kernel.run("print(await task)", cell="b2")).text == "a1\n"


async def test_the_kernels_own_tasks_belong_to_no_cell(kernel: Any) -> None:
    code = (
        "import asyncio\n"
        "from labkit.kernel.extension import _loaded\n"
        "belongings = _loaded[id(get_ipython())].notebook.belongings\n"
    )
    await kernel.run(code, cell="a1")
    await kernel.run("await asyncio.sleep(0)", cell="b2")
    code = "print([task for task, _ in belongings.tasks()])"
    assert (await kernel.run(code, cell="c3")).text == "[]\n"
    assert (await kernel.run("await asyncio.sleep(0)\n" + code, cell="d4")).text == "[]\n"


async def test_what_a_front_end_asks_silently_is_no_cell(kernel: Any) -> None:
    message = kernel.client.execute(
        "from labkit.kernel.cells import current\nassert current.get() is None", silent=True
    )
    assert (await kernel.ended(message)).status == "ok"


def test_a_shell_without_a_kernel_is_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match="works in a notebook's kernel"):
        load_ipython_extension(SimpleNamespace())


def test_unloading_what_is_not_loaded_does_nothing() -> None:
    unload_ipython_extension(SimpleNamespace())


def test_loading_imports_no_library_that_the_kernel_does_not_have() -> None:
    program = (
        "import sys, ipykernel.ipkernel\n"
        "before = set(sys.modules)\n"
        "import labkit.kernel.extension\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert set(output.split()) - sys.stdlib_module_names == {"labkit"}

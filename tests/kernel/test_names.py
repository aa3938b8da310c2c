from __future__ import annotations

import asyncio

from IPython.core.compilerop import CachingCompiler

from labkit.kernel.names import name_of
from labkit.kernel.places import Places


async def named(coroutine: object, name: str | None = None) -> str:
    task = asyncio.create_task(coroutine, name=name)  # type: ignore[arg-type]
    try:
        return name_of(task, Places(CachingCompiler()))
    finally:
        task.cancel()


async def test_a_name_that_the_reader_gave_is_kept() -> None:
    assert await named(asyncio.sleep(60), name="nap") == "nap"


async def test_a_number_that_asyncio_gave_tells_less_than_the_function() -> None:
    assert await named(asyncio.sleep(60)) == "sleep"


async def test_an_inner_function_is_called_as_it_was_written() -> None:
    async def inner() -> None: ...

    assert await named(inner()) == "inner"


async def test_inside_of_a_library_the_readers_own_function_gives_the_name() -> None:
    compiler = CachingCompiler()
    source = "async def greet(event):\n    await event.wait()"
    made: dict[str, object] = {}
    exec(compiler(source, compiler.cache(source, 4), "exec"), made)

    async def serve() -> None:
        await made["greet"](asyncio.Event())  # type: ignore[operator]

    task = asyncio.create_task(serve())
    await asyncio.sleep(0)

    assert name_of(task, Places(compiler)) == "greet"
    task.cancel()

"""The tether: a real Jupyter server ends, and well, when its standard input does."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path


async def test_the_server_ends_when_its_standard_input_does(tmp_path: Path) -> None:
    variables = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "labkit.servers.tethered_jupyter"),
        *("--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
        env=os.environ | {"JUPYTER_NO_CONFIG": "1"} | dict.fromkeys(variables, str(tmp_path)),
        cwd=tmp_path,
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    assert process.stdin is not None
    try:
        async with asyncio.timeout(60):
            while not any(name.startswith("jpserver-") for name in os.listdir(tmp_path)):
                await asyncio.sleep(0.02)
            process.stdin.close()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from labkit.cli import lab
from labkit.errors import CourseError, UsageError

START = "import typer; from labkit.cli import lab; app = typer.Typer(); lab.register(app); app()"


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    lab.register(app)
    return app


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Make a folder that is a course, as far as opening it goes."""
    folder = tmp_path.resolve() / "websockets"
    (folder / "course").mkdir(parents=True)
    (folder / "course" / "course.toml").write_text("")
    (folder / "notebooks").mkdir()
    return folder


def test_outside_a_course_folder_the_command_is_refused(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["--no-browser"])
    assert isinstance(result.exception, CourseError)


def test_a_taken_port_is_refused_by_its_number(
    app: typer.Typer, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(course)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["--no-browser", "--port", str(port)])
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        f"JupyterLab cannot listen on port {port} (Address already in use); "
        "choose another with --port, or leave --port out"
    )


def test_further_options_come_last_so_that_they_win(tmp_path: Path) -> None:
    command = lab.jupyterlab(tmp_path, port=8888, extra=["--no-browser", "--ip=0.0.0.0"])
    assert command[-2:] == ["--no-browser", "--ip=0.0.0.0"]


def test_a_port_that_is_named_is_the_only_one_tried(tmp_path: Path) -> None:
    assert "--ServerApp.port_retries=0" in lab.jupyterlab(tmp_path, port=8888)
    assert "--ServerApp.port_retries=0" not in lab.jupyterlab(tmp_path)


def test_root_is_allowed_only_where_one_is_root(tmp_path: Path) -> None:
    assert "--allow-root" in lab.jupyterlab(tmp_path, is_root=True)
    assert "--allow-root" not in lab.jupyterlab(tmp_path)


def test_the_course_s_settings_come_before_the_reader_s_own() -> None:
    path = lab.settings({"JUPYTER_CONFIG_PATH": "mine"})["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert path[1:] == ["mine"]
    assert (Path(path[0]) / "labconfig" / "page_config.json").is_file()


@asynccontextmanager
async def jupyterlab_in(course: Path) -> AsyncIterator[str]:
    """Start the command for real; yield the address that it prints, with its token."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START, "--no-browser", "--port", "0"),
        cwd=course,
        env={**os.environ, "HOME": str(course.with_name("home")), "NO_COLOR": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    try:
        async with asyncio.timeout(60):
            async for line in process.stderr:
                if address := re.search(rb"http://127\.0\.0\.1:\d+/\S*token=\w+", line):
                    yield address[0].decode()
                    return
        pytest.fail("JupyterLab ended before it named its address")
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def get(address: str) -> str:
    """Return the page at ``address``. JupyterLab names its address shortly before it listens."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await asyncio.to_thread(
                    lambda: urllib.request.urlopen(address).read().decode()
                )
            except urllib.error.URLError:
                await asyncio.sleep(0.05)


async def test_jupyterlab_serves_the_course_without_news_or_nbgrader(course: Path) -> None:
    async with jupyterlab_in(course) as address:
        page = await get(address)
    config = json.loads(re.findall(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S)[0])
    assert "/lab/tree/notebooks" in address
    assert config["serverRoot"] == str(course)
    assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
    assert "@jupyter/nbgrader" in config["disabledExtensions"]

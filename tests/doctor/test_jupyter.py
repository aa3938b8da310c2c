"""The notices that Jupyter servers leave of themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.doctor.jupyter import running_servers

NOTICE = {
    "base_url": "/",
    "hostname": "localhost",
    "password": False,
    "pid": os.getpid(),
    "port": 8888,
    "root_dir": "course",
    "secure": False,
    "sock": "",
    "token": "secret",
    "url": "http://localhost:8888/",
}


def leave(folder: Path, **changes: object) -> None:
    (folder / "jpserver-1.json").write_text(json.dumps(NOTICE | changes))


def test_a_running_server_is_known_by_its_notice(tmp_path: Path) -> None:
    leave(tmp_path)
    [server] = running_servers(tmp_path)
    assert server.address == "http://localhost:8888"
    assert (server.token, server.pid, server.port) == ("secret", os.getpid(), 8888)


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"hostname": "0.0.0.0"}, "http://127.0.0.1:8888"),
        ({"hostname": "::1", "secure": True}, "https://[::1]:8888"),
        ({"base_url": "/user/ann/"}, "http://localhost:8888/user/ann"),
    ],
)
def test_its_address_is_one_that_can_be_asked(
    tmp_path: Path, changes: dict[str, object], address: str
) -> None:
    leave(tmp_path, **changes)
    [server] = running_servers(tmp_path)
    assert server.address == address


def test_a_server_on_a_unix_socket_is_passed_over(tmp_path: Path) -> None:
    leave(tmp_path, sock="jupyter.sock")
    assert running_servers(tmp_path) == []


def test_the_notice_of_a_server_that_has_ended_is_passed_over_and_kept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    leave(tmp_path, pid=ended.pid)
    assert running_servers(tmp_path) == []
    assert (tmp_path / "jpserver-1.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x"}'])
def test_half_a_notice_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "jpserver-1.json").write_text(text)
    assert running_servers(tmp_path) == []

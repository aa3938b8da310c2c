"""The doctor looks through a real nginx, set up rightly and in the ways it is set up wrongly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labkit.doctor.findings import Finding
from labkit.doctor.way import examine_way
from labkit.servers.serving import serve

pytestmark = pytest.mark.needs("nginx")

HTTP_1_1 = "proxy_http_version 1.1;"
UPGRADE = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
RIGHT = f"{HTTP_1_1} {UPGRADE}"

CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ {directives} }}
    }}
}}
"""


@contextlib.asynccontextmanager
async def nginx(folder: Path, directives: str) -> AsyncIterator[str]:
    """Run nginx; yield its address once it accepts connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = folder / "nginx.conf"
    path.write_text(CONFIGURATION.format(folder=folder, port=port, directives=directives))
    process = await asyncio.create_subprocess_exec(
        "nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(path)
    )
    try:
        async with asyncio.timeout(10):
            while not await accepts(port):
                assert process.returncode is None, (folder / "error.log").read_text()
        yield f"ws://127.0.0.1:{port}/"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def examine_through(folder: Path, directives: str, server: str = "echo") -> list[Finding]:
    async with (
        serve(server) as origin,
        nginx(folder, f"proxy_pass {origin.address.replace('ws', 'http')}; {directives}") as way,
    ):
        return await examine_way(way, silence_s=1.5)


@pytest.mark.parametrize("server", ["echo", "handmade"])
async def test_an_nginx_that_is_set_up_rightly_changes_nothing(tmp_path: Path, server: str) -> None:
    findings = await examine_through(tmp_path, RIGHT, server)
    assert [finding for finding in findings if finding.state != "ok"] == []
    assert len(findings) == 10


@pytest.mark.parametrize("server", ["echo", "handmade"])
@pytest.mark.parametrize("directives", [HTTP_1_1, ""], ids=["HTTP/1.1", "as installed"])
async def test_an_nginx_that_drops_the_upgrade_is_named_with_its_cure(
    tmp_path: Path, directives: str, server: str
) -> None:
    [upgrade] = await examine_through(tmp_path, directives, server)
    assert upgrade.state == "problem"
    assert "on the way" in upgrade.found
    assert "proxy_set_header Upgrade $http_upgrade" in upgrade.remedy


async def test_the_status_tells_an_old_http_version_from_a_missing_header(tmp_path: Path) -> None:
    [old] = await examine_through(tmp_path, UPGRADE)
    assert old.found.startswith("refused with HTTP 505: a proxy on the way speaks HTTP/1.0")
    [missing] = await examine_through(tmp_path, HTTP_1_1)
    assert missing.found.startswith("refused with HTTP 426: something on the way drops the upgrade")


async def test_an_nginx_that_cuts_silence_short_is_named_with_its_cure(tmp_path: Path) -> None:
    findings = await examine_through(tmp_path, f"{RIGHT} proxy_read_timeout 500ms;")
    [cut] = [finding for finding in findings if finding.state != "ok"]
    assert cut.name == "1.5 s of silence"
    assert cut.found.startswith("the connection is closed after ")
    assert "proxy_read_timeout 1h" in cut.remedy


async def test_an_nginx_without_its_server_is_told_from_a_closed_way(tmp_path: Path) -> None:
    async with serve("echo") as gone:
        target = gone.address.replace("ws", "http")
    async with nginx(tmp_path, f"proxy_pass {target}; {RIGHT}") as way:
        [upgrade] = await examine_way(way, silence_s=0)
    assert upgrade.found.startswith("refused with HTTP 502: the proxy does not reach the server")
    assert "start labkit serve echo" in upgrade.remedy


async def test_a_login_page_in_front_is_named(tmp_path: Path) -> None:
    async with nginx(tmp_path, "return 302 /hub/login;") as way:
        [upgrade] = await examine_way(way, silence_s=0)
    assert "sends you on to" in upgrade.found
    assert "sign in first" in upgrade.remedy

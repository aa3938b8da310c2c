"""The real examinations of the machine that runs the tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labkit.doctor.findings import examine
from labkit.doctor.machine import MACHINE, way_to
from labkit.errors import UsageError
from labkit.servers.serving import serve


async def test_every_examination_of_this_machine_has_something_to_say() -> None:
    examined = await examine(MACHINE)
    assert set(examined) == {"ports", "notebooks", "routes"}
    for findings in examined.values():
        assert findings
        assert not any("not examined" in finding.found for finding in findings)
        assert all(finding.remedy for finding in findings if finding.state != "ok")


def test_nothing_is_imported_before_an_examination_needs_it() -> None:
    program = (
        "import sys; import labkit.doctor.machine;"
        "print(*{'psutil', 'websockets', 'tornado', 'jupyter_core'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert loaded.stdout.strip() == loaded.stderr.strip() == ""


async def test_the_way_to_a_server_of_our_own_is_open() -> None:
    async with serve("echo") as server:
        examined = await examine({"way": way_to(server.address, silence_s=0.05)}, limit_s=60)
    assert {finding.state for finding in examined["way"]} == {"ok"}


@pytest.mark.parametrize(
    "address",
    [
        "http://hub.example",
        "hub.example:80",
        "ws://",
        "",
        "ws://h:x",
        "ws://h:0",
        "ws://[",
        "ws://h#a",
    ],
)
def test_what_is_no_address_of_a_websocket_is_refused_in_a_sentence(address: str) -> None:
    with pytest.raises(UsageError, match="give one like ws://HOST:PORT/PATH"):
        way_to(address, silence_s=1)

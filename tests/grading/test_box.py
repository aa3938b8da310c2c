"""labkit.grading.box: what an answer finds around it, told by answers that look around."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labkit.checks import plain
from labkit.checks.messages import Call, NoAnswer, Returned, Unwritten
from labkit.grading.pipe import Cell
from labkit.grading.process import Box

from ..checks.conversation import conversing

Ask = Callable[..., Any]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Run cells in a box and return what ``f()`` gives there."""
    boxes: list[Box] = []

    def ask_f(*cells: str) -> Any:
        boxes.append(Box.start())
        assert boxes[-1].prepare([Cell(cell) for cell in cells], ["f"], {}) is None
        with boxes[-1].round() as pipe, conversing(pipe) as conversation:
            reply = conversation.ask(Call("f", plain.encode([])))
        assert isinstance(reply, Returned | Unwritten | NoAnswer)
        return plain.decode(reply.value) if isinstance(reply, Returned) else reply

    yield ask_f
    for box in boxes:
        box.close()


def test_nothing_that_knows_an_expected_value_is_in_the_box(ask: Ask) -> None:
    loaded = ask(
        "from labkit import check\ncheck('01.1', None)",
        "import sys\ndef f(): return [name for name in sys.modules if 'labkit' in name]",
    )
    checks = ("cases", "channel", "lesson", "peer", "registry", "runner", "subject", "world")
    knowing = (*(f"checks.{name}" for name in checks), "protocol", "transport")
    assert "labkit.checks.host" in loaded
    assert [name for name in loaded if name.removeprefix("labkit.").startswith(knowing)] == []


def test_what_a_cell_calls_to_be_checked_does_nothing(ask: Ask) -> None:
    calls = (
        "from labkit import check, hint, scorecard\nn = check('01.1'), hint('x'), scorecard('01')"
    )
    assert ask(calls, "def f(): return n") == (None, None, None)


def test_what_only_a_notebook_has_does_nothing(ask: Ask) -> None:
    calls = "display(1)\nn = get_ipython().run_line_magic('time', '1')"
    assert ask(calls, "def f(): return n") is None


def test_input_says_that_nobody_is_there(ask: Ask) -> None:
    assert "it raised EOFError: there is nobody to answer `input()`" in str(
        ask("def f(): return input('name? ')")
    )


def test_the_limits_hold(ask: Ask) -> None:
    names = ["CPU", "AS", "FSIZE", "NOFILE", "CORE"]
    found = ask(
        "import resource",
        f"def f(): return [resource.getrlimit(getattr(resource, 'RLIMIT_' + n)) for n in {names}]",
    )
    mib = 1 << 20
    limits = [60, 2048 * mib, 16 * mib, 256, 0]
    assert found == [(limit, limit) for limit in limits]
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] != 60


def test_a_memory_hog_fails_in_its_own_cell(ask: Ask) -> None:
    assert ask("hog = bytearray(1 << 40)", "def f(): return 'here'") == "here"


def test_a_flood_of_output_is_cut(ask: Ask) -> None:
    cells = ["print('x' * 10**7)", "def f():\n    print('x' * 10**7)\n    return 1"]
    assert ask(*cells) == 1


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")
def test_standard_streams_lead_nowhere(ask: Ask) -> None:
    source = "import os\ndef f(): return [os.readlink(f'/proc/self/fd/{n}') for n in range(3)]"
    assert ask(source) == ["/dev/null"] * 3


def test_the_environment_is_not_the_teachers(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHERS_TOKEN", "secret")
    names = ask("import os\ndef f(): return sorted(os.environ)")
    assert "TEACHERS_TOKEN" not in names
    assert "PATH" in names


def test_sets_have_the_same_order_every_time(ask: Ask) -> None:
    source = "def f(): return list({'spam', 'eggs', 'ham', 'bacon', 'sausage'})"
    assert ask(source) == ask(source)


def test_nothing_is_imported_from_where_it_runs(ask: Ask) -> None:
    write = "open('colorsys.py', 'w').write('mine = 1')"
    assert ask(f"{write}\nimport colorsys\ndef f(): return hasattr(colorsys, 'mine')") is False

from __future__ import annotations

import asyncio
import json

import pytest
import typer
from typer.testing import CliRunner

from labkit.cli import doctor
from labkit.course.parts import Finding, Part
from labkit.doctor import findings as living
from labkit.errors import UsageError
from labkit.servers.serving import serve

OK = Finding(Part("spam", "learn", "fills the tin", "the tin is empty"), "ok", "1.2")
OLD = Finding(
    Part("eggs", "learn", "goes with spam", "breakfast is dry"), "old", "0.9", "pip install eggs"
)
MISSING = Finding(
    Part("toast", "test", "is buttered", "no toast"), "missing", remedy="buy [white] bread"
)
WELL = living.Finding("port 8765", "ok", "free [for you]")
STUCK = living.Finding("02_setup.ipynb", "warning", "busy for 95 s", "interrupt [it]")
BROKEN = living.Finding("a WebSocket", "problem", "does not get through", "open the firewall")


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    doctor.register(app)
    return app


def run(
    app: typer.Typer,
    monkeypatch: pytest.MonkeyPatch,
    *findings: Finding | living.Finding,
    args: str = "doctor",
) -> tuple[int, str]:
    async def examination() -> list[living.Finding]:
        return [each for each in findings if isinstance(each, living.Finding)]

    parts = [each for each in findings if isinstance(each, Finding)]
    monkeypatch.setattr(doctor, "survey", lambda: parts)
    monkeypatch.setattr(doctor, "MACHINE", {"routes": examination})
    result = CliRunner().invoke(app, args.split())
    return result.exit_code, result.stdout


def test_a_complete_course_exits_0_and_says_so(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run(app, monkeypatch, OK)
    assert code == 0
    assert text.endswith("The course has all it needs.\n")


def test_a_part_that_only_tests_need_does_not_fail_the_course(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run(app, monkeypatch, OK, MISSING)
    assert code == 0
    assert "toast" not in text
    assert "for authors and the tests: 1 of 1 parts are missing (--all lists them)\n" in text


def test_what_only_tests_need_is_listed_on_request(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = run(app, monkeypatch, OK, MISSING, args="doctor --all")[1]
    assert "toast is missing\n  without it  no toast\n" in text
    assert "for authors and the tests: " not in text


def test_a_part_that_the_course_needs_exits_1(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run(app, monkeypatch, OK, OLD)
    assert code == 1
    assert "eggs 0.9 is too old\n  without it  breakfast is dry\n" in text
    assert text.endswith("The course lacks something it needs.\n")


def test_a_remedy_is_printed_as_it_is_written(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        "to get it   buy [white] bread\n" in run(app, monkeypatch, MISSING, args="doctor --all")[1]
    )


def test_json_is_one_object_with_every_part(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run(app, monkeypatch, OK, OLD, args="doctor --json")
    summary = json.loads(text)
    assert code == 1
    assert summary["ready"] is False
    assert set(summary["python"]) == {"version", "executable"}
    assert summary["parts"][1] == {
        "name": "eggs",
        "need": "learn",
        "state": "old",
        "found": "0.9",
        "purpose": "goes with spam",
        "loss": "breakfast is dry",
        "remedy": "pip install eggs",
    }


def test_a_machine_that_is_well_is_said_to_be(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run(app, monkeypatch, OK, WELL)
    assert code == 0
    assert "port 8765        ok     free [for you]" in text
    assert text.endswith("The course has all it needs.\n")


def test_a_warning_is_one_sentence_with_what_to_do_and_does_not_fail_the_course(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run(app, monkeypatch, OK, STUCK)
    assert code == 0
    assert "02_setup.ipynb: busy for 95 s\n  what to do  interrupt [it]\n" in text
    assert text.endswith("The course has all it needs.\n")


def test_a_problem_exits_1_and_is_counted(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run(app, monkeypatch, OK, BROKEN)
    assert code == 1
    assert "a WebSocket: does not get through\n  what to do  open the firewall\n" in text
    assert text.endswith("The course has all it needs, and a problem stands in the way.\n")
    _, text = run(app, monkeypatch, OK, BROKEN, BROKEN)
    assert text.endswith("The course has all it needs, and 2 problems stand in the way.\n")


def test_a_missing_part_is_the_verdict_even_where_there_are_problems(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = run(app, monkeypatch, OLD, BROKEN)
    assert text.endswith("The course lacks something it needs.\n")


def test_json_has_every_finding_of_the_machine(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run(app, monkeypatch, OK, WELL, BROKEN, args="doctor --json")
    summary = json.loads(text)
    assert code == 1
    assert summary["ready"] is False
    assert summary["examinations"][1] == {
        "examination": "routes",
        "name": "a WebSocket",
        "state": "problem",
        "found": "does not get through",
        "remedy": "open the firewall",
    }


async def test_the_way_to_a_server_is_examined_when_it_is_named(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve("echo") as server:
        args = f"doctor --json --silence 0.1 --through {server.address}"
        code, text = await asyncio.to_thread(run, app, monkeypatch, OK, args=args)
    found = {each["name"]: each["state"] for each in json.loads(text)["examinations"]}
    assert code == 0
    assert found["upgrade"] == found["0.1 s of silence"] == "ok"
    code, text = await asyncio.to_thread(run, app, monkeypatch, OK, args=args)
    assert code == 1
    assert "nothing listens at " in json.loads(text)["examinations"][0]["found"]


def test_what_is_no_address_is_refused_before_anything_is_examined(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["doctor", "--through", "http://hub.example"])
    assert isinstance(result.exception, UsageError)
    assert result.stdout == ""


def test_the_real_survey_knows_this_environment(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    summary = json.loads(result.stdout)
    states = {part["name"]: part["state"] for part in summary["parts"]}
    assert states["websockets"] == "ok"
    examined = {each["examination"] for each in summary["examinations"]}
    assert examined == {"ports", "notebooks", "routes"}

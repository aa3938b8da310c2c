from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from labkit.cli import doctor
from labkit.course.parts import Finding, Part

OK = Finding(Part("spam", "learn", "fills the tin", "the tin is empty"), "ok", "1.2")
OLD = Finding(
    Part("eggs", "learn", "goes with spam", "breakfast is dry"), "old", "0.9", "pip install eggs"
)
MISSING = Finding(
    Part("toast", "test", "is buttered", "no toast"), "missing", remedy="buy [white] bread"
)


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    doctor.register(app)
    return app


def run(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, *findings: Finding, args: str = "doctor"
) -> tuple[int, str]:
    monkeypatch.setattr(doctor, "survey", lambda: list(findings))
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
    assert "toast is missing\n  without it  no toast\n" in text


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
    assert "to get it   buy [white] bread\n" in run(app, monkeypatch, MISSING)[1]


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


def test_the_real_survey_knows_this_environment(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    states = {part["name"]: part["state"] for part in json.loads(result.stdout)["parts"]}
    assert states["websockets"] == "ok"

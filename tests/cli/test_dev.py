from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from labkit.cli import dev
from labkit.course.findings import Finding
from labkit.errors import CourseError

ROOT = Path(__file__).parents[2]
BUILT = {"notebooks/01_spam.ipynb": b'{"cells": []}\n', "exercises/01_spam.ipynb": b"{}\n"}
MANIFEST = """
title = "Spam"
[[lesson]]
slug = "01_spam"
title = "Spam"
question = "What is in the tin?"
minutes = 10
exercises = ["01.1"]
"""


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course folder, which is the current one, from which ``BUILT`` is built."""
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "course.toml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dev, "build", lambda root, finished: BUILT)
    return tmp_path


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the audit is to find."""
    found: list[Finding] = []
    monkeypatch.setattr(dev, "audit", lambda root, verdicts, finished: found)
    return found


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    dev.register(app)
    result = CliRunner().invoke(app, ["dev", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def labkit(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labkit", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_build_writes_what_changed_and_lists_every_notebook(course: Path) -> None:
    (course / "exercises").mkdir()
    (course / "exercises" / "01_spam.ipynb").write_bytes(b"{}\n")
    assert run("build") == (
        0,
        "written    notebooks/01_spam.ipynb\nunchanged  exercises/01_spam.ipynb\n",
    )
    assert (course / "notebooks" / "01_spam.ipynb").read_bytes() == b'{"cells": []}\n'


def test_build_works_from_a_folder_inside_the_course(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(course / "course")
    assert run("build")[0] == 0
    assert (course / "notebooks" / "01_spam.ipynb").exists()


def test_build_check_exits_0_where_everything_is_what_its_source_says(course: Path) -> None:
    run("build")
    assert run("build", "--check") == (0, "2 notebooks are what their sources say.\n")


def test_build_check_exits_1_names_the_difference_and_writes_nothing(course: Path) -> None:
    run("build")
    stale = course / "notebooks" / "01_spam.ipynb"
    stale.write_bytes(b'{"cells": [{}]}\n')
    code, text = run("build", "--check")
    assert (code, text.splitlines()) == (
        1,
        [
            "notebooks/01_spam.ipynb is not what its source says; first difference: "
            "it has one more, cell 1",
            "Run `labkit dev build` and look at what changes.",
        ],
    )
    assert stale.read_bytes() == b'{"cells": [{}]}\n'


def test_check_exits_0_where_everything_holds(course: Path, findings: list[Finding]) -> None:
    assert run("check") == (0, "Everything holds in 1 of 1 lessons.\n")


def test_check_exits_1_with_a_line_for_each_finding(course: Path, findings: list[Finding]) -> None:
    findings += [Finding("a.md", "no spam [b]"), Finding("b.md", "no eggs")]
    assert run("check") == (1, "a.md: no spam [b]\nb.md: no eggs\n")


def test_check_prints_json_for_programs(course: Path, findings: list[Finding]) -> None:
    findings.append(Finding("a.md", "no späm"))
    code, text = run("check", "--json")
    assert (code, json.loads(text)) == (1, [{"file": "a.md", "finding": "no späm"}])


def test_check_prints_an_empty_list_where_everything_holds(
    course: Path, findings: list[Finding]
) -> None:
    assert run("check", "--json") == (0, "[]\n")


def test_check_judges_the_notebooks_of_a_lesson_with_the_grader(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Mapping[str, str]] = []

    def audit(root: Path, verdicts: object, finished: object) -> list[Finding]:
        assert callable(verdicts)
        seen.extend(verdicts(ROOT / folder / "01_protocol.ipynb") for folder in names)
        return []

    names = ("exercises", "solutions")
    monkeypatch.setattr(dev, "audit", audit)
    run("check")
    assert [set(statuses.values()) for statuses in seen] == [{"todo"}, {"pass"}]
    assert seen[0].keys() == seen[1].keys()


@pytest.mark.parametrize("command", ["build", "check"])
def test_outside_a_course_the_error_says_what_to_do(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match="change to the course's folder"):
        run(command)


def test_a_mistake_in_a_source_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "course.toml").write_text("title = 1\n")
    done = labkit("dev", "build", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "labkit: course/course.toml: the manifest has no lesson\n"


def test_ctrl_c_ends_a_build_and_leaves_the_notebooks_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "course" / "01_spam"
    folder.mkdir(parents=True)
    (tmp_path / "course" / "course.toml").write_text(MANIFEST)
    reached = tmp_path / "reached"
    (folder / "lesson.md").write_text(
        f'```python id="a"\nopen({str(reached)!r}, "w").close()\nwhile True: pass\n```\n'
    )
    (folder / "exercises.md").write_text(
        '```python id="ex-01-1"\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n```\n'
        '```python id="check-01-1"\ncheck("01.1", x)\n```\n'
    )
    command = [sys.executable, "-m", "labkit", "dev", "build"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not reached.exists() and process.poll() is None:
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in errors
    assert not (tmp_path / "notebooks").exists()


def test_the_courses_notebooks_are_what_their_sources_say() -> None:
    done = labkit("dev", "build", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_holds_in_the_course() -> None:
    done = labkit("dev", "check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_other_command_waits_for_what_only_a_build_needs() -> None:
    heavy = ["jupytext", "jupyter_client", "nbclient", "nbformat"]
    code = f"import sys, labkit.cli.main; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"

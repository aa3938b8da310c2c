from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from labkit.checks.cases import Case
from labkit.checks.registry import Exercise
from labkit.checks.subject import Subject
from labkit.checks.world import World
from labkit.course.audit import audit
from labkit.course.build import FOLDERS
from labkit.course.strip import strip_solution
from labkit.errors import CourseError

Edit = Callable[[str, str, str], None]
LAST = "<details>a</details><details>b</details><details>c</details>"
LINKS = "Write 01.1, 01.2, 01.3, 01.4 and 01.5 in the [exercises](../exercises/01_spam.ipynb)."
EXERCISE = """\
```python id="ex-01-{0}"
def f{0}():
    ### BEGIN SOLUTION
    secret = {0}
    return secret
    ### END SOLUTION
```

```python id="check-01-{0}"
check("01.{0}", f{0})
```

"""


async def check(subject: Subject, world: World) -> AsyncIterator[Case]:
    return
    yield


def known(count: int = 5) -> dict[str, Exercise]:
    return {
        f"01.{k}": Exercise(f"01.{k}", f"f{k}", 1, ("a", "b", "c"), "About.", check)
        for k in range(1, count + 1)
    }


def verdicts(file: Path) -> Mapping[str, str]:
    return dict.fromkeys(known(), {"exercises": "todo", "solutions": "pass"}[file.parent.name])


@pytest.fixture
def sound(course: Path, edit: Edit) -> Path:
    """A course that has nothing wrong with it."""
    edit("course.toml", '"01.2"', '"01.2", "01.3", "01.4", "01.5"')
    first = "# 1. Spam\n\n**What is in the tin?** Allow 10 minutes.\n\n\n"
    middle = "".join(f"{'spam ' * 60}\n\n\n" for _ in range(24))
    folder = course / "course" / "01_spam"
    (folder / "lesson.md").write_text(f"{first}{middle}{LINKS}\n\n\n{LAST}\n")
    intro = "The line is the expected output. [lesson](../notebooks/01_spam.ipynb)\n\n"
    answers = "".join(EXERCISE.format(k) for k in range(1, 6))
    (folder / "exercises.md").write_text(intro + answers)
    stub = strip_solution(answers.partition('```python id="check')[0], "01.1")
    for name in FOLDERS:
        (course / name).mkdir()
        cells = [{"id": "ex-01-1", "source": stub, "outputs": []}]
        (course / name / "01_spam.ipynb").write_text(json.dumps({"cells": cells}))
    samples = course / "tests" / "checks" / "answers"
    samples.mkdir(parents=True)
    (samples / "lesson01.py").write_text(
        "WRONG = {f'01.{k}': dict.fromkeys('abc', ('x', 'm')) for k in range(1, 6)}\n"
        "RIGHT = {f'01.{k}': dict.fromkeys('ab', 'x') for k in range(1, 6)}\n"
    )
    return course


def found(root: Path, **arguments: object) -> list[str]:
    given = {"verdicts": verdicts, "registered": known()} | arguments
    return [str(finding) for finding in audit(root, **given)]  # type: ignore[arg-type]


def test_a_sound_course_has_no_findings(sound: Path) -> None:
    assert found(sound) == []


def test_each_lesson_that_is_done_is_told(sound: Path) -> None:
    done: list[str] = []
    audit(sound, verdicts=verdicts, registered=known(), finished=done.append)
    assert done == ["01_spam"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_notebook_that_is_missing_is_found(sound: Path, folder: str) -> None:
    (sound / folder / "01_spam.ipynb").unlink()
    assert found(sound) == [f"{folder}/01_spam.ipynb: it is missing; `labkit dev build` makes it"]


@pytest.mark.parametrize(
    "path", ["notebooks/02_eggs.ipynb", "exercises/a.txt", "course/a.md", "course/01_spam/b.md"]
)
def test_a_file_that_nothing_accounts_for_is_found(sound: Path, path: str) -> None:
    (sound / path).write_text("spam")
    assert found(sound) == [f"{path}: nothing in course/course.toml accounts for it"]


def test_what_jupyter_keeps_beside_a_notebook_is_no_finding(sound: Path) -> None:
    (sound / "exercises" / ".ipynb_checkpoints").mkdir()
    assert found(sound) == []


def test_a_folder_of_a_lesson_that_is_only_planned_is_found(sound: Path) -> None:
    (sound / "course" / "02_eggs").mkdir()
    assert found(sound) == ["course/02_eggs: course/course.toml lists no exercises of this lesson"]


def test_an_exercise_without_a_check_is_found(sound: Path) -> None:
    assert "course/course.toml: exercise 01.5 has no check in labkit.checks" in found(
        sound, registered=known(4)
    )


def test_a_check_without_an_exercise_is_found(sound: Path) -> None:
    assert found(sound, registered=known(6)) == [
        "course/course.toml: exercise 01.6 has a check in labkit.checks, but is not listed"
    ]


def test_a_lesson_with_too_few_exercises_is_found(sound: Path, edit: Edit) -> None:
    edit("course.toml", ', "01.5"', "")
    assert "course/course.toml: 01_spam has 4 exercises; the least is 5" in found(sound)


def test_a_stub_that_passes_is_found(sound: Path) -> None:
    passing = found(sound, verdicts=lambda file: dict.fromkeys(known(), "pass"))
    assert passing[0] == "exercises/01_spam.ipynb: exercise 01.1 is pass, but must be todo"
    assert len(passing) == 5


def test_a_solution_that_was_not_judged_is_found(sound: Path) -> None:
    def without_the_last(file: Path) -> Mapping[str, str]:
        return {id: status for id, status in verdicts(file).items() if id != "01.5"}

    assert "solutions/01_spam.ipynb: exercise 01.5 is not judged, but must be pass" in found(
        sound, verdicts=without_the_last
    )


def test_a_notebook_that_cannot_be_judged_is_found(sound: Path) -> None:
    def refuse(file: Path) -> Mapping[str, str]:
        raise CourseError("no spam")

    assert "solutions/01_spam.ipynb: no spam" in found(sound, verdicts=refuse)


def test_a_notebook_that_is_none_is_found(sound: Path) -> None:
    (sound / "notebooks" / "01_spam.ipynb").write_text("spam")
    (finding,) = found(sound)
    assert finding.startswith("notebooks/01_spam.ipynb: it cannot be read: ")


def test_a_solution_in_the_exercises_is_found(sound: Path) -> None:
    cells = [{"id": "a", "source": "secret = 3\nreturn secret"}]
    (sound / "exercises" / "01_spam.ipynb").write_text(json.dumps({"cells": cells}))
    assert found(sound) == [
        "exercises/01_spam.ipynb: it holds a part of the solution in ex-01-3: "
        "'secret = 3 return secret'"
    ]


def test_a_port_in_a_stored_output_is_found(sound: Path) -> None:
    cells = [{"id": "a", "source": "", "outputs": [{"text": "ws://127.0.0.1:8765"}]}]
    (sound / "notebooks" / "01_spam.ipynb").write_text(json.dumps({"cells": cells}))
    assert found(sound) == [
        "notebooks/01_spam.ipynb: an output of cell a holds a port: '127.0.0.1:8765'"
    ]


def test_a_mistake_in_a_source_is_one_finding_with_its_line(sound: Path, edit: Edit) -> None:
    edit("01_spam/exercises.md", 'check("01.5", f5)\n```', 'check("01.5", f5)')
    assert found(sound) == [
        "course/01_spam/exercises.md:59: the fence that is opened here is never closed"
    ]


def test_the_text_of_the_lesson_and_of_the_exercises_is_looked_at(sound: Path, edit: Edit) -> None:
    edit("01_spam/lesson.md", "Allow", "Simply allow")
    edit("01_spam/exercises.md", "expected output", "line")
    assert [finding.partition(":")[0] for finding in found(sound)] == [
        "course/01_spam/lesson.md",
        "course/01_spam/exercises.md",
    ]


def test_an_exercise_and_its_sample_answers_are_looked_at(sound: Path, edit: Edit) -> None:
    edit("01_spam/exercises.md", "def f2", "def g2")
    (sound / "tests" / "checks" / "answers" / "lesson01.py").unlink()
    assert [finding.partition(":")[0] for finding in found(sound)] == [
        "course/01_spam/exercises.md",
        "tests/checks/answers/lesson01.py",
    ]


def test_without_a_manifest_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="cannot be read"):
        audit(tmp_path, verdicts=verdicts, registered={})

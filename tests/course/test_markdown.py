from __future__ import annotations

from pathlib import Path

import pytest

from labkit.course.markdown import Cell, parse, read_cells
from labkit.errors import CourseError


def refusal(text: str) -> str:
    with pytest.raises(CourseError) as caught:
        parse(text, "lesson.md")
    return str(caught.value)


def test_a_python_fence_is_a_code_cell_and_what_is_between_is_markdown() -> None:
    text = '# Spam\n\n```python id="tin" tags=["nbval-skip"]\nx = 1\n```\n\nRead on.\n'
    assert parse(text, "lesson.md") == [
        Cell("markdown", "start-text-1", "# Spam", "lesson.md"),
        Cell("code", "tin", "x = 1", "lesson.md", ("nbval-skip",), 4),
        Cell("markdown", "tin-text-1", "Read on.", "lesson.md"),
    ]


def test_two_blank_lines_part_markdown_cells_which_are_numbered() -> None:
    cells = parse("one\n\n\ntwo\n", "lesson.md")
    assert [(cell.id, cell.source) for cell in cells] == [
        ("start-text-1", "one"),
        ("start-text-2", "two"),
    ]


@pytest.mark.parametrize("language", ["", "text", "http", "js", "bash", "sql", "py", "console"])
def test_a_fence_in_another_language_stays_as_it_is_in_its_markdown(language: str) -> None:
    text = f"Look:\n\n```{language}\n$ spam\n\n\nx\n```\n\nand on."
    assert [(cell.kind, cell.source) for cell in parse(text, "lesson.md")] == [("markdown", text)]


@pytest.mark.parametrize(
    "text",
    ['````markdown\n```python id="a"\n1\n```\n````', "```text\n```js\nx\n```\n\n```js\ny\n```"],
)
def test_a_fence_that_shows_a_fence_is_one_fence(text: str) -> None:
    assert [(cell.kind, cell.source) for cell in parse(text, "lesson.md")] == [("markdown", text)]


def test_two_code_cells_in_a_row_have_no_markdown_between() -> None:
    text = '```python id="a"\n1\n```\n\n```python id="b"\n2\n```\n'
    assert [cell.id for cell in parse(text, "lesson.md")] == ["a", "b"]


def test_magics_and_comments_in_a_cell_stay_as_they_are() -> None:
    source = "%time x\n# %magic\n!ls\n\n\n# end"
    assert parse(f'```python id="a"\n{source}\n```', "lesson.md")[0].source == source


def test_windows_line_ends_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    text = '# Spam\n\n```python id="a"\nx = """\n1"""\n```\n'
    unix, windows = tmp_path / "unix.md", tmp_path / "windows.md"
    unix.write_bytes(text.encode())
    windows.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_cells(unix, "lesson.md") == read_cells(windows, "lesson.md")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('one\n\n```python id="a"\n1\n', "lesson.md:3: the fence that is opened here is never"),
        ("```text\nspam\n", "lesson.md:1: the fence that is opened here is never closed"),
        ("```python\n1\n```", "lesson.md:1: this Python cell has no id: head it python id="),
        ("```python id=7\n1\n```", "lesson.md:1: this Python cell has no id"),
        ('```python id="a.b"\n1\n```', "the cell id 'a.b' must be 1 to 64 letters"),
        ('```python id=""\n1\n```', "the cell id '' must be 1 to 64 letters"),
        (f'```python id="{"a" * 65}"\n1\n```', "must be 1 to 64 letters"),
        ('```python id="a"\n1\n```\n```python id="a"\n1\n```', "the cell id 'a' is used 2 times"),
        (
            '```python id="a"\n1\n```\ntext\n```python id="a-text-1"\n1\n```',
            "the cell id 'a-text-1' is used 2 times",
        ),
        ('```python id="a" tags=["nbval-skp"]\n1\n```', "lesson.md:1: there is no tag 'nbval-skp'"),
        (
            '```python id="a" tags="nbval-skip,x"\n1\n```',
            "jupytext: 'nbval-skip,x' is not of type 'array'",
        ),
        ('```python id="a" colour="red"\n1\n```', "a cell may have an id and tags, not colour"),
        ('<!--\n```python id="a"\n1\n```\n-->\n```python id="b"\n"""\n```\n"""\n```', "lesson.md"),
    ],
)
def test_a_mistake_in_the_markdown_is_named(text: str, message: str) -> None:
    assert message in refusal(text)


def test_a_fence_inside_a_string_of_a_cell_belongs_to_the_string() -> None:
    source = 'x = """\n```\ntext\n```\n"""'
    text = f'```python id="a"\n{source}\n```\n\n```python id="b"\n1\n```\n'
    assert [cell.source for cell in parse(text, "lesson.md")] == [source, "1"]


def test_a_string_that_would_be_altered_is_refused() -> None:
    source = 'x = """\n```\n```js\n1\n```\n```\n"""'
    assert "three backticks" in refusal(f'```python id="a"\n{source}\n```\n')


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"^spam\.md cannot be read: No such file"):
        read_cells(tmp_path / "spam.md", "spam.md")


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "spam.md").write_bytes(b"spam \xff")
    with pytest.raises(CourseError, match=r"^spam\.md is not UTF-8: byte 5"):
        read_cells(tmp_path / "spam.md", "spam.md")

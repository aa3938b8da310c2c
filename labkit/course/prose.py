"""What must hold of a lesson's text: its size, its words, its links. Looks at no output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from labkit.course.findings import Finding
from labkit.course.manifest import Lesson
from labkit.course.markdown import Cell

CELLS = range(25, 41)
WORDS = range(1200, 2001)
MAX_CODE_LINES = 15
RECAP_QUESTIONS = 3
FORBIDDEN = re.compile(r"\b(simply|just|obviously)\b", re.IGNORECASE)

_NOT_PROSE = re.compile(
    r"^ {0,3}```.*?^ {0,3}```[^\n]*$"  # what a fence holds
    r"|`[^`\n]*`"  # code in a sentence
    r"|<[^>]*>"  # HTML tags
    r"|(?<=\])\([^)]*\)",  # where a link leads
    re.MULTILINE | re.DOTALL,
)
_WORD = re.compile(r"\w+(?:[’'\-.]\w+)*")


def prose(cell: Cell) -> str:
    """Return the sentences of a Markdown cell, without code, tags and addresses."""
    return _NOT_PROSE.sub(" ", cell.source)


def count_words(cells: Sequence[Cell]) -> int:
    """Return how many words a reader of ``cells`` reads, code left out.

    >>> count_words([Cell("markdown", "a", "Send `b'Spam'` to [the server](../x).", "lesson.md")])
    4
    """
    return sum(len(_WORD.findall(prose(cell))) for cell in cells if cell.kind == "markdown")


def audit_lesson(cells: Sequence[Cell], lesson: Lesson) -> Iterator[Finding]:
    """Yield what a lesson's text lacks or has too much of."""
    file = cells[0].file
    if len(cells) not in CELLS:
        yield Finding(file, f"{len(cells)} cells; a lesson has {CELLS[0]} to {CELLS[-1]}")
    words = count_words(cells)
    if words not in WORDS:
        yield Finding(file, f"{words:,} words; a lesson has {WORDS[0]:,} to {WORDS[-1]:,}")
    for cell in cells:
        length = cell.source.count("\n") + 1
        if cell.kind == "code" and length > MAX_CODE_LINES:
            yield Finding(file, f"cell {cell.id} has {length} lines; the limit is {MAX_CODE_LINES}")
    title = f"# {int(lesson.number)}. {lesson.title}"
    for part in (title, lesson.question, f"{lesson.minutes} minutes"):
        if part not in cells[0].source:
            yield Finding(file, f"the first cell lacks {part!r}, as the manifest has it")
    if cells[-1].source.count("<details>") < RECAP_QUESTIONS:
        yield Finding(file, f"the last cell asks no {RECAP_QUESTIONS} questions in <details>")
    link = f"(../exercises/{lesson.slug}.ipynb)"
    linked = "\n".join(cell.source for cell in cells if link in cell.source)
    for exercise in lesson.exercises:
        if exercise not in linked:
            yield Finding(file, f"no cell with a link {link} names exercise {exercise}")
    yield from audit_wording(cells)


def audit_exercises(cells: Sequence[Cell], lesson: Lesson) -> Iterator[Finding]:
    """Yield what the text of a lesson's exercises lacks."""
    file = cells[0].file
    if "expected output" not in cells[0].source:
        yield Finding(
            file, "the first cell does not say that the line under a check is its expected output"
        )
    if f"(../notebooks/{lesson.slug}.ipynb)" not in cells[0].source:
        yield Finding(file, "the first cell has no link to the lesson's notebook")
    yield from audit_wording(cells)


def audit_wording(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Yield the words that talk down to a reader."""
    for cell in cells:
        if cell.kind == "markdown":
            for word in FORBIDDEN.findall(prose(cell)):
                yield Finding(cell.file, f"{cell.id} says {word!r}; leave the word out")

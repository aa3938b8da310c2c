"""A small course to build and to audit: one lesson, and one that is planned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MANIFEST = """\
title = "A course in spam"

[[lesson]]
slug = "01_spam"
title = "Spam"
question = "What is in the tin?"
minutes = 10
exercises = ["01.1", "01.2"]

[[lesson]]
slug = "02_eggs"
title = "Eggs"
question = "What goes with it?"
minutes = 20
"""
LESSON = """\
# 1. Spam

**What is in the tin?**

```python id="setup"
import sys
```

Shown, and not run:

```js
tin.open()
```

```python id="tin"
print("spam")
print("a note", file=sys.stderr)
["spam"] * 2
```

```python id="empty-tin" tags=["raises-exception"]
[].pop()
```

```python id="clock" tags=["nbval-ignore-output"]
import time
time.time()
```

```python id="never" tags=["nbval-skip"]
while True: pass
```
"""
# Its check is its own, so that these tests do not depend on the checks of a real lesson.
EXERCISES = """\
# 1. Spam · exercises

```python id="setup"
def check(id, answer):
    try:
        print("PASS" if answer(2) == 4 else "FAIL", id, answer.__name__, "1/1")
    except NotImplementedError:
        print("TODO", id, answer.__name__)
```

```python id="ex-01-1"
def double(number):
    ### BEGIN SOLUTION
    return number + number
    ### END SOLUTION
```

```python id="check-01-1"
check("01.1", double)
```

```python id="ex-01-2"
def square(number):
    ### BEGIN SOLUTION
    return number * number
    ### END SOLUTION
```

```python id="check-01-2"
check("01.2", square)
```
"""


def write_course(root: Path) -> Path:
    """Write the small course into ``root``."""
    folder = root / "course" / "01_spam"
    folder.mkdir(parents=True)
    (root / "course" / "course.toml").write_text(MANIFEST, "utf-8")
    (folder / "lesson.md").write_text(LESSON, "utf-8")
    (folder / "exercises.md").write_text(EXERCISES, "utf-8")
    return root


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The root of the small course. Nothing of it is built."""
    return write_course(tmp_path)


@pytest.fixture(scope="session")
def small_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for tests that share what is built from it. None of them may change it."""
    return write_course(tmp_path_factory.mktemp("course"))


@pytest.fixture
def edit(course: Path) -> Callable[[str, str, str], None]:
    """Replace a text, which must be there, in a file of the small course."""

    def replace(file: str, old: str, new: str) -> None:
        path = course / "course" / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return replace

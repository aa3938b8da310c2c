from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.course.strip import BEGIN, END, find_regions, strip_solution
from labkit.errors import CourseError

STUB = 'raise NotImplementedError("exercise 03.2")'
# Lines without a marker and without what the stub says, in letters that mark where they come from.
OUTSIDE = st.lists(st.text("ab (:=#\t'\"", max_size=20))
SECRET = st.lists(
    st.text("xyz (:=#\t'\"", max_size=20).map(lambda text: f"SECRET{text}"), min_size=1
)


def refusal(source: str) -> str:
    with pytest.raises(CourseError) as caught:
        strip_solution(source, "03.2", file="exercises.md", line=10)
    return str(caught.value)


def test_the_region_becomes_the_stub_at_the_markers_indentation() -> None:
    source = f"def f(x):\n    {BEGIN}\n    if x:\n        return x\n    {END}"
    assert strip_solution(source, "03.2") == f"def f(x):\n    {STUB}"


def test_what_stands_before_and_after_the_region_stays() -> None:
    source = f"a = 1\n{BEGIN}\nb = 2\n{END}\n\nc = 3"
    assert strip_solution(source, "03.2") == f"a = 1\n{STUB}\n\nc = 3"


def test_a_cell_may_have_several_regions() -> None:
    method = f"    def {{}}(self):\n        {BEGIN}\n        return 1\n        {END}\n"
    stub = f"    def {{}}(self):\n        {STUB}\n"
    source = "class C:\n" + method.format("a") + method.format("b")
    assert strip_solution(source, "03.2") == "class C:\n" + stub.format("a") + stub.format("b")


@given(st.lists(st.tuples(OUTSIDE, SECRET), min_size=1, max_size=4), OUTSIDE, st.integers(0, 8))
def test_no_line_of_a_solution_survives_and_every_other_does(
    parts: list[tuple[list[str], list[str]]], rest: list[str], indent: int
) -> None:
    source: list[str] = []
    expected: list[str] = []
    for before, secret in parts:
        source += [*before, f"{' ' * indent}{BEGIN}", *secret, f"{' ' * indent}{END}"]
        expected += [*before, f"{' ' * indent}{STUB}"]
    stub = strip_solution("\n".join([*source, *rest]), "03.2")
    assert stub == "\n".join([*expected, *rest])
    assert "SECRET" not in stub


@given(st.lists(st.sampled_from([BEGIN, END, "SECRET", "", "x = 1", f"    {BEGIN}", f"  {END}"])))
def test_markers_in_any_order_are_stripped_whole_or_refused(lines: list[str]) -> None:
    try:
        stub = strip_solution("\n".join(lines), "03.2")
    except CourseError:
        return
    assert BEGIN not in stub
    assert END not in stub
    inside = [line for region in find_regions("\n".join(lines)) for line in region.lines]
    assert stub.count("SECRET") == lines.count("SECRET") - inside.count("SECRET")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["x", BEGIN, "y"], "exercises.md:11: the solution that begins here never ends"),
        (["x", "y", END], "exercises.md:12: a solution ends that did not begin"),
        ([BEGIN, BEGIN, "x", END], "exercises.md:11: a solution begins inside the one of line 10"),
        ([BEGIN, END], "exercises.md:11: the solution that ends here is empty"),
        ([BEGIN, "", "   ", END], "exercises.md:13: the solution that ends here is empty"),
        (["x = 1"], "exercises.md:10: exercise 03.2 has no solution region (### BEGIN SOLUTION)"),
        (["# BEGIN SOLUTION", "x", END], "exercises.md:10: '# BEGIN SOLUTION' is not a marker"),
        (["### begin solution", "x", END], "'### begin solution' is not a marker"),
        (["x = 1  ### BEGIN SOLUTION", END], "is not a marker: a line of its own holds"),
        ([BEGIN, "x", "### END_SOLUTION"], "'### END_SOLUTION' is not a marker"),
    ],
)
def test_a_mistake_in_the_markers_is_named_with_its_line(lines: list[str], message: str) -> None:
    assert message in refusal("\n".join(lines))

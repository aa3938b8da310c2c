from __future__ import annotations

from labkit.kernel.cells import identify


def test_a_cell_with_a_name_keeps_it_when_its_source_changes() -> None:
    first, second = identify("a1", "1 + 1", 1), identify("a1", "1 + 2", 2)
    assert first.id == second.id
    assert first != second


def test_a_cell_without_a_name_is_known_by_its_source() -> None:
    assert identify(None, "1 + 1", 1).id == identify(None, "1 + 1", 2).id
    assert identify(None, "1 + 1", 1).id != identify(None, "1 + 2", 1).id


def test_only_a_front_end_that_names_its_cells_shows_late_output() -> None:
    assert identify("a1", "1 + 1", 1).shows_late_output
    assert not identify(None, "1 + 1", 1).shows_late_output


def test_a_cell_reads_as_its_prompt() -> None:
    assert str(identify("a1", "1 + 1", 4)) == "cell [4]"

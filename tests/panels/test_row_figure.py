from __future__ import annotations

import pytest

from labkit.panels.row_figure import COLOURS, RowFigure, draw_times, number_plainly


@pytest.fixture
def figure() -> RowFigure:
    return RowFigure(["spam", "eggs"], columns=2, height=1.0)


def test_rows_are_named_from_the_top_down_in_every_column(figure: RowFigure) -> None:
    left, right = figure.columns
    assert [label.get_text() for label in left.get_yticklabels()] == ["spam", "eggs"]
    assert left.yaxis_inverted()
    assert right.get_ylim() == left.get_ylim()


def test_a_figure_is_higher_for_every_row() -> None:
    heights = [RowFigure(["row"] * n, columns=1, height=1.0).get_figheight() for n in (1, 3)]
    assert heights == [1.5, 2.5]


def test_a_time_is_a_dot_and_the_median_a_line_with_words_beside_it(figure: RowFigure) -> None:
    axes = figure.columns[1]
    draw_times(
        axes,
        [(0.001, 0.002, 0.006), (0.5,)],
        colours=COLOURS,
        describe=lambda row, median_ms: f"row {row}: {median_ms:g} ms",
    )
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [  # type: ignore[arg-type]
        pytest.approx([1.0, 2.0, 6.0]),
        pytest.approx([500.0]),
    ]
    assert [text.get_text() for text in axes.texts] == ["row 0: 2 ms", "row 1: 500 ms"]
    assert axes.get_xscale() == "log"


def test_numbers_are_written_as_people_do(figure: RowFigure) -> None:
    axes = figure.columns[0]
    axes.set_xlim(0, 20_000)
    number_plainly(axes)
    figure.canvas.draw()
    assert "10,000" in [label.get_text() for label in axes.get_xticklabels()]


def test_a_notebook_shows_the_figure_as_a_picture(figure: RowFigure) -> None:
    assert figure._repr_png_().startswith(b"\x89PNG\r\n")

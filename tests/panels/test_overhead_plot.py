"""The plot and the table show the figures they are given, each beside the name of its way."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes

from labkit.client.overhead import Overhead, Traffic
from labkit.errors import UsageError
from labkit.panels.overhead_plot import overhead_table, plot_overhead
from labkit.panels.row_figure import RowFigure

RESULTS = [
    Overhead(
        "WebSocket", 4, Traffic(1, 1, 195, 203), Traffic(1, 1, 231, 223), (0.001,), (0.0001,) * 4
    ),
    Overhead(
        "Socket.IO, polling first",
        4,
        Traffic(4, 3, 1_200, 800),
        Traffic(4, 3, 1_292, 848),
        (0.004, 0.003, 0.006),
        (0.0002, 0.0003, 0.0004, 0.0003),
    ),
]


def words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.fixture
def figure() -> RowFigure:
    return plot_overhead(RESULTS)


def test_a_row_is_named_after_its_way_from_the_top_down(figure: RowFigure) -> None:
    connect = figure.axes[0]
    labels = [label.get_text() for label in connect.get_yticklabels()]
    assert labels == [result.way for result in RESULTS]
    assert connect.yaxis_inverted()


def test_a_bar_is_cut_into_what_was_sent_and_what_was_received(figure: RowFigure) -> None:
    connect, message, _ = figure.axes
    widths = [[bar.get_width() for bar in axes.patches] for axes in (connect, message)]  # type: ignore[attr-defined]
    assert widths == [[195, 1_200, 203, 800], [9, 23, 5, 12]]
    assert [bar.get_x() for bar in connect.patches] == [0, 0, 195, 1_200]  # type: ignore[attr-defined]


def test_the_sum_stands_beside_its_bar(figure: RowFigure) -> None:
    assert [words(axes) for axes in figure.axes[:2]] == [["398", "2,000"], ["14", "35"]]


def test_the_two_directions_are_named_in_words(figure: RowFigure) -> None:
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["client to server", "server to client"]


def test_every_message_is_a_dot_at_its_round_trip_in_ms(figure: RowFigure) -> None:
    dots = [line for line in figure.axes[2].lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [  # type: ignore[arg-type]
        pytest.approx([1000 * time_s for time_s in result.round_trips_s]) for result in RESULTS
    ]


def test_the_median_stands_beside_its_row_and_beside_the_first_one(figure: RowFigure) -> None:
    assert words(figure.axes[2]) == ["0.10 ms (1.0 ×)", "0.30 ms (3.0 ×)"]


def test_bars_begin_at_zero_and_times_are_logarithmic(figure: RowFigure) -> None:
    connect, message, round_trip = figure.axes
    for axes in (connect, message):
        assert (axes.get_xscale(), axes.get_xlim()[0]) == ("linear", 0)
    assert round_trip.get_xscale() == "log"


def test_every_axis_is_named(figure: RowFigure) -> None:
    assert all(axes.get_xlabel() and axes.get_title(loc="left") for axes in figure.axes)


def test_the_table_holds_the_same_figures() -> None:
    assert overhead_table(RESULTS) == (
        "                          requests  TCP  bytes to connect         time"
        "  bytes out/msg  bytes in/msg  round trip  ratio\n"
        "WebSocket                        1    1               398      1.00 ms"
        "            9.0           5.0     0.10 ms    1.0\n"
        "Socket.IO, polling first         4    3             2,000      4.00 ms"
        "           23.0          12.0     0.30 ms    3.0"
    )


def test_no_results_are_refused_with_what_to_give() -> None:
    for show in (plot_overhead, overhead_table):
        with pytest.raises(UsageError, match=r"give the list that measure_overhead\(\) returned"):
            show([])

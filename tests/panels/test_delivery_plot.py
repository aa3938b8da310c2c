"""The plot and the table show the figures they are given, each beside the name of its way."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes

from labkit.client.delivery import Delivery
from labkit.errors import UsageError
from labkit.panels.delivery_plot import delivery_table, plot_delivery
from labkit.panels.row_figure import RowFigure

RESULTS = [
    Delivery("polling", 4, 5_000, 3_000, (0.010, 0.050, 0.054, 0.100)),
    Delivery("long polling", 4, 2_000, 1_000, (0.001, 0.002, 0.002, 0.0035)),
    Delivery("server-sent events", 4, 500, 300, (0.001,) * 4),
    Delivery("WebSocket", 4, 400, 200, (0.0009,) * 4),
]


def words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.fixture
def figure() -> RowFigure:
    return plot_delivery(RESULTS)


def test_a_row_is_named_after_its_way_from_the_top_down(figure: RowFigure) -> None:
    volume = figure.axes[0]
    labels = [label.get_text() for label in volume.get_yticklabels()]
    assert labels == [result.way for result in RESULTS]
    assert volume.yaxis_inverted()


def test_a_bar_is_as_long_as_its_bytes_per_message_and_says_so(figure: RowFigure) -> None:
    volume = figure.axes[0]
    assert [bar.get_width() for bar in volume.patches] == [2000, 750, 200, 150]  # type: ignore[attr-defined]
    assert words(volume) == ["2,000", "750", "200", "150"]


def test_every_message_is_a_dot_at_its_delay_in_ms(figure: RowFigure) -> None:
    dots = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [  # type: ignore[arg-type]
        pytest.approx([1000 * delay_s for delay_s in result.delays_s]) for result in RESULTS
    ]


def test_the_median_delay_stands_beside_its_row(figure: RowFigure) -> None:
    assert words(figure.axes[1]) == ["52 ms", "2.0 ms", "1.0 ms", "0.9 ms"]


def test_bars_begin_at_zero_and_delays_are_logarithmic(figure: RowFigure) -> None:
    volume, delay = figure.axes
    assert (volume.get_xscale(), volume.get_xlim()[0]) == ("linear", 0)
    assert delay.get_xscale() == "log"


def test_both_axes_are_named(figure: RowFigure) -> None:
    assert all(axes.get_xlabel() and axes.get_title(loc="left") for axes in figure.axes)


def test_fewer_ways_than_four_can_be_drawn() -> None:
    assert words(plot_delivery(RESULTS[3:]).axes[0]) == ["150"]


def test_the_table_holds_the_same_figures() -> None:
    assert delivery_table(RESULTS) == (
        "                   messages bytes sent   received  bytes/message"
        " median delay  worst delay\n"
        "polling                   4      5,000      3,000          2,000"
        "     52.00 ms    100.00 ms\n"
        "long polling              4      2,000      1,000            750"
        "      2.00 ms      3.50 ms\n"
        "server-sent events        4        500        300            200"
        "      1.00 ms      1.00 ms\n"
        "WebSocket                 4        400        200            150"
        "      0.90 ms      0.90 ms"
    )


def test_no_results_are_refused_with_what_to_give() -> None:
    for show in (plot_delivery, delivery_table):
        with pytest.raises(UsageError, match=r"give the list that measure_delivery\(\) returned"):
            show([])

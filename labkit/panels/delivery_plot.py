"""Draws what the four ways of delivery cost, and tells it in plain text. Measures nothing."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from matplotlib.axes import Axes

from labkit.client.delivery import Delivery
from labkit.errors import UsageError

from .row_figure import COLOURS, RowFigure, draw_times, number_plainly


def plot_delivery(results: Sequence[Delivery]) -> RowFigure:
    """Draw bytes per message and delay per message, a row for each way of delivery.

    Raises UsageError if there are no results.
    """
    _check(results)
    figure = RowFigure([result.way for result in results], columns=2, height=1.1)
    volume, delay = figure.columns
    _draw_bytes(volume, results)
    draw_times(
        delay,
        [result.delays_s for result in results],
        colours=COLOURS,
        describe=lambda _, median_ms: f"{median_ms:,.{0 if median_ms >= 10 else 1}f} ms",
    )
    delay.set_title("Delay per message", loc="left")
    delay.set_xlabel("ms; a dot is a message, the line their median")
    for axes in figure.columns:
        number_plainly(axes)
    return figure


def delivery_table(results: Sequence[Delivery]) -> str:
    """Return the same figures as plain text, a line for each way of delivery.

    Raises UsageError if there are no results.
    """
    _check(results)
    row = "{:18} {:>8} {:>10} {:>10} {:>14} {:>12} {:>12}"
    names = ("bytes sent", "received", "bytes/message", "median delay", "worst delay")
    lines = [row.format("", "messages", *names).rstrip()]
    for result in results:
        lines.append(
            row.format(
                result.way,
                result.messages,
                f"{result.bytes_sent:,}",
                f"{result.bytes_received:,}",
                f"{result.bytes_per_message:,.0f}",
                f"{_median_ms(result):.2f} ms",
                f"{1000 * max(result.delays_s):.2f} ms",
            )
        )
    return "\n".join(lines)


def _check(results: Sequence[Delivery]) -> None:
    if not results:
        raise UsageError("there is nothing to show; give the list that measure_delivery() returned")


def _draw_bytes(axes: Axes, results: Sequence[Delivery]) -> None:
    volumes = [result.bytes_per_message for result in results]
    bars = axes.barh(range(len(results)), volumes, height=0.6, color=COLOURS)
    axes.bar_label(bars, [f"{volume:,.0f}" for volume in volumes], padding=4)
    axes.set_xlim(0, 1.2 * max(volumes))
    axes.set_title("Bytes on the wire per message", loc="left")
    axes.set_xlabel("bytes, both directions, headers included")


def _median_ms(result: Delivery) -> float:
    return 1000 * statistics.median(result.delays_s)

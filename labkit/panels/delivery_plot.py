"""Draws what the four ways of delivery cost, and tells it in plain text. Measures nothing."""

from __future__ import annotations

import io
import statistics
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from labkit.client.delivery import Delivery
from labkit.errors import UsageError

#: Dark enough on white, and told apart by every kind of colour vision (Okabe and Ito).
COLOURS = ("#d55e00", "#e69f00", "#009e73", "#0072b2")

_SPREAD = 0.28


class DeliveryFigure(Figure):
    """A figure that a notebook shows as a picture without ``pyplot`` and its global state."""

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png", dpi=120, metadata={"Software": None})
        return png.getvalue()


def plot_delivery(results: Sequence[Delivery]) -> DeliveryFigure:
    """Draw bytes per message and delay per message, a row for each way of delivery.

    Raises UsageError if there are no results.
    """
    _check(results)
    figure = DeliveryFigure(figsize=(9.6, 1.1 + 0.5 * len(results)), layout="constrained")
    volume, delay = figure.subplots(1, 2, sharey=True)
    _draw_bytes(volume, results)
    _draw_delays(delay, results)
    volume.set_yticks(range(len(results)), [result.way for result in results])
    volume.invert_yaxis()
    for axes in (volume, delay):
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
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


def _draw_delays(axes: Axes, results: Sequence[Delivery]) -> None:
    for row, result in enumerate(results):
        delays_ms = [1000 * delay_s for delay_s in result.delays_s]
        # Spread over the row's height in the order of arrival, so that dots do not hide each other.
        step = 2 * _SPREAD / len(delays_ms)
        heights = [row - _SPREAD + step * (i + 0.5) for i in range(len(delays_ms))]
        colour = COLOURS[row % len(COLOURS)]
        axes.plot(delays_ms, heights, "o", color=colour, markersize=3.5, alpha=0.6, mew=0)
        median_ms = _median_ms(result)
        axes.plot([median_ms] * 2, [row - 0.36, row + 0.36], color="black", linewidth=1.5)
        axes.annotate(
            f"{median_ms:,.{0 if median_ms >= 10 else 1}f} ms",
            (1, row),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_xscale("log")
    axes.set_title("Delay per message", loc="left")
    axes.set_xlabel("ms; a dot is a message, the line their median")


def _median_ms(result: Delivery) -> float:
    return 1000 * statistics.median(result.delays_s)

"""Draws what Socket.IO adds to a WebSocket, and tells it in plain text. Measures nothing."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from labkit.client.overhead import Overhead
from labkit.errors import UsageError

from .delivery_plot import COLOURS, DeliveryFigure

#: Blue is what the client sends, orange what the server does (Okabe and Ito).
SENT, RECEIVED = COLOURS[3], COLOURS[1]

_SPREAD = 0.28


def plot_overhead(results: Sequence[Overhead]) -> DeliveryFigure:
    """Draw bytes to connect, bytes per message and round trips, a row for each way.

    Raises UsageError if there are no results.
    """
    _check(results)
    figure = DeliveryFigure(figsize=(9.6, 1.5 + 0.5 * len(results)), layout="constrained")
    connect, message, round_trip = figure.subplots(1, 3, sharey=True)
    _draw_bytes(connect, [(r.to_connect.sent, r.to_connect.received) for r in results])
    connect.set_title("Bytes to connect", loc="left")
    _draw_bytes(message, [(r.sent_per_message, r.received_per_message) for r in results])
    message.set_title("Bytes per message", loc="left")
    _draw_round_trips(round_trip, results)
    connect.set_yticks(range(len(results)), [result.way for result in results])
    connect.invert_yaxis()
    for axes in (connect, message, round_trip):
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(
        *connect.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False
    )
    return figure


def overhead_table(results: Sequence[Overhead]) -> str:
    """Return the same figures as plain text, a line for each way.

    The ratio is the round trip beside that of the first way.

    Raises UsageError if there are no results.
    """
    _check(results)
    row = "{:25} {:>8} {:>4} {:>17} {:>12} {:>14} {:>13} {:>11} {:>6}"
    names = ("requests", "TCP", "bytes to connect", "time", "bytes out/msg", "bytes in/msg")
    lines = [row.format("", *names, "round trip", "ratio").rstrip()]
    for result in results:
        lines.append(
            row.format(
                result.way,
                result.to_connect.requests,
                result.to_connect.connections,
                f"{result.bytes_to_connect:,}",
                f"{1000 * result.connect_s:.2f} ms",
                f"{result.sent_per_message:.1f}",
                f"{result.received_per_message:.1f}",
                f"{1000 * result.round_trip_s:.2f} ms",
                _ratio(result, results),
            )
        )
    return "\n".join(lines)


def _check(results: Sequence[Overhead]) -> None:
    if not results:
        raise UsageError("there is nothing to show; give the list that measure_overhead() returned")


def _ratio(result: Overhead, results: Sequence[Overhead]) -> str:
    return f"{result.round_trip_s / results[0].round_trip_s:.1f}"


def _draw_bytes(axes: Axes, rows: Sequence[tuple[float, float]]) -> None:
    places = range(len(rows))
    sent, received = [row[0] for row in rows], [row[1] for row in rows]
    axes.barh(places, sent, height=0.6, color=SENT, label="client to server")
    bars = axes.barh(
        places, received, height=0.6, left=sent, color=RECEIVED, label="server to client"
    )
    axes.bar_label(bars, [f"{sum(row):,.0f}" for row in rows], padding=4)
    axes.set_xlim(0, 1.3 * max(map(sum, rows)))
    axes.set_xlabel("bytes, both directions")


def _draw_round_trips(axes: Axes, results: Sequence[Overhead]) -> None:
    for row, result in enumerate(results):
        times_ms = [1000 * time_s for time_s in result.round_trips_s]
        # Spread over the row's height in the order of arrival, so that dots do not hide each other.
        step = 2 * _SPREAD / len(times_ms)
        heights = [row - _SPREAD + step * (i + 0.5) for i in range(len(times_ms))]
        axes.plot(times_ms, heights, "o", color=COLOURS[2], markersize=3.5, alpha=0.6, mew=0)
        median_ms = 1000 * result.round_trip_s
        axes.plot([median_ms] * 2, [row - 0.36, row + 0.36], color="black", linewidth=1.5)
        axes.annotate(
            f"{median_ms:,.2f} ms ({_ratio(result, results)} ×)",
            (1, row),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.set_title("Round trip", loc="left")
    axes.set_xlabel("ms; the line is the median")

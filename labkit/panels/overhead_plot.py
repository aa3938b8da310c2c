"""Draws what Socket.IO adds to a WebSocket, and tells it in plain text. Measures nothing."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from labkit.client.overhead import Overhead
from labkit.errors import UsageError

from .row_figure import COLOURS, RowFigure, draw_times, number_plainly

#: Blue is what the client sends, orange what the server does (Okabe and Ito).
SENT, RECEIVED = COLOURS[3], COLOURS[1]


def plot_overhead(results: Sequence[Overhead]) -> RowFigure:
    """Draw bytes to connect, bytes per message and round trips, a row for each way.

    Raises UsageError if there are no results.
    """
    _check(results)
    figure = RowFigure([result.way for result in results], columns=3, height=1.5)
    connect, message, round_trip = figure.columns
    _draw_bytes(connect, [(r.to_connect.sent, r.to_connect.received) for r in results])
    connect.set_title("Bytes to connect", loc="left")
    _draw_bytes(message, [(r.sent_per_message, r.received_per_message) for r in results])
    message.set_title("Bytes per message", loc="left")
    draw_times(
        round_trip,
        [result.round_trips_s for result in results],
        colours=COLOURS[2:3],
        describe=lambda row, median_ms: f"{median_ms:,.2f} ms ({_ratio(results[row], results)} ×)",
    )
    low, high = round_trip.get_xlim()
    round_trip.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
    round_trip.set_title("Round trip", loc="left")
    round_trip.set_xlabel("ms; the line is the median")
    for axes in figure.columns:
        number_plainly(axes)
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

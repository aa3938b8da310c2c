"""A figure with a row for each thing compared and a column for each measure. Measures nothing."""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

#: Dark enough on white, and told apart by every kind of colour vision (Okabe and Ito).
COLOURS = ("#d55e00", "#e69f00", "#009e73", "#0072b2")

_SPREAD = 0.28


class RowFigure(Figure):
    """A figure that a notebook shows as a picture without ``pyplot`` and its global state.

    ``names`` are those of the rows, from the top; ``height`` is what goes beside the rows, in
    inches.
    """

    def __init__(self, names: Sequence[str], *, columns: int, height: float) -> None:
        super().__init__(figsize=(9.6, height + 0.5 * len(names)), layout="constrained")
        self.columns: list[Axes] = list(self.subplots(1, columns, sharey=True, squeeze=False)[0])
        self.columns[0].set_yticks(range(len(names)), names)
        self.columns[0].invert_yaxis()
        for axes in self.columns:
            axes.tick_params(axis="y", length=0)
            axes.spines[["top", "right", "left"]].set_visible(False)

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png", dpi=120, metadata={"Software": None})
        return png.getvalue()


def number_plainly(axes: Axes) -> None:
    """Write the numbers of the measure as people do: 10,000 and not 10⁴."""
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def draw_times(
    axes: Axes,
    rows_s: Sequence[Sequence[float]],
    *,
    colours: Sequence[str],
    describe: Callable[[int, float], str],
) -> None:
    """Draw a dot for each time, in seconds, and a line at each row's median, in milliseconds.

    ``describe`` is given a row and its median in milliseconds, and returns what stands beside it.
    """
    for row, times_s in enumerate(rows_s):
        times_ms = [1000 * time_s for time_s in times_s]
        # Spread over the row's height in the order of arrival, so that dots do not hide each other.
        step = 2 * _SPREAD / len(times_ms)
        heights = [row - _SPREAD + step * (i + 0.5) for i in range(len(times_ms))]
        colour = colours[row % len(colours)]
        axes.plot(times_ms, heights, "o", color=colour, markersize=3.5, alpha=0.6, mew=0)
        median_ms = statistics.median(times_ms)
        axes.plot([median_ms] * 2, [row - 0.36, row + 0.36], color="black", linewidth=1.5)
        axes.annotate(
            describe(row, median_ms),
            (1, row),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_xscale("log")

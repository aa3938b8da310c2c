"""The form that every benchmark shares: its two flags, a table for people, JSON for programs.

Measures nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table


def parse_flags(description: str | None) -> argparse.Namespace:
    """Read ``--quick`` (end within a minute) and ``--json`` (one flat object of figures)."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs; ends within a minute")
    parser.add_argument("--json", action="store_true", help="print one flat JSON object of figures")
    return parser.parse_args()


def print_json(figures: Mapping[str, float | str | None]) -> None:
    """Print ``figures`` as one line of JSON, rounded to what a stopwatch can tell."""
    print(
        json.dumps(
            {name: round(f, 3) if isinstance(f, float) else f for name, f in figures.items()}
        )
    )


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = "") -> None:
    """Print ``rows`` under ``columns``: names to the left, figures to the right."""
    table = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    if note:
        console.print(note, soft_wrap=True)

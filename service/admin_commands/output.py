"""Output of the administration commands: rows as a table or as JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from geo.cli.output import print_json


def print_rows(
    rows: list[dict[str, Any]],
    headings: tuple[str, ...],
    cells_of: Callable[[dict[str, Any]], list[str]],
    *,
    as_json: bool,
) -> None:
    """Print rows of the database as a table or as JSON.

    Parameters
    ----------
    rows : list of dict of str to object
        Rows by column, printed as they are if `as_json`.
    headings : tuple of str
        Headings of the table.
    cells_of : callable
        Takes a row and returns its cells, one per heading.
    as_json : bool
        Print JSON instead of a table.
    """
    if as_json:
        print_json(rows)
        return
    table = Table(*headings)
    for row in rows:
        table.add_row(*cells_of(row))
    Console().print(table)


def format_time(time: dt.datetime | None) -> str:
    """Return a time to the minute.

    Parameters
    ----------
    time : datetime.datetime or None
        Time in the zone to print; None if the event has not happened.

    Returns
    -------
    str
        Such as ``2026-03-01 08:30``; ``never`` for None.
    """
    return time.strftime("%Y-%m-%d %H:%M") if time else "never"

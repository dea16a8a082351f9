"""The order of day and month in a column of dates, decided once for all of its cells."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from geo.ingest.values import normalise_signs

DateOrder = Literal["day", "month"]
"""The part of a date that comes first."""
_NUMERIC = re.compile(r"\s*(\d{1,2})([/.\-])(\d{1,2})\2(\d{4})(?!\d)(.*)", re.DOTALL)


@dataclass(frozen=True)
class DateOrderEvidence:
    """Evidence in the cells of a column for the order of day and month."""

    day_first: bool = False
    """Whether a date can only have the day first."""
    month_first: bool = False
    """Whether a date can only have the month first."""
    uncertain: bool = False
    """Whether there are dates that could be either."""
    typed: bool = False
    """Whether there are dates that a spreadsheet holds as dates."""

    @property
    def order(self) -> DateOrder | None:
        """Return the order that the dates show.

        Returns
        -------
        {'day', 'month'} or None
            None where no date shows an order, or the dates show both.
        """
        if self.day_first == self.month_first:
            return None
        return "day" if self.day_first else "month"

    @property
    def mixed(self) -> bool:
        """Return whether the column has dates of both orders.

        Returns
        -------
        bool
            True where one date can only have the day first, and another one the month.
        """
        return self.day_first and self.month_first


def date_order_evidence(cells: Iterable[Any]) -> DateOrderEvidence:
    """Return the evidence in the cells of one column for the order of day and month.

    Parameters
    ----------
    cells : iterable
        Texts and typed values; what is no date is ignored, and so are dates with points
        (``31.12.2026``), which have the day first everywhere.

    Returns
    -------
    DateOrderEvidence
        What the dates show together.

    Examples
    --------
    >>> date_order_evidence(["05/02/2026", "25/02/2026"]).order
    'day'
    """
    day_first = month_first = uncertain = typed = False
    for cell in cells:
        if isinstance(cell, dt.date):
            typed = True
        elif isinstance(cell, str) and (match := _NUMERIC.fullmatch(normalise_signs(cell))):
            a, b = int(match[1]), int(match[3])
            if match[2] == "." and b <= 12:
                continue
            day_first |= a > 12 >= b
            month_first |= b > 12 >= a
            uncertain |= a <= 12 and b <= 12 and a != b
    return DateOrderEvidence(day_first, month_first, uncertain, typed)


def year_first(cell: Any, order: DateOrder | None) -> tuple[Any, bool]:
    """Return a cell with its date as year, month and day.

    Parameters
    ----------
    cell : object
        The cell as it was read.
    order : {'day', 'month'} or None
        Order of the column; None where only dates that can be read in one way are to be.

    Returns
    -------
    cell : object
        The text with its date rewritten; as given where it is no such date.
    certain : bool
        False where the order of the date is not known.

    Examples
    --------
    >>> year_first("25/02/2026 18:30", None), year_first("05/02/2026", None)
    (('2026-02-25 18:30', True), ('05/02/2026', False))
    """
    match = _NUMERIC.fullmatch(normalise_signs(cell)) if isinstance(cell, str) else None
    if not match:
        return cell, True
    a, b = int(match[1]), int(match[3])
    if a > 12 or (match[2] == "." and b <= 12) or a == b:
        day, month = a, b
    elif b > 12:
        day, month = b, a
    elif order is None:
        return cell, False
    else:
        day, month = (a, b) if order == "day" else (b, a)
    return f"{match[4]}-{month:02d}-{day:02d}{match[5]}", True

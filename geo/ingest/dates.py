"""The order of day and month in a column of dates, decided once for all of its cells."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from geo.ingest.values import plain_signs

DateOrder = Literal["day", "month"]
_NUMERIC = re.compile(r"\s*(\d{1,2})([/.\-])(\d{1,2})\2(\d{4})(?!\d)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """What the cells of a column show of the order of day and month."""

    day_first: bool = False
    month_first: bool = False
    uncertain: bool = False
    """Whether there are dates that could be either."""
    typed: bool = False
    """Whether there are dates that a spreadsheet holds as such."""

    @property
    def order(self) -> DateOrder | None:
        """The order, where all that shows one shows the same."""
        if self.day_first == self.month_first:
            return None
        return "day" if self.day_first else "month"

    @property
    def mixed(self) -> bool:
        """Whether the column has dates of both orders."""
        return self.day_first and self.month_first


def shown_order(cells: Iterable[Any]) -> Shown:
    """Return what the cells of one column show."""
    day_first = month_first = uncertain = typed = False
    for cell in cells:
        if isinstance(cell, dt.date):
            typed = True
        elif isinstance(cell, str) and (found := _NUMERIC.fullmatch(plain_signs(cell))):
            a, b = int(found[1]), int(found[3])
            if found[2] == "." and b <= 12:
                continue  # with points the day goes first everywhere
            day_first |= a > 12 >= b
            month_first |= b > 12 >= a
            uncertain |= a <= 12 and b <= 12 and a != b
    return Shown(day_first, month_first, uncertain, typed)


def year_first(cell: Any, order: DateOrder | None) -> tuple[Any, bool]:
    """Return a cell with its date as year, month, day, and whether its order is known.

    Parameters
    ----------
    cell : as it was read; what is no such date comes back as it is.
    order : of the column; without it only dates that can be read in one way are.
    """
    found = _NUMERIC.fullmatch(plain_signs(cell)) if isinstance(cell, str) else None
    if not found:
        return cell, True
    a, b = int(found[1]), int(found[3])
    if a > 12 or (found[2] == "." and b <= 12) or a == b:
        day, month = a, b
    elif b > 12:
        day, month = b, a
    elif order is None:
        return cell, False
    else:
        day, month = (a, b) if order == "day" else (b, a)
    return f"{found[4]}-{month:02d}-{day:02d}{found[5]}", True

"""Times as text in the usual formats, and as numbers."""

from __future__ import annotations

import datetime as dt
import re

_DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%Y年%m月%d日",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
)
_CLOCK_FORMATS = (
    "",
    " %H:%M:%S",
    " %H:%M",
    " %I:%M:%S %p",
    " %I:%M %p",
    " %H:%M:%S.%f",
    " %H时%M分%S秒",
    " %H时%M分",
)
_TIME_FORMATS = [date + clock for date in _DATE_FORMATS for clock in _CLOCK_FORMATS]
_TIME_FORMATS.append("%Y%m%d%H%M%S")


def parse_time(text: str) -> dt.datetime | None:
    """Return the time that a text writes.

    Parameters
    ----------
    text : str
        Text in plain signs, with the year first or the month as a word.

    Returns
    -------
    datetime.datetime or None
        Time, without a zone if the text names none; None if the text is no time.

    Examples
    --------
    >>> parse_time("5 Mar 2025 14:30")
    datetime.datetime(2025, 3, 5, 14, 30)
    """
    if re.fullmatch(r"\d{5}(?:\.\d+)?", text):
        return time_of_number(float(text))
    text = re.sub(r"^(\d{4}年\d{1,2}月\d{1,2}日)(?=\d)", r"\1 ", text)
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    for time_format in _TIME_FORMATS:
        try:
            return dt.datetime.strptime(text, time_format)  # noqa: DTZ007
        except ValueError:
            continue
    return None


def time_of_number(number: float) -> dt.datetime | None:
    """Return the time that a number stands for.

    Parameters
    ----------
    number : float
        Serial day number of Excel, or Unix time in seconds or milliseconds.

    Returns
    -------
    datetime.datetime or None
        Time, without a zone for a day number; None if the number is out of range.

    Examples
    --------
    >>> time_of_number(45721.5)
    datetime.datetime(2025, 3, 5, 12, 0)
    """
    try:
        if 10_000 <= number < 80_000:
            return dt.datetime(1899, 12, 30) + dt.timedelta(days=number)  # noqa: DTZ001
        if 1e8 <= number < 1e10:
            return dt.datetime.fromtimestamp(number, dt.UTC)
        if 1e11 <= number < 1e13:
            return dt.datetime.fromtimestamp(number / 1000, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return None

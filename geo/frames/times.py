"""Columns of times and days, and single moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from geo.errors import ColumnError, name_rows
from geo.frames.columns import column_of
from geo.frames.text import texts

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_NUMBER_KINDS = frozenset(
    {"integer", "floating", "mixed-integer", "mixed-integer-float", "decimal"}
)
# The range of 64-bit nanoseconds.
_EARLIEST = pd.Timestamp("1678-01-01", tz="UTC")
_LATEST = pd.Timestamp("2262-01-01", tz="UTC")


def times_of(frame: DataFrame, name: str) -> Series:
    """Return a column of times.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Name of a column of times, dates, or texts in ISO 8601. Times without a zone are taken as
        UTC.

    Returns
    -------
    pandas.Series
        Values of dtype ``datetime64[ns, UTC]`` on the index of `frame`; NaT for empty values, and
        for all values if there is no such column.

    Raises
    ------
    ColumnError
        If a value is not a time, or before 1678 or after 2261; the rows are named.

    Examples
    --------
    >>> frame = pd.DataFrame({"occurred_at": ["2026-03-01T08:30+08:00"]})
    >>> times_of(frame, "occurred_at").dt.strftime("%F %T").tolist()
    ['2026-03-01 00:30:00']
    """
    column = column_of(frame, name)
    if column is None:
        return pd.Series(pd.NaT, index=frame.index, dtype="datetime64[ns, UTC]", name=name)
    if not _is_of_times(column):
        column = texts(column)
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in _NUMBER_KINDS or kind in ("boolean", "complex"):
            raise ColumnError(
                f"{name} holds numbers, not times; convert it with pandas.to_datetime and its unit"
            )
    has_texts = isinstance(column.dtype, np.dtype) and column.dtype.kind == "O"
    time_format = "ISO8601" if has_texts else None
    parsed = pd.to_datetime(column, utc=True, errors="coerce", format=time_format)
    bad = (parsed.isna() & column.notna()) | (parsed < _EARLIEST) | (parsed >= _LATEST)
    if bad.any():
        raise ColumnError(
            f"{name} must be times such as 2026-03-01T08:30+08:00; correct "
            f"{name_rows(column.index[bad.to_numpy()])}"
        )
    return parsed.dt.as_unit("ns")


def _is_of_times(column: Series) -> bool:
    dtype: Any = column.dtype
    return isinstance(dtype, pd.DatetimeTZDtype) or (
        isinstance(dtype, np.dtype) and dtype.kind == "M"
    )


def days_of(frame: DataFrame, name: str) -> Series:
    """Return a column of calendar days.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Name of a column as for `times_of`. A time with a zone counts for the day of its own clock.

    Returns
    -------
    pandas.Series
        Values of dtype ``datetime64[ns]``, without a zone; NaT for empty values, and for all
        values if there is no such column.

    Raises
    ------
    ColumnError
        If a value is not a day; the rows are named.
    """
    column = column_of(frame, name)
    if column is not None and isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_localize(None).dt.as_unit("ns")
    return times_of(frame, name).dt.tz_localize(None)


def moment_of(value: Any, name: str) -> pd.Timestamp:
    """Return a single time or day.

    Parameters
    ----------
    value : pandas.Timestamp, datetime.date or str
        Time or day.
    name : str
        Name of the value for the message.

    Returns
    -------
    pandas.Timestamp
        The time, with its zone if it has one.

    Raises
    ------
    ColumnError
        If `value` is not a time; a number is not one.

    Examples
    --------
    >>> moment_of("2026-03-01", "until").isoformat()
    '2026-03-01T00:00:00'
    """
    try:
        moment = pd.NaT if isinstance(value, (int, float)) else pd.Timestamp(value)
    except (TypeError, ValueError):
        moment = pd.NaT
    if not isinstance(moment, pd.Timestamp):
        raise ColumnError(f"{name} must be a time such as 2026-03-01, not {value!r}")
    return moment


def local_times(times: Series, timezone: str) -> Series:
    """Return times as the clocks of a zone show them.

    Parameters
    ----------
    times : pandas.Series
        Times with a zone.
    timezone : str
        IANA name of the zone, such as ``Asia/Shanghai``.

    Returns
    -------
    pandas.Series
        Times without a zone, on the same index.

    Raises
    ------
    ColumnError
        If there is no such zone.

    Examples
    --------
    >>> times = pd.Series(pd.to_datetime(["2026-03-01T00:30Z"]))
    >>> local_times(times, "Asia/Shanghai").dt.strftime("%F %T").tolist()
    ['2026-03-01 08:30:00']
    """
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise ColumnError(
            f"{timezone!r} is no IANA time zone; use one such as Asia/Shanghai"
        ) from error
    return times.dt.tz_convert(zone).dt.tz_localize(None)

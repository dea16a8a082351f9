"""Columns out of tables of any kind: numbers, texts, times and codes, each refused row named.

A column may be of numpy, nullable, Arrow-backed or categorical type; what comes out is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from geo.errors import ColumnError, name_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series

_NUMBER_KINDS = frozenset(
    {"integer", "floating", "mixed-integer", "mixed-integer-float", "decimal"}
)
_EARLIEST, _LATEST = pd.Timestamp("1678-01-01", tz="UTC"), pd.Timestamp("2262-01-01", tz="UTC")
"""Times are counted in nanoseconds, which reach no farther."""


def require_table(table: Any, what: str) -> None:
    """Refuse what is no table.

    Parameters
    ----------
    table : object
        What was given.
    what : str
        What its rows are, for the message.

    Raises
    ------
    ColumnError
        If it is neither a DataFrame nor a Series.
    """
    if not isinstance(table, (pd.DataFrame, pd.Series)):
        raise ColumnError(f"{what} must be a table (DataFrame), not {type(table).__name__}")


def column_of(frame: DataFrame, name: str) -> Series | None:
    """Return a column of a table.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Of the column.

    Returns
    -------
    pandas.Series or None
        The column; None where there is none.

    Raises
    ------
    ColumnError
        If it is no table, or several columns have the name.
    """
    require_table(frame, "what is given")
    if not isinstance(frame, pd.DataFrame):  # shapes alone have no columns
        return None
    if frame.columns.nlevels > 1:
        raise ColumnError(
            "columns must have one level; flatten them, for instance with .droplevel()"
        )
    if name not in frame.columns:
        return None
    column = frame[name]
    if isinstance(column, pd.DataFrame):
        raise ColumnError(f"there are {column.shape[1]} columns {name}; keep one")
    return column


def required_column(frame: DataFrame, name: str, what: str) -> Series:
    """Return a column that must be there.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Of the column.
    what : str
        What the rows are, for the message.

    Returns
    -------
    pandas.Series
        The column.

    Raises
    ------
    ColumnError
        If there is none, or several.
    """
    column = column_of(frame, name)
    if column is None:
        raise ColumnError(f"{what} have no column {name}; add it")
    return column


def numbers_of(frame: DataFrame, name: str, *, missing: float = np.nan) -> NDArray[np.float64]:
    """Return a column of numbers.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Of the column; numbers, or texts that are numbers.
    missing : float
        What stands for an empty value, and for all values where there is no such column.

    Returns
    -------
    numpy.ndarray
        One float a row.

    Raises
    ------
    ColumnError
        If a value is no number; the rows are named.
    """
    column = column_of(frame, name)
    if column is None:
        return np.full(len(frame), missing)
    values = numbers(column, name)
    return values if np.isnan(missing) else np.where(np.isnan(values), missing, values)


def numbers(values: Series, name: str) -> NDArray[np.float64]:
    """Return a series as floats, NaN where it is empty.

    Parameters
    ----------
    values : pandas.Series
        Numbers, or texts that are numbers.
    name : str
        What they are, for the message.

    Returns
    -------
    numpy.ndarray
        One float a row.

    Raises
    ------
    ColumnError
        If a value is no number; the rows are named.
    """
    if not isinstance(values, pd.Series):
        raise ColumnError(f"{name} must be a Series, not {type(values).__name__}")
    dtype: Any = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        return values.to_numpy(float)
    if pd.api.types.is_bool_dtype(dtype) or (isinstance(dtype, np.dtype) and dtype.kind in "mMc"):
        raise ColumnError(f"{name} holds values of type {dtype}, not numbers")
    plain = values.astype(object)
    empty = plain.isna().to_numpy()
    truths = [isinstance(value, (bool, np.bool_)) for value in plain]
    try:
        out = pd.to_numeric(plain.mask(plain.isna(), np.nan), errors="coerce").to_numpy(float)
    except (TypeError, ValueError, OverflowError):
        out = np.array([_number(value) for value in plain], float)
    bad = (np.isnan(out) & ~empty) | np.array(truths, bool)
    if bad.any():
        raise ColumnError(f"{name} must be numbers; mend {name_rows(values.index[bad])}")
    return out


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def texts_of(frame: DataFrame, name: str) -> Series:
    """Return a column as plain objects.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Of the column.

    Returns
    -------
    pandas.Series
        Of dtype object on the index of `frame`; None where it is empty or there is no such column.

    Raises
    ------
    ColumnError
        If several columns have the name.
    """
    column = column_of(frame, name)
    if column is None:
        return pd.Series(None, index=frame.index, dtype=object, name=name)
    return texts(column)


def texts(values: Series) -> Series:
    """Return a series as plain objects, None where it is empty.

    Parameters
    ----------
    values : pandas.Series
        Of any type.

    Returns
    -------
    pandas.Series
        Of dtype object, on the same index.
    """
    if not isinstance(values, pd.Series):
        raise ColumnError(f"give a Series, not {type(values).__name__}")
    plain = values.astype(object)
    return plain.mask(plain.isna(), None)


def times_of(frame: DataFrame, name: str) -> Series:
    """Return a column of times.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Of the column; times, dates, or texts in the notation of ISO 8601. Those without a zone
        are taken as UTC.

    Returns
    -------
    pandas.Series
        Of dtype ``datetime64[ns, UTC]`` on the index of `frame`; NaT where it is empty or there is
        no such column.

    Raises
    ------
    ColumnError
        If a value is no time, or before 1678 or after 2261; the rows are named.
    """
    column = column_of(frame, name)
    if column is None:
        return pd.Series(pd.NaT, index=frame.index, dtype="datetime64[ns, UTC]", name=name)
    dtype: Any = column.dtype
    if not isinstance(dtype, pd.DatetimeTZDtype) and not (
        isinstance(dtype, np.dtype) and dtype.kind == "M"
    ):
        column = texts(column)
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in _NUMBER_KINDS or kind in ("boolean", "complex"):
            raise ColumnError(
                f"{name} holds numbers, not times; convert it with pandas.to_datetime and its unit"
            )
    iso = isinstance(column.dtype, np.dtype) and column.dtype.kind == "O"
    parsed = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601" if iso else None)
    bad = (parsed.isna() & column.notna()) | (parsed < _EARLIEST) | (parsed >= _LATEST)
    if bad.any():
        raise ColumnError(
            f"{name} must be times such as 2026-03-01T08:30+08:00; mend "
            f"{name_rows(column.index[bad.to_numpy()])}"
        )
    return parsed.dt.as_unit("ns")


def days_of(frame: DataFrame, name: str) -> Series:
    """Return a column of calendar days.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Of the column; as for `times_of`.

    Returns
    -------
    pandas.Series
        Of dtype ``datetime64[ns]``, without a zone; NaT where it is empty or there is no such
        column.

    Raises
    ------
    ColumnError
        If a value is no day; the rows are named.
    """
    column = column_of(frame, name)
    if column is not None and isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_localize(None).dt.as_unit("ns")
    return times_of(frame, name).dt.tz_localize(None)


def choices_of(frame: DataFrame, name: str, allowed: tuple[str, ...], missing: str) -> Series:
    """Return a column of words out of a list.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Of the column.
    allowed : tuple of str
        The words.
    missing : str
        What stands for an empty value, and for all values where there is no such column.

    Returns
    -------
    pandas.Series
        Of dtype object, on the index of `frame`.

    Raises
    ------
    ColumnError
        If a value is another word; the rows are named.
    """
    words = texts_of(frame, name)
    words = words.mask(words.isna(), missing)
    bad = ~words.isin(allowed).to_numpy()
    if bad.any():
        raise ColumnError(
            f"{name} must be one of {', '.join(allowed)}, not {words[bad].iloc[0]!r}; "
            f"mend {name_rows(words.index[bad])}"
        )
    return words


def codes_of(frame: DataFrame | Series, what: str) -> NDArray[np.object_]:
    """Return the labels of a table as codes.

    Parameters
    ----------
    frame : pandas.DataFrame or pandas.Series
        Indexed by code.
    what : str
        What the rows are, for the message.

    Returns
    -------
    numpy.ndarray
        One text a row.

    Raises
    ------
    ColumnError
        If the index has several levels, or a label is empty or there twice; it is named.
    """
    require_table(frame, what)
    index = frame.index
    if index.nlevels > 1:
        raise ColumnError(f"{what} must be indexed by code alone; use .set_index('code')")
    empty = np.asarray(index.isna())
    codes = np.array([str(label) for label in index], dtype=object)
    twice = pd.Index(codes).duplicated() | empty
    if twice.any():
        raise ColumnError(
            f"each of the {what} needs a label of its own; mend {name_rows(index[twice])}"
        )
    return codes


def figures_of(table: DataFrame, what: str) -> NDArray[np.float64]:
    """Return a table of numbers, all of them known.

    Parameters
    ----------
    table : pandas.DataFrame
        Figures, such as counts by grid and span.
    what : str
        What they are, for the message.

    Returns
    -------
    numpy.ndarray
        Floats, rows and columns as in `table`.

    Raises
    ------
    ColumnError
        If a figure is missing, infinite or no number; the rows are named.
    """
    if not isinstance(table, pd.DataFrame):
        raise ColumnError(f"{what} must be a DataFrame, not {type(table).__name__}")
    out = np.empty(table.shape)
    for k in range(table.shape[1]):
        column = table.iloc[:, k]
        out[:, k] = numbers(column, f"{what} of {table.columns[k]}")
    bad = (~np.isfinite(out)).any(axis=1)
    if bad.any():
        rows = table.index[np.flatnonzero(bad)]
        raise ColumnError(
            f"{what} must be known for every span (0 where there was none); mend {name_rows(rows)}"
        )
    return out


def moment_of(value: Any, name: str) -> pd.Timestamp:
    """Return a moment or day that was given by itself.

    Parameters
    ----------
    value : pandas.Timestamp, datetime.date or str
        The moment.
    name : str
        What it is, for the message.

    Returns
    -------
    pandas.Timestamp
        The moment, with its zone if it has one.

    Raises
    ------
    ColumnError
        If it is no time.
    """
    try:
        moment = pd.NaT if isinstance(value, (int, float)) else pd.Timestamp(value)
    except (TypeError, ValueError):
        moment = pd.NaT
    if not isinstance(moment, pd.Timestamp):
        raise ColumnError(f"{name} must be a time such as 2026-03-01, not {value!r}")
    return moment


def local_times(times: Series, timezone: str) -> Series:
    """Return times as a clock somewhere shows them.

    Parameters
    ----------
    times : pandas.Series
        With a zone.
    timezone : str
        Of the clock, an IANA name.

    Returns
    -------
    pandas.Series
        Without a zone, on the same index.

    Raises
    ------
    ColumnError
        If there is no such zone.
    """
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise ColumnError(
            f"{timezone!r} is no IANA time zone; use one such as Asia/Shanghai"
        ) from error
    return times.dt.tz_convert(zone).dt.tz_localize(None)


def array_of(values: ArrayLike, name: str, index: pd.Index, each: str) -> NDArray[np.float64]:
    """Return numbers given beside a layer, one a row.

    Parameters
    ----------
    values : array-like
        Numbers of any type, in the order of the rows; a missing one is NaN. A Series must have
        their labels.
    name : str
        What they are, for the message.
    index : pandas.Index
        Labels of the rows.
    each : str
        What each is of, for the message.

    Returns
    -------
    numpy.ndarray
        A copy as floats.

    Raises
    ------
    ColumnError
        If they are no numbers, another number of them, or a Series with other labels, which may
        be in another order.
    """
    if isinstance(values, pd.Series):
        figures = numbers(values, name)
    else:
        try:
            figures = np.asarray(values, float)
        except (TypeError, ValueError, OverflowError) as error:
            raise ColumnError(f"{name} must be numbers, one a {each}: {error}") from error
    if figures.shape != (len(index),):
        raise ColumnError(f"{name} must be one a {each}: {len(index)}, not {figures.shape}")
    if isinstance(values, pd.Series) and list(values.index) != list(index):
        raise ColumnError(
            f"{name} must have the labels of the rows it belongs to, in their order; bring it there "
            "with .reindex(), or give .to_numpy() if only the labels differ"
        )
    return np.array(figures)

"""Columns and arrays of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.errors import ColumnError, name_rows
from geo.frames.columns import column_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series


def numbers_of(frame: DataFrame, name: str, *, missing: float = np.nan) -> NDArray[np.float64]:
    """Return a column as floats.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Name of a column of numbers, or of texts that are numbers.
    missing : float, default NaN
        Replaces empty values, and all values if there is no such column.

    Returns
    -------
    numpy.ndarray of float
        One value per row.

    Raises
    ------
    ColumnError
        If a value is not a number; the rows are named.

    Examples
    --------
    >>> frame = pd.DataFrame({"range_m": ["30", None]})
    >>> numbers_of(frame, "range_m", missing=50.0).tolist()
    [30.0, 50.0]
    """
    column = column_of(frame, name)
    if column is None:
        return np.full(len(frame), missing)
    values = numbers(column, name)
    return values if np.isnan(missing) else np.where(np.isnan(values), missing, values)


def numbers(values: Series, name: str) -> NDArray[np.float64]:
    """Return a series as floats, NaN for empty values.

    Parameters
    ----------
    values : pandas.Series
        Numbers, or texts that are numbers.
    name : str
        Name of the values for the message.

    Returns
    -------
    numpy.ndarray of float
        One value per row.

    Raises
    ------
    ColumnError
        If a value is not a number, booleans and times included; the rows are named.

    Examples
    --------
    >>> numbers(pd.Series(["1.5", None]), "height_m").tolist()
    [1.5, nan]
    """
    if not isinstance(values, pd.Series):
        raise ColumnError(f"{name} must be a Series, not {type(values).__name__}")
    dtype: Any = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        return _writable(values.to_numpy(float))
    if pd.api.types.is_bool_dtype(dtype) or (isinstance(dtype, np.dtype) and dtype.kind in "mMc"):
        raise ColumnError(f"{name} holds values of type {dtype}, not numbers")
    objects = values.astype(object)
    empty = objects.isna().to_numpy()
    is_boolean = [isinstance(value, (bool, np.bool_)) for value in objects]
    try:
        out = pd.to_numeric(objects.mask(objects.isna(), np.nan), errors="coerce").to_numpy(float)
    except (TypeError, ValueError, OverflowError):
        out = np.array([_number(value) for value in objects], float)
    bad = (np.isnan(out) & ~empty) | np.array(is_boolean, bool)
    if bad.any():
        raise ColumnError(f"{name} must be numbers; correct {name_rows(values.index[bad])}")
    return _writable(out)


def _writable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an array of our own: kernels are compiled again for one that is read-only."""
    return values if values.flags.writeable else values.copy()


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def figures_of(table: DataFrame, what: str) -> NDArray[np.float64]:
    """Return a table of numbers of which none is missing.

    Parameters
    ----------
    table : pandas.DataFrame
        Figures, such as counts by grid (rows) and time span (columns).
    what : str
        Name of the figures for the message.

    Returns
    -------
    numpy.ndarray of float
        Rows and columns as in `table`.

    Raises
    ------
    ColumnError
        If a figure is missing, infinite or not a number; the rows are named.
    """
    if not isinstance(table, pd.DataFrame):
        raise ColumnError(f"{what} must be a DataFrame, not {type(table).__name__}")
    out = np.empty(table.shape)
    for position in range(table.shape[1]):
        column = table.iloc[:, position]
        out[:, position] = numbers(column, f"{what} of {table.columns[position]}")
    bad = (~np.isfinite(out)).any(axis=1)
    if bad.any():
        rows = table.index[np.flatnonzero(bad)]
        raise ColumnError(
            f"{what} must be known for every span (0 where there was none); correct "
            f"{name_rows(rows)}"
        )
    return out


def array_of(values: ArrayLike, name: str, index: pd.Index, each: str) -> NDArray[np.float64]:
    """Return numbers that belong to the rows of a layer.

    Parameters
    ----------
    values : array-like of float
        One number per row, in the order of the rows; NaN for a missing one. A Series must have
        the labels of the rows.
    name : str
        Name of the numbers for the message.
    index : pandas.Index
        Labels of the rows.
    each : str
        Name of one row for the message, such as ``grid``.

    Returns
    -------
    numpy.ndarray of float
        A copy.

    Raises
    ------
    ColumnError
        If a value is not a number, their count differs from the rows, or a Series has other
        labels, which may be in another order.

    Examples
    --------
    >>> array_of([1, 2], "population", pd.Index(["a", "b"]), "grid").tolist()
    [1.0, 2.0]
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
            f"{name} must have the labels of the rows it belongs to, in their order; bring it "
            "there with .reindex(), or give .to_numpy() if only the labels differ"
        )
    return np.array(figures)

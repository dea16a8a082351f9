"""Columns of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from geo.errors import ColumnError, name_rows
from geo.frames.columns import column_of

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def texts_of(frame: DataFrame, name: str) -> Series:
    """Return a column as plain objects.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Name of the column.

    Returns
    -------
    pandas.Series
        Values of dtype object on the index of `frame`; None for empty values, and for all values
        if there is no such column.

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
    """Return a series as plain objects, None for empty values.

    Parameters
    ----------
    values : pandas.Series
        Values of any type.

    Returns
    -------
    pandas.Series
        Values of dtype object, on the same index.

    Raises
    ------
    ColumnError
        If `values` is not a Series.

    Examples
    --------
    >>> texts(pd.Series(["school", pd.NA], dtype="string")).tolist()
    ['school', None]
    """
    if not isinstance(values, pd.Series):
        raise ColumnError(f"give a Series, not {type(values).__name__}")
    objects = values.astype(object)
    return objects.mask(objects.isna(), None)


def choices_of(frame: DataFrame, name: str, allowed: tuple[str, ...], missing: str) -> Series:
    """Return a column whose values are words of a list.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Name of the column.
    allowed : tuple of str
        Words of the list.
    missing : str
        Replaces empty values, and all values if there is no such column.

    Returns
    -------
    pandas.Series
        Values of dtype object, on the index of `frame`.

    Raises
    ------
    ColumnError
        If a value is not in the list; the rows are named.

    Examples
    --------
    >>> frame = pd.DataFrame({"kind": ["dome", None]})
    >>> choices_of(frame, "kind", ("dome", "ptz", "unknown"), "unknown").tolist()
    ['dome', 'unknown']
    """
    words = texts_of(frame, name)
    words = words.mask(words.isna(), missing)
    bad = ~words.isin(allowed).to_numpy()
    if bad.any():
        raise ColumnError(
            f"{name} must be one of {', '.join(allowed)}, not {words[bad].iloc[0]!r}; "
            f"correct {name_rows(words.index[bad])}"
        )
    return words

"""Tables, their columns and their index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.errors import ColumnError, name_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, Series


def require_table(table: Any, what: str) -> None:
    """Raise an error unless an argument is a table.

    Parameters
    ----------
    table : object
        Argument of a caller.
    what : str
        Name of its rows for the message, such as ``cameras``.

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
        Name of the column.

    Returns
    -------
    pandas.Series or None
        The column; None if there is no such column.

    Raises
    ------
    ColumnError
        If `frame` is not a table, its columns have several levels, or several columns have the
        name.
    """
    require_table(frame, "what is given")
    if not isinstance(frame, pd.DataFrame):  # a GeoSeries has no columns
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
    """Return a column that must exist.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    name : str
        Name of the column.
    what : str
        Name of the rows for the message, such as ``cameras``.

    Returns
    -------
    pandas.Series
        The column.

    Raises
    ------
    ColumnError
        If there is no such column, or several.
    """
    column = column_of(frame, name)
    if column is None:
        raise ColumnError(f"{what} have no column {name}; add it")
    return column


def codes_of(frame: DataFrame | Series, what: str) -> NDArray[np.object_]:
    """Return the index of a table as codes.

    Parameters
    ----------
    frame : pandas.DataFrame or pandas.Series
        Table indexed by code.
    what : str
        Name of the rows for the message, such as ``grids``.

    Returns
    -------
    numpy.ndarray of str
        One code per row, of dtype object.

    Raises
    ------
    ColumnError
        If the index has several levels, or a label is empty or not unique; the rows are named.

    Examples
    --------
    >>> codes_of(pd.Series(0, index=[11, 12]), "grids").tolist()
    ['11', '12']
    """
    require_table(frame, what)
    index = frame.index
    if index.nlevels > 1:
        raise ColumnError(f"{what} must be indexed by code alone; use .set_index('code')")
    empty = np.asarray(index.isna())
    codes = np.array([str(label) for label in index], dtype=object)
    bad = pd.Index(codes).duplicated() | empty
    if bad.any():
        raise ColumnError(
            f"each of the {what} needs a label of its own; correct {name_rows(index[bad])}"
        )
    return codes

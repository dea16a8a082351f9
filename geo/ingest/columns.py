"""Operations on all cells of a column at once: distinct cells, plain numbers, codes and times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_NUMBER = r"^[-+]?\d{1,15}(\.\d{1,15})?$"
# No letter e, no point: nothing that could be a number in scientific notation, nor an empty word.
_CODE = r"^[0-9A-DF-Za-df-z_-]*[0-9][0-9A-DF-Za-df-z_-]*$"
_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?$"
_TIME_FORMATS = (("%Y-%m-%d %H:%M:%S", 19), ("%Y-%m-%d %H:%M", 16))
"""Each format, and the length of a text in it."""


def distinct(cells: pd.Series) -> tuple[NDArray[np.int64], Sequence[Any]]:
    """Return the distinct cells of a column, and which of them each cell is.

    Parameters
    ----------
    cells : pandas.Series
        The column.

    Returns
    -------
    codes : numpy.ndarray of int64
        Position of each cell among the distinct ones.
    distinct_cells : sequence
        The distinct cells, in the order of their first occurrence. Cells of different types
        differ: 1, 1.0, True and "1" are four.

    Examples
    --------
    >>> codes, cells = distinct(pd.Series([1, "1", 1], dtype=object))
    >>> codes.tolist(), cells
    ([0, 1, 0], [1, '1'])
    """
    if is_text(cells):
        codes, uniques = pd.factorize(cells, use_na_sentinel=False)
        return np.asarray(codes, np.int64), Texts(_arrow(pd.Series(uniques)))
    positions: dict[Any, int] = {}
    distinct_cells: list[Any] = []
    out = np.empty(len(cells), np.int64)
    for row, cell in enumerate(cells):
        value = cell if isinstance(cell, Hashable) else str(cell)
        key = (type(value), value)
        position = positions.get(key)
        if position is None:
            position = positions[key] = len(distinct_cells)
            distinct_cells.append(value)
        out[row] = position
    return out, distinct_cells


def texts_matching(cells: pd.Series, pattern: str) -> Sequence[Any]:
    """Return the distinct texts of a column that match a pattern.

    Parameters
    ----------
    cells : pandas.Series
        The column.
    pattern : str
        Regular expression (RE2), searched anywhere in the text.

    Returns
    -------
    sequence
        The texts that match; of a column that is not all text, all distinct cells.
    """
    if not is_text(cells):
        return distinct(cells)[1]
    array = _arrow(cells)
    is_match = pc.fill_null(pc.match_substring_regex(array, pattern), False)
    return list(pc.unique(pc.filter(array, is_match)).to_pylist())


class Texts(Sequence[str]):
    """Distinct texts in Arrow's memory, which become Python strings only when they are read.

    Parameters
    ----------
    array : pyarrow.Array
        The texts.
    """

    def __init__(self, array: Any) -> None:
        self.array = array

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.array)

    def __getitem__(self, index: Any) -> Any:
        """Return the text at a position."""
        return self.array[index].as_py()

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over the texts."""
        return iter(self.array.to_pylist())


def is_text(cells: pd.Series) -> bool:
    """Return whether a column holds nothing but text, as those of a text file do.

    Parameters
    ----------
    cells : pandas.Series
        The column.

    Returns
    -------
    bool
        True for pandas' string type.
    """
    return isinstance(cells.dtype, pd.StringDtype)


def objects(values: Sequence[Any]) -> NDArray[np.object_]:
    """Return values in an array of objects, without any conversion.

    Parameters
    ----------
    values : sequence
        Values of any types.

    Returns
    -------
    numpy.ndarray of object
        One-dimensional, also where the values are sequences themselves.
    """
    if isinstance(values, Texts):
        return np.array(values.array.to_pandas(), object)
    out = np.empty(len(values), object)
    out[:] = values
    return out


def plain_numbers(cells: pd.Series) -> NDArray[np.float64]:
    """Return the numbers of the cells that are written plainly, such as ``-12.5``.

    Parameters
    ----------
    cells : pandas.Series
        The column.

    Returns
    -------
    numpy.ndarray of float64
        NaN for all other cells, and for a column that is not all text.
    """
    if not is_text(cells):
        return np.full(len(cells), np.nan)
    texts = _arrow(cells)
    is_plain = pc.match_substring_regex(texts, _NUMBER)
    numbers = pc.cast(pc.if_else(is_plain, texts, pa.scalar(None, texts.type)), pa.float64())
    return np.asarray(numbers.to_pandas(), float)


def plain_codes(cells: Sequence[Any]) -> NDArray[np.bool_]:
    """Return which cells are codes that need no repair: digits, letters and dashes.

    Parameters
    ----------
    cells : sequence
        Distinct cells, from `distinct`.

    Returns
    -------
    numpy.ndarray of bool
        False for codes with a letter E, which may be numbers in scientific notation.
    """
    if not isinstance(cells, Texts):
        return np.zeros(len(cells), bool)
    return np.asarray(pc.match_substring_regex(cells.array, _CODE), bool)


def plain_times(cells: Sequence[Any], zone: ZoneInfo) -> pd.Series:
    """Return the moments of the cells that are written as ``2026-10-31 18:30`` or with seconds.

    Parameters
    ----------
    cells : sequence
        Distinct cells, from `distinct`.
    zone : zoneinfo.ZoneInfo
        Zone of the times.

    Returns
    -------
    pandas.Series of datetime64[us, UTC]
        NaT for all other cells. Of a time that a clock showed twice the earlier moment, as of
        Python's ``fold=0``; a time that it skipped is NaT.
    """
    moments = pd.Series(pd.NaT, range(len(cells)), dtype="datetime64[us, UTC]")
    if not isinstance(cells, Texts):
        return moments
    is_plain = np.asarray(pc.match_substring_regex(cells.array, _TIME), bool)
    if not is_plain.any():
        return moments
    texts = pd.Series(cells.array.to_pandas())[is_plain].str.replace("T", " ", n=1, regex=False)
    for time_format, length in _TIME_FORMATS:
        of_format = texts[texts.str.len() == length]
        local = pd.to_datetime(of_format, format=time_format, errors="coerce")
        earlier = np.ones(len(local), bool)
        parsed = local.dt.tz_localize(zone, ambiguous=earlier, nonexistent="NaT")
        moments[parsed.index] = parsed.dt.tz_convert("UTC").dt.as_unit("us")
    return moments


def moments_of(values: list[dt.datetime | None]) -> pd.Series:
    """Return datetimes as one column in UTC.

    Parameters
    ----------
    values : list of datetime.datetime or None
        Times with zones, which may differ.

    Returns
    -------
    pandas.Series of datetime64[us, UTC]
        NaT for None.
    """
    return pd.Series(pd.to_datetime(pd.Series(objects(values)), utc=True)).dt.as_unit("us")


def json_objects(parts: dict[str, pd.Series]) -> NDArray[np.object_]:
    """Return one JSON object a row, from columns of JSON values.

    Parameters
    ----------
    parts : dict of str to pandas.Series
        Member, such as ``"name": ``, to its JSON texts, one a row; None where it is left out.

    Returns
    -------
    numpy.ndarray of str
        The JSON texts of the objects.

    Examples
    --------
    >>> json_objects({'"a": ': pd.Series(["1", None]), '"b": ': pd.Series(["2", "3"])}).tolist()
    ['{"a": 1, "b": 2}', '{"b": 3}']
    """
    members = [
        pc.fill_null(
            pc.binary_join_element_wise(_scalar(", " + name), _arrow(column), _scalar("")), ""
        )
        for name, column in parts.items()
    ]
    joined = pc.utf8_ltrim(pc.binary_join_element_wise(*members, _scalar("")), ", ")
    braced = pc.binary_join_element_wise(_scalar("{"), joined, _scalar("}"), _scalar(""))
    return np.asarray(braced.to_pandas(), object)


def _scalar(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _arrow(cells: pd.Series) -> Any:
    """Return a column of texts as one Arrow array."""
    array = pa.array(cells, pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

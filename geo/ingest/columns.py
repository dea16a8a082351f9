"""Whole columns of cells at once: distinct cells, plain numbers, codes and times."""

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


def distinct(cells: pd.Series) -> tuple[NDArray[np.int64], Sequence[Any]]:
    """Number of each cell among the distinct ones, and those; 1, 1.0, True and "1" differ."""
    if is_text(cells):
        codes, found = pd.factorize(cells, use_na_sentinel=False)
        return np.asarray(codes, np.int64), Texts(_arrow(pd.Series(found)))
    slots: dict[Any, int] = {}
    known: list[Any] = []
    out = np.empty(len(cells), np.int64)
    for row, cell in enumerate(cells):
        value = cell if isinstance(cell, Hashable) else str(cell)
        slot = (type(value), value)
        at = slots.get(slot)
        if at is None:
            at = slots[slot] = len(known)
            known.append(value)
        out[row] = at
    return out, known


def matching(cells: pd.Series, pattern: str) -> Sequence[Any]:
    """Return the distinct texts of a column that match, and of a column of typed cells all."""
    if not is_text(cells):
        return distinct(cells)[1]
    array = _arrow(cells)
    found = pc.filter(array, pc.fill_null(pc.match_substring_regex(array, pattern), False))
    return list(pc.unique(found).to_pylist())


class Texts(Sequence[str]):
    """Distinct texts that become Python's own only when looked at."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __len__(self) -> int:
        """How many there are."""
        return len(self.array)

    def __getitem__(self, at: Any) -> Any:
        """One of them."""
        return self.array[at].as_py()

    def __iter__(self) -> Iterator[str]:
        """All of them."""
        return iter(self.array.to_pylist())


def is_text(cells: pd.Series) -> bool:
    """Whether a column holds text alone, as those of a text file do."""
    return isinstance(cells.dtype, pd.StringDtype)


def objects(values: Sequence[Any]) -> NDArray[np.object_]:
    """Values in an array as they are."""
    if isinstance(values, Texts):
        return np.array(values.array.to_pandas(), object)
    out = np.empty(len(values), object)
    out[:] = values
    return out


def plain_numbers(cells: pd.Series) -> NDArray[np.float64]:
    """Numbers of the cells that are written plainly; NaN for all others, to be looked at one by one."""
    if not is_text(cells):
        return np.full(len(cells), np.nan)
    text = _arrow(cells)
    known = pc.match_substring_regex(text, _NUMBER)
    numbers = pc.cast(pc.if_else(known, text, pa.scalar(None, text.type)), pa.float64())
    return np.asarray(numbers.to_pandas(), float)


def plain_codes(cells: Sequence[Any]) -> NDArray[np.bool_]:
    """Which cells are codes as they stand: digits, letters, dashes."""
    if not isinstance(cells, Texts):
        return np.zeros(len(cells), bool)
    return np.asarray(pc.match_substring_regex(cells.array, _CODE), bool)


def plain_times(cells: Sequence[Any], zone: ZoneInfo) -> pd.Series:
    """Moments (UTC) of the cells that are written as 2026-10-31 18:30(:00); NaT for all others."""
    out = pd.Series(pd.NaT, range(len(cells)), dtype="datetime64[us, UTC]")
    if not isinstance(cells, Texts):
        return out
    known = np.asarray(pc.match_substring_regex(cells.array, _TIME), bool)
    if not known.any():
        return out
    told = pd.Series(cells.array.to_pandas())[known].str.replace("T", " ", n=1, regex=False)
    for style, length in (("%Y-%m-%d %H:%M:%S", 19), ("%Y-%m-%d %H:%M", 16)):
        some = told[told.str.len() == length]
        local = pd.to_datetime(some, format=style, errors="coerce")
        # Where a clock was set back the earlier moment, as Python's fold=0; set forward: one by one.
        early = np.ones(len(local), bool)
        moments = local.dt.tz_localize(zone, ambiguous=early, nonexistent="NaT")
        out[moments.index] = moments.dt.tz_convert("UTC").dt.as_unit("us")
    return out


def moments_of(values: list[dt.datetime | None]) -> pd.Series:
    """Python's moments as one column of UTC."""
    return pd.Series(pd.to_datetime(pd.Series(objects(values)), utc=True)).dt.as_unit("us")


def json_objects(parts: dict[str, pd.Series]) -> NDArray[np.object_]:
    """A JSON object a row from columns of JSON values; a missing value is left out."""

    def text(value: str) -> pa.Scalar:
        return pa.scalar(value, pa.large_string())

    pieces = [
        pc.fill_null(pc.binary_join_element_wise(text(", " + name), _arrow(column), text("")), "")
        for name, column in parts.items()
    ]
    joined = pc.utf8_ltrim(pc.binary_join_element_wise(*pieces, text("")), ", ")
    whole = pc.binary_join_element_wise(text("{"), joined, text("}"), text(""))
    return np.asarray(whole.to_pandas(), object)


def _arrow(cells: pd.Series) -> Any:
    array = pa.array(cells, pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array

"""Raw table, the result of every reader: cells, line numbers and original text of the rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from geo.errors import ReadError
from geo.import_reasons import ReasonCode

MAX_UNPACKED_BYTES = 2 << 30
"""Largest unpacked size of a compressed file."""
MAX_RATIO = 200
"""Largest ratio of unpacked to packed size, for files larger than `RATIO_FROM_BYTES`."""
RATIO_FROM_BYTES = 64 << 20
"""Unpacked size from which the ratio counts."""
MAX_ROWS = 3_000_000
MAX_COLUMNS = 2_000
MAX_CELLS = 100_000_000
MAX_VERTICES = 2_000_000
"""Largest number of vertices of the geometry of one row."""
_ROWS_PER_BLOCK = 4096
"""Number of rows converted to Python values at a time when a report quotes them."""


@dataclass(frozen=True)
class Note:
    """Remark of a reader on one row or on the file."""

    reason: ReasonCode
    detail: str = ""
    column: str = ""
    row: int | None = None
    """Position of the row in the table; None for the file as a whole."""
    line: int = 0
    """Line of the file, for a line that is no row of the table."""
    repaired: bool = False
    """Whether the reader changed something."""


@dataclass
class RawTable:
    """Content of a file: text or typed cells, line numbers and geometry of the rows."""

    cells: pd.DataFrame
    """One column per header, one row per row of the file."""
    lines: np.ndarray[Any, np.dtype[np.int64]]
    """Line of the file (row of the sheet, number of the feature) of each row, from 1."""
    delimiter: str | None = None
    """Character between cells; None if a row is quoted as JSON."""
    geometry: gpd.GeoSeries | None = None
    """Geometries of the rows; None for a table without them."""
    crs: pyproj.CRS | None = None
    """CRS of the geometries or coordinates; None if it is not known."""
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    """Rows that could not be read: line, what is the matter, text."""
    encoding: str = ""
    """Encoding of the texts; empty if the format determines it."""
    notes: list[Note] = field(default_factory=list)
    """Remarks of the reader."""
    parts: list[tuple[int, str]] = field(default_factory=list)
    """First row and name of each sheet, if several are read together."""
    _block: tuple[int, list[tuple[Any, ...]]] = (-1, [])

    def sheet_of(self, row: int) -> str:
        """Return the name of the sheet that contains a row.

        Parameters
        ----------
        row : int
            Position of the row.

        Returns
        -------
        str
            Name of the sheet; empty if only one was read.
        """
        return next((name for first, name in reversed(self.parts) if first <= row), "")

    def original(self, row: int) -> str:
        """Return the text of a row for a report.

        Parameters
        ----------
        row : int
            Position of the row.

        Returns
        -------
        str
            Cells joined by the delimiter, or a JSON object if there is none.
        """
        first = row - row % _ROWS_PER_BLOCK
        if self._block[0] != first:
            block = self.cells.iloc[first : first + _ROWS_PER_BLOCK]
            self._block = (first, list(block.itertuples(index=False, name=None)))
        cells = self._block[1][row - first]
        if self.delimiter is None:
            cell_of = dict(zip(self.cells.columns, cells, strict=True))
            return json.dumps(cell_of, ensure_ascii=False, default=str)
        return self.delimiter.join("" if cell is None else str(cell) for cell in cells)


def unique_names(header: Iterable[str]) -> list[str]:
    """Return the names of a header with a number appended to repeated ones.

    Parameters
    ----------
    header : iterable of str
        Names in the order of the columns.

    Returns
    -------
    list of str
        Unique names in the same order.

    Examples
    --------
    >>> unique_names(["code", "name", "name"])
    ['code', 'name', 'name_2']
    """
    names: list[str] = []
    taken: set[str] = set()
    last_number: dict[str, int] = {}
    for name in header:
        candidate, number = name, last_number.get(name, 1)
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        last_number[name] = number
        taken.add(candidate)
        names.append(candidate)
    return names


def require_small(path: Path, size: int) -> None:
    """Refuse a file whose unpacked size exceeds `MAX_UNPACKED_BYTES` or `MAX_RATIO`.

    Parameters
    ----------
    path : pathlib.Path
        Compressed file.
    size : int
        Unpacked size in bytes.

    Raises
    ------
    ReadError
        If it is too large.
    """
    if size > MAX_UNPACKED_BYTES:
        raise ReadError(
            f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB; import its parts"
        )
    if size > max(RATIO_FROM_BYTES, MAX_RATIO * path.stat().st_size):
        raise ReadError(
            f"{path.name} unpacks to more than {MAX_RATIO} times its size, which is unusual for "
            "data; if the file is genuine, unpack it and import its content"
        )


def require_columns(name: str, columns: int) -> None:
    """Refuse a table of more than `MAX_COLUMNS` columns.

    Parameters
    ----------
    name : str
        Name of the file.
    columns : int
        Number of columns.

    Raises
    ------
    ReadError
        If there are too many.
    """
    if columns > MAX_COLUMNS:
        raise ReadError(
            f"{name} has {columns:,} columns, and at most {MAX_COLUMNS:,} are read; leave out "
            "unneeded ones, or check for a stray cell far to the right of the table"
        )


def require_rows(name: str, rows: int, columns: int = 1) -> None:
    """Refuse a table of more than `MAX_ROWS` rows or `MAX_CELLS` cells.

    Parameters
    ----------
    name : str
        Name of the file.
    rows : int
        Number of rows.
    columns : int, optional
        Number of columns.

    Raises
    ------
    ReadError
        If there are too many.
    """
    if rows > MAX_ROWS:
        raise ReadError(f"{name} has more than {MAX_ROWS:,} rows; import its parts")
    if rows * columns > MAX_CELLS:
        raise ReadError(f"{name} has more than {MAX_CELLS:,} cells; import its parts")

"""The table that every reader returns: cells, line numbers and the original text of a row."""

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

MAX_UNPACKED_BYTES = 2 << 30
"""Bytes that a compressed file may become."""
MAX_RATIO = 200
"""Times its own size that a compressed file may become, once it is beyond `RATIO_FROM_BYTES`."""
RATIO_FROM_BYTES = 64 << 20
MAX_ROWS = 3_000_000
MAX_COLUMNS = 2_000
MAX_CELLS = 100_000_000
MAX_VERTICES = 2_000_000
"""Of the shape of one row."""
DAMAGED = "damaged character"
"""Reason of a note of one cell that has a character which could not be decoded."""
_ROWS_PER_BLOCK = 4096
"""Rows turned into Python's own values at a time, where a report quotes them."""


@dataclass(frozen=True)
class Note:
    """What a reader reports of a file: of one row, or of all of it."""

    reason: str
    detail: str = ""
    column: str = ""
    row: int | None = None
    """Position of the row in the table; None for the file as a whole."""
    line: int = 0
    """Line of the file, where it is no row of the table."""
    repaired: bool = False
    """Whether something was changed, and not only noticed."""


@dataclass
class RawTable:
    """A file as it was read: text or typed cells, where each row stood, and its geometry."""

    cells: pd.DataFrame
    lines: np.ndarray[Any, np.dtype[np.int64]]
    delimiter: str | None = None
    """Between the cells of a line; None where a row is told as JSON."""
    geometry: gpd.GeoSeries | None = None
    crs: pyproj.CRS | None = None
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    """Rows that could not be split into cells: line, reason, text."""
    encoding: str = ""
    notes: list[Note] = field(default_factory=list)
    parts: list[tuple[int, str]] = field(default_factory=list)
    """First row and name of each sheet, where rows of several are read together."""
    _block: tuple[int, list[tuple[Any, ...]]] = (-1, [])

    def part_of(self, row: int) -> str:
        """Return the name of the sheet that a row is from; empty where there is one only."""
        return next((name for first, name in reversed(self.parts) if first <= row), "")

    def original(self, row: int) -> str:
        """A row as the file has it."""
        first = row - row % _ROWS_PER_BLOCK
        if self._block[0] != first:
            some = self.cells.iloc[first : first + _ROWS_PER_BLOCK]
            self._block = (first, list(some.itertuples(index=False, name=None)))
        cells = self._block[1][row - first]
        if self.delimiter is None:
            told = dict(zip(self.cells.columns, cells, strict=True))
            return json.dumps(told, ensure_ascii=False, default=str)
        return self.delimiter.join("" if cell is None else str(cell) for cell in cells)


def unique_names(header: Iterable[str]) -> list[str]:
    """Return the names, those that repeat numbered."""
    out: list[str] = []
    taken: set[str] = set()
    last: dict[str, int] = {}
    for name in header:
        candidate, k = name, last.get(name, 1)
        while candidate in taken:
            k += 1
            candidate = f"{name}_{k}"
        last[name] = k
        taken.add(candidate)
        out.append(candidate)
    return out


def require_small(path: Path, size: int) -> None:
    """Refuse a file that unpacks to more than `MAX_UNPACKED_BYTES`, or to very many times its size."""
    if size > MAX_UNPACKED_BYTES:
        raise ReadError(
            f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB; import its parts"
        )
    if size > max(RATIO_FROM_BYTES, MAX_RATIO * path.stat().st_size):
        raise ReadError(
            f"{path.name} unpacks to more than {MAX_RATIO} times its size, as a file does that holds "
            "next to nothing; import what it holds unpacked, if it is genuine"
        )


def require_columns(name: str, columns: int) -> None:
    """Refuse a table of more than `MAX_COLUMNS` columns."""
    if columns > MAX_COLUMNS:
        raise ReadError(
            f"{name} has {columns:,} columns, and {MAX_COLUMNS:,} are the most; leave out what is not "
            "needed, or look whether something stands far to the right of the table"
        )


def require_rows(name: str, rows: int, columns: int = 1) -> None:
    """Refuse a table of more than `MAX_ROWS` rows or `MAX_CELLS` cells."""
    if rows > MAX_ROWS:
        raise ReadError(f"{name} has more than {MAX_ROWS:,} rows; import its parts")
    if rows * columns > MAX_CELLS:
        raise ReadError(f"{name} has more than {MAX_CELLS:,} cells; import its parts")

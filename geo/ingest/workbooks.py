"""Workbooks (.xlsx)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyproj

from geo.errors import ReadError
from geo.ingest import archives
from geo.ingest.headers import recognise
from geo.ingest.raw_table import RawTable, require_columns, unique_names

MAX_SHEET_ROWS = 1 << 20
MAX_CELLS = 20_000_000
"""Cells from the first column to the last one of each row that has any."""
_HEADER_WITHIN = 12
"""Templates open with titles and notes: the header is among the first rows."""

Row = tuple[int, tuple[Any, ...]]
"""Number of a row and its cells up to the last one that holds something."""


@dataclass(frozen=True)
class _Sheet:
    rows: list[Row]
    header: int
    """Where among the rows the header is."""
    recognised: int


def read_workbook(path: Path, layer: str, crs: pyproj.CRS | None) -> RawTable:
    """Read the sheet of a workbook whose header fits the layer best."""
    with archives.opened(path, "workbook") as archive:
        archives.require_plain_xml(path, archive)
    try:
        best = _best_sheet(path, layer)
    except (ReadError, MemoryError):
        raise
    except Exception as error:
        raise ReadError(
            f"{path.name} is no readable workbook: it is damaged; save it anew as .xlsx"
        ) from error
    if best is None or best.recognised == 0:
        raise ReadError(f"{path.name}: no row looks like a header of {layer}; use --rename")
    kept = [
        (number, row)
        for number, row in best.rows[best.header + 1 :]
        if any(c is not None and str(c).strip() for c in row)
    ]
    if not kept:
        raise ReadError(f"{path.name} has a header but no rows; nothing to import")
    names = best.rows[best.header][1]
    width = max(len(names), *(len(row) for _, row in kept))
    require_columns(path.name, width)
    header = unique_names(
        str(names[k]).strip() if k < len(names) and names[k] is not None else f"column_{k + 1}"
        for k in range(width)
    )
    padded = [[*row, *[None] * (width - len(row))] for _, row in kept]
    cells = pd.DataFrame(padded, columns=header, dtype=object)
    return RawTable(cells, np.asarray([number for number, _ in kept], np.int64), "\t", None, crs)


def _best_sheet(path: Path, layer: str) -> _Sheet | None:
    best: _Sheet | None = None
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        cells = 0
        for sheet in book.worksheets:
            rows = []
            # The file's own word for its dimensions would fill each row up to the last column named.
            sheet.reset_dimensions()
            for number, row in _rows(sheet, path.name):
                cells += len(row)
                if cells > MAX_CELLS:
                    raise ReadError(
                        f"{path.name} has more than {MAX_CELLS:,} cells; import its parts"
                    )
                rows.append((number, row))
            for k, (number, row) in enumerate(rows):
                if number > _HEADER_WITHIN:
                    break
                found = len(recognise(layer, [str(c) for c in row if c is not None]).columns)
                if best is None or found > best.recognised:
                    best = _Sheet(rows, k, found)
    finally:
        book.close()
    return best


def _rows(sheet: Any, name: str) -> Iterator[Row]:
    """Return each row that has cells, without those at its end that are empty."""
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if number > MAX_SHEET_ROWS:
            raise ReadError(f"{name} has more than {MAX_SHEET_ROWS:,} rows; import its parts")
        end = len(row)
        while end and row[end - 1] is None:
            end -= 1
        require_columns(name, end)
        if end:
            yield number, row[:end]

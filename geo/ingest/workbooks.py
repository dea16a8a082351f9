"""Workbooks (.xlsx)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyproj

from geo.errors import ReadError
from geo.ingest.headers import recognise
from geo.ingest.raw_table import RawTable, require_small, unique_names


def read_workbook(path: Path, layer: str, crs: pyproj.CRS | None) -> RawTable:
    """Read the sheet of a workbook whose header fits the layer best."""
    try:
        with zipfile.ZipFile(path) as archive:
            require_small(path, sum(info.file_size for info in archive.infolist()))
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except ReadError:
        raise
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise ReadError(
            f"{path.name} is no readable workbook ({error}); save it anew as .xlsx"
        ) from error
    best: tuple[int, list[tuple[Any, ...]], int] | None = None
    try:
        for sheet in book.worksheets:
            values = [tuple(row) for row in sheet.iter_rows(values_only=True)]
            # Templates open with titles and notes: the header is the row we recognise most of.
            for k, row in enumerate(values[:12]):
                found = len(recognise(layer, [str(c) for c in row if c is not None]).columns)
                if best is None or found > best[2]:
                    best = (k, values, found)
    finally:
        book.close()
    if best is None or best[2] == 0:
        raise ReadError(f"{path.name}: no row looks like a header of {layer}; use --rename")
    at, values, _ = best
    header = unique_names(
        [str(c).strip() if c is not None else f"column_{k + 1}" for k, c in enumerate(values[at])]
    )
    kept = [
        (k + 1, row)
        for k, row in enumerate(values)
        if k > at and any(c is not None and str(c).strip() for c in row)
    ]
    if not kept:
        raise ReadError(f"{path.name} has a header but no rows; nothing to import")
    cells = pd.DataFrame([[*row] for _, row in kept], columns=header, dtype=object)
    return RawTable(cells, np.asarray([k for k, _ in kept], np.int64), "\t", None, crs)

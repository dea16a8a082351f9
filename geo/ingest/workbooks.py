"""Workbooks (.xlsx)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyproj

from geo.errors import ReadError
from geo.ingest import archives
from geo.ingest.header_rows import HEADER_WITHIN, HeaderRows, find_header
from geo.ingest.headers import LAT, LON, WHERE
from geo.ingest.raw_table import Note, RawTable, require_columns, unique_names
from geo.schema import LAYERS

MAX_SHEET_ROWS = 1 << 20
MAX_CELLS = 20_000_000
"""Cells from the first column to the last one of each row that has any."""

Row = tuple[int, tuple[Any, ...]]
"""Number of a row and its cells up to the last one that holds something."""


@dataclass(frozen=True)
class _Sheet:
    name: str
    hidden: bool
    rows: list[Row]
    """Those below the header that hold something."""
    above: list[Row]
    header: HeaderRows

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(self.header.columns)


def read_workbook(
    path: Path,
    layer: str,
    crs: pyproj.CRS | None,
    *,
    known: Collection[str] = (),
    part: str | None = None,
) -> RawTable:
    """Read the sheets of a workbook whose header fits the layer, as one table.

    Parameters
    ----------
    path : the file.
    layer : the register by whose words headers are found.
    crs : of the coordinates, where it was given.
    known : further headers, normalised.
    part : name of the only sheet to read.

    Raises
    ------
    ReadError : the workbook is damaged, or no sheet has rows below a header.
    """
    with archives.opened(path, "workbook") as archive:
        archives.require_plain_xml(path, archive)
    try:
        sheets = _read_sheets(path, layer, known)
    except (ReadError, MemoryError):
        raise
    except Exception as error:
        raise ReadError(
            f"{path.name} is no readable workbook: it is damaged; save it anew as .xlsx"
        ) from error
    if not sheets:
        raise ReadError(f"{path.name} is empty; give a workbook with a header and rows")
    read = _fitting(path.name, sheets, layer, part)
    if not any(sheet.rows for sheet in read):
        raise ReadError(f"{path.name} has a header but no rows; nothing to import")
    notes = [_unread(sheet, layer) for sheet in sheets if sheet not in read]
    for sheet in read:
        notes += [
            Note("line above the header, not read", _shown(row), line=number)
            for number, row in sheet.above
        ]
        if sheet.header.first != sheet.header.last:
            notes.append(Note("header of two rows read as one", f"sheet {sheet.name}"))
    if len(read) > 1:
        listed = ", ".join(f"{sheet.name} ({len(sheet.rows)} rows)" for sheet in read)
        notes.append(Note("several sheets read together", listed))
    frames = [_frame(sheet, read[0], path.name) for sheet in read]
    cells = frames[0]
    if len(frames) > 1:
        cells = pd.concat(frames, ignore_index=True)
        cells = cells.astype(object).where(cells.notna(), None)
    require_columns(path.name, len(cells.columns))
    lines = np.asarray([number for sheet in read for number, _ in sheet.rows], np.int64)
    firsts = np.cumsum([0, *(len(sheet.rows) for sheet in read)])
    parts = [(int(first), sheet.name) for first, sheet in zip(firsts, read, strict=False)]
    return RawTable(
        cells, lines, "\t", None, crs, notes=notes, parts=parts if len(read) > 1 else []
    )


def _fitting(name: str, sheets: list[_Sheet], layer: str, part: str | None) -> list[_Sheet]:
    """Return the sheets to read, that whose header fits best first."""
    if part is not None:
        chosen = [sheet for sheet in sheets if sheet.name.strip() == part.strip()]
        if not chosen:
            raise ReadError(
                f"{name} has no sheet {part}; it has {', '.join(sheet.name for sheet in sheets)}"
            )
        return chosen
    shown = [sheet for sheet in sheets if not sheet.hidden and sheet.rows]
    candidates = shown or [sheet for sheet in sheets if sheet.rows] or sheets
    best = max(candidates, key=lambda sheet: sheet.header.score)  # the first of equals
    needed = _needed(layer) & best.columns
    return [
        sheet
        for sheet in candidates
        if sheet.header.names == best.header.names or (needed and needed <= sheet.columns)
    ]


def _needed(layer: str) -> frozenset[str]:
    """Return the columns by which a sheet is one of the register: key, place and what is needed."""
    if layer not in LAYERS:
        return frozenset({"grid", "role", "name"})
    spec = LAYERS[layer]
    return frozenset([*spec.key, LON, LAT, WHERE]) - {"source"}


def _unread(sheet: _Sheet, layer: str) -> Note:
    if sheet.hidden:
        why = "it is hidden"
    elif not sheet.rows:
        why = "it has no rows below a header"
    else:
        why = f"its header does not fit {layer}"
    return Note("sheet not read", f"{sheet.name}: {why}; --layer NAME reads a sheet alone")


def _shown(row: Sequence[Any]) -> str:
    return " ".join(str(cell) for cell in row if cell is not None)[:200]


def _frame(sheet: _Sheet, first: _Sheet, name: str) -> pd.DataFrame:
    """Return the rows of a sheet under the headers that the first sheet has for the same columns."""
    width = max([len(sheet.header.names), *(len(row) for _, row in sheet.rows)])
    require_columns(name, width)
    same = {
        header: first.header.columns.get(column, header)
        for column, header in sheet.header.columns.items()
    }
    names = [
        same.get(text, text) or f"column_{k + 1}"
        for k, text in enumerate([*sheet.header.names, *[""] * (width - len(sheet.header.names))])
    ]
    padded = [[*row, *[None] * (width - len(row))] for _, row in sheet.rows]
    return pd.DataFrame(padded, columns=unique_names(names), dtype=object)


def _read_sheets(path: Path, layer: str, known: Collection[str]) -> list[_Sheet]:
    out = []
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
            top = [row for number, row in rows[:HEADER_WITHIN] if number <= HEADER_WITHIN]
            header = find_header(top or [row for _, row in rows[:1]], layer, known)
            if header is None:
                continue
            below = [
                (number, row)
                for number, row in rows[header.last + 1 :]
                if any(c is not None and str(c).strip() for c in row)
            ]
            hidden = sheet.sheet_state != "visible"
            out.append(_Sheet(str(sheet.title), hidden, below, rows[: header.first], header))
    finally:
        book.close()
    return out


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

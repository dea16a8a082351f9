"""Reading of workbooks (.xlsx)."""

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
from geo.import_reasons import ReasonCode
from geo.ingest import archives
from geo.ingest.header_rows import HEADER_WITHIN, HeaderRows, find_header
from geo.ingest.header_vocabulary import LAT, LON, WHERE
from geo.ingest.raw_table import Note, RawTable, require_columns, unique_names
from geo.schema import LAYERS

MAX_SHEET_ROWS = 1 << 20
MAX_CELLS = 20_000_000
"""Largest number of cells, counted in each row up to its last non-empty cell."""

Row = tuple[int, tuple[Any, ...]]
"""Number of a row, and its cells up to the last non-empty one."""


@dataclass(frozen=True)
class _Sheet:
    """A sheet with a header."""

    name: str
    hidden: bool
    rows: list[Row]
    """Non-empty rows below the header."""
    above: list[Row]
    """Non-empty rows above the header."""
    header: HeaderRows

    @property
    def columns(self) -> frozenset[str]:
        """Recognised columns."""
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
    path : pathlib.Path
        File to read.
    layer : str
        Register whose dictionary finds the headers.
    crs : pyproj.CRS or None
        CRS of the coordinates, if the user gives one.
    known : collection of str, optional
        Further headers, normalised.
    part : str or None, optional
        Name of the only sheet to read; None for all that fit.

    Returns
    -------
    RawTable
        Cells as the workbook holds them, with the row number of each as its line.

    Raises
    ------
    ReadError
        If the workbook is damaged, or no sheet has rows below a header.
    """
    with archives.open_archive(path, "workbook") as archive:
        archives.require_plain_xml(path, archive)
    try:
        sheets = _read_sheets(path, layer, known)
    except (ReadError, MemoryError):
        raise
    except Exception as error:
        raise ReadError(
            f"{path.name} is no readable workbook: it is damaged; save it again as .xlsx"
        ) from error
    if not sheets:
        raise ReadError(f"{path.name} is empty; give a workbook with a header and rows")
    selected = _select_sheets(path.name, sheets, layer, part)
    if not any(sheet.rows for sheet in selected):
        raise ReadError(f"{path.name} has a header but no rows; nothing to import")
    notes = _notes(sheets, selected, layer)
    frames = [_frame(sheet, selected[0], path.name) for sheet in selected]
    cells = frames[0]
    if len(frames) > 1:
        cells = pd.concat(frames, ignore_index=True)
        cells = cells.astype(object).where(cells.notna(), None)
    require_columns(path.name, len(cells.columns))
    lines = np.asarray([number for sheet in selected for number, _ in sheet.rows], np.int64)
    parts: list[tuple[int, str]] = []
    if len(selected) > 1:
        first_rows = np.cumsum([0, *(len(sheet.rows) for sheet in selected[:-1])])
        parts = [
            (int(first), sheet.name) for first, sheet in zip(first_rows, selected, strict=True)
        ]
    return RawTable(cells, lines, "\t", None, crs, notes=notes, parts=parts)


def _notes(sheets: list[_Sheet], selected: list[_Sheet], layer: str) -> list[Note]:
    """Return notes on sheets and rows that are not read, and on headers of two rows."""
    notes = [_unread_note(sheet, layer) for sheet in sheets if sheet not in selected]
    for sheet in selected:
        notes += [
            Note(ReasonCode.LINE_ABOVE_HEADER_NOT_READ, _excerpt(row), line=number)
            for number, row in sheet.above
        ]
        if sheet.header.first != sheet.header.last:
            notes.append(Note(ReasonCode.HEADER_OF_TWO_ROWS, f"sheet {sheet.name}"))
    if len(selected) > 1:
        listed = ", ".join(f"{sheet.name} ({len(sheet.rows)} rows)" for sheet in selected)
        notes.append(Note(ReasonCode.SEVERAL_SHEETS_READ, listed))
    return notes


def _select_sheets(name: str, sheets: list[_Sheet], layer: str, part: str | None) -> list[_Sheet]:
    """Return the sheets to read."""
    if part is not None:
        chosen = [sheet for sheet in sheets if sheet.name.strip() == part.strip()]
        if not chosen:
            raise ReadError(
                f"{name} has no sheet {part}; it has {', '.join(sheet.name for sheet in sheets)}"
            )
        return chosen
    visible = [sheet for sheet in sheets if not sheet.hidden and sheet.rows]
    candidates = visible or [sheet for sheet in sheets if sheet.rows] or sheets
    best = max(candidates, key=lambda sheet: sheet.header.score)  # the first of equals
    identifying = _identifying_columns(layer) & best.columns
    return [
        sheet
        for sheet in candidates
        if sheet.header.names == best.header.names or (identifying and identifying <= sheet.columns)
    ]


def _identifying_columns(layer: str) -> frozenset[str]:
    """Return the columns by which a sheet belongs to the register: key and place."""
    if layer not in LAYERS:
        return frozenset({"grid", "role", "name"})
    spec = LAYERS[layer]
    return frozenset([*spec.key, LON, LAT, WHERE]) - {"source"}


def _unread_note(sheet: _Sheet, layer: str) -> Note:
    if sheet.hidden:
        reason = "it is hidden"
    elif not sheet.rows:
        reason = "it has no rows below a header"
    else:
        reason = f"its header does not fit {layer}"
    return Note(
        ReasonCode.SHEET_NOT_READ, f"{sheet.name}: {reason}; --layer NAME reads a sheet alone"
    )


def _excerpt(row: Sequence[Any]) -> str:
    return " ".join(str(cell) for cell in row if cell is not None)[:200]


def _frame(sheet: _Sheet, first: _Sheet, name: str) -> pd.DataFrame:
    """Return the rows of a sheet, with the first sheet's header for columns that both have."""
    width = max([len(sheet.header.names), *(len(row) for _, row in sheet.rows)])
    require_columns(name, width)
    header_in_first = {
        header: first.header.columns.get(column, header)
        for column, header in sheet.header.columns.items()
    }
    headers = [*sheet.header.names, *[""] * (width - len(sheet.header.names))]
    names = [
        header_in_first.get(header, header) or f"column_{number}"
        for number, header in enumerate(headers, 1)
    ]
    padded = [[*row, *[None] * (width - len(row))] for _, row in sheet.rows]
    return pd.DataFrame(padded, columns=unique_names(names), dtype=object)


def _read_sheets(path: Path, layer: str, known: Collection[str]) -> list[_Sheet]:
    """Return the sheets that have a header."""
    sheets = []
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        cell_count = 0
        for sheet in book.worksheets:
            rows = []
            # The dimensions that the file states would pad each row to the last column.
            sheet.reset_dimensions()
            for number, row in _rows(sheet, path.name):
                cell_count += len(row)
                if cell_count > MAX_CELLS:
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
                if any(cell is not None and str(cell).strip() for cell in row)
            ]
            hidden = sheet.sheet_state != "visible"
            sheets.append(_Sheet(str(sheet.title), hidden, below, rows[: header.first], header))
    finally:
        book.close()
    return sheets


def _rows(sheet: Any, name: str) -> Iterator[Row]:
    """Yield each row that has cells, without empty cells at its end."""
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if number > MAX_SHEET_ROWS:
            raise ReadError(f"{name} has more than {MAX_SHEET_ROWS:,} rows; import its parts")
        end = len(row)
        while end and row[end - 1] is None:
            end -= 1
        require_columns(name, end)
        if end:
            yield number, row[:end]

"""Reading of delimited text: encoding, delimiter, header and rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from geo.errors import ReadError
from geo.import_reasons import ReasonCode
from geo.ingest.encodings import REPLACEMENT, Decoded, decode_text
from geo.ingest.header_rows import HEADER_WITHIN, HeaderRows, find_header
from geo.ingest.quoting import has_stray_quotes, holds_rows, require_closed_quotes
from geo.ingest.raw_table import (
    Note,
    RawTable,
    require_columns,
    require_rows,
    unique_names,
)

MAX_FIELD = 1 << 24
"""Largest number of characters of a cell and of a line."""
_DELIMITERS = (",", "\t", ";", "|")
_SEP_LINE = re.compile(r'[\s]*"?sep=([^\r\n"])"?[,;\t]*(?:\r\n|\r|\n)', re.IGNORECASE)
"""First line by which spreadsheets name the delimiter."""

Row = tuple[int, list[str]]
"""Line on which a row begins, and its cells."""
Table = tuple[pd.DataFrame, NDArray[np.int64]]
"""Cells of rows, and the line on which each begins."""


@dataclass(frozen=True)
class _Layout:
    """Division of a text into rows and cells."""

    delimiter: str
    header: HeaderRows
    end: int
    """Number of lines up to and including the header."""
    above: list[Row]
    """Rows above the header."""


def read_text(
    data: bytes,
    name: str,
    suffix: str,
    crs: pyproj.CRS | None,
    *,
    layer: str = "",
    known: Collection[str] = (),
    encoding: str | None = None,
) -> RawTable:
    """Read delimited text in any accepted encoding.

    Parameters
    ----------
    data : bytes
        Content of the file.
    name : str
        Name of the file, for messages.
    suffix : str
        Suffix of the file; ``.tsv`` has tabs between cells.
    crs : pyproj.CRS or None
        CRS of the coordinates, if the user gives one.
    layer : str, optional
        Register whose dictionary finds the header.
    known : collection of str, optional
        Further headers, normalised.
    encoding : str or None, optional
        Encoding, one of `geo.ingest.encodings.ENCODINGS`; None to detect it.

    Returns
    -------
    RawTable
        Cells as text, with the line of each row and notes.

    Raises
    ------
    ReadError
        If the encoding is not accepted, a quotation mark is not closed or there are no rows.
    """
    decoded = decode_text(data, name, encoding)
    text, offset, delimiter = decoded.text, 0, None
    notes = encoding_notes(decoded)
    if not text.strip():
        raise ReadError(f"{name} is empty; give a file with a header line")
    if match := _SEP_LINE.match(text):
        delimiter, offset = match[1], len(match[0].splitlines())
        text = text[match.end() :]
        notes.append(Note(ReasonCode.DELIMITER_NAMED_IN_FIRST_LINE, repr(delimiter), line=offset))
    require_rows(name, max(text.count("\n"), text.count("\r")) - 1)
    layout = _find_layout(text, name, suffix, layer, known, delimiter)
    require_columns(name, len(layout.header.names))
    for line, row in layout.above:
        excerpt = " ".join(filter(None, row))[:200]
        notes.append(Note(ReasonCode.LINE_ABOVE_HEADER_NOT_READ, excerpt, line=line + offset))
    if layout.header.first != layout.header.last:
        notes.append(Note(ReasonCode.HEADER_OF_TWO_ROWS, line=layout.end + offset))
    header = unique_names(
        cell.rstrip(REPLACEMENT).strip() or f"column_{number}"
        for number, cell in enumerate(layout.header.names, 1)
    )
    even = _read_even(text, layout, header)
    if even is None:
        cells, lines, broken = _read_uneven(text, name, layout, header, offset)
    else:
        cells, lines, broken = *even, []
    require_rows(name, len(cells), len(cells.columns))
    if cells.empty and not broken:
        raise ReadError(f"{name} has a header but no rows; nothing to import")
    if REPLACEMENT in text:
        notes += damaged_cells(cells)
    return RawTable(
        cells, lines + offset, layout.delimiter, None, crs, broken, decoded.encoding, notes
    )


def encoding_notes(decoded: Decoded) -> list[Note]:
    """Return a note if the detected encoding of a text is not certain.

    Parameters
    ----------
    decoded : Decoded
        Text and its encoding.

    Returns
    -------
    list of Note
        At most one note.
    """
    if decoded.unusual:
        detail = (
            f"read as {decoded.encoding}, which is not certain; check a few names, and name "
            "another encoding with --encoding"
        )
        return [Note(ReasonCode.UNUSUAL_ENCODING, detail)]
    return []


def damaged_cells(cells: pd.DataFrame) -> list[Note]:
    """Return a note for each cell with a character that could not be decoded.

    Parameters
    ----------
    cells : pandas.DataFrame
        Cells of a table.

    Returns
    -------
    list of Note
        Notes with the reason `ReasonCode.DAMAGED_CHARACTER`.
    """
    notes = []
    for column in cells.columns:
        texts = cells[column]
        is_damaged = texts.map(lambda cell: isinstance(cell, str) and REPLACEMENT in cell)
        notes += [
            Note(
                ReasonCode.DAMAGED_CHARACTER, repr(texts.iloc[row]), str(column), row, repaired=True
            )
            for row in np.flatnonzero(is_damaged.to_numpy(bool)).tolist()
        ]
    return notes


def _find_layout(
    text: str, name: str, suffix: str, layer: str, known: Collection[str], given: str | None
) -> _Layout:
    """Return the delimiter and header with the most recognised columns."""
    candidates: Collection[str] = _DELIMITERS
    if given is not None or suffix == ".tsv":
        candidates = [given if given is not None else "\t"]
    best: tuple[tuple[int, int], _Layout] | None = None
    for delimiter in candidates:
        rows, ends = _first_rows(text, name, delimiter)
        header = find_header([cells for _, cells in rows], layer, known)
        if header is None:
            continue
        rank = (header.score, len(header.names))
        if best is None or rank > best[0]:
            best = rank, _Layout(delimiter, header, ends[header.last], rows[: header.first])
    if best is None:
        raise ReadError(f"{name} is empty; give a file with a header line")
    return best[1]


def _first_rows(text: str, name: str, delimiter: str) -> tuple[list[Row], list[int]]:
    """Return the first rows that are not blank, and the line on which each ends."""
    rows, ends = [], []
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(_lines(text, name), delimiter=delimiter)
    begin = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((begin, row))
                ends.append(reader.line_num)
            begin = reader.line_num + 1
            if len(rows) == HEADER_WITHIN:
                break
    except csv.Error:
        pass  # `_read_uneven` reports the line of the quotation mark that is not closed
    return rows, ends


def _read_even(text: str, layout: _Layout, names: list[str]) -> Table | None:
    """Return the rows of a text whose lines all have as many cells as the header, else None."""
    if text.count("\r") != text.count("\r\n"):
        return None
    line_count = text.count("\n") + (not text.endswith("\n"))
    if line_count <= layout.end or ('"' in text and has_stray_quotes(text, layout.delimiter)):
        return None
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(text.encode()),
            arrow_csv.ReadOptions(column_names=names, skip_rows=layout.end, block_size=1 << 24),
            arrow_csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    if len(table) != line_count - layout.end:  # a row of several lines, or an empty line
        return None
    lines = np.arange(layout.end + 1, layout.end + len(table) + 1, dtype=np.int64)
    cells = table.to_pandas()
    is_blank = np.ones(len(cells), bool)
    for column in names:
        is_blank[is_blank] = (cells.loc[is_blank, column].str.strip() == "").to_numpy(bool)
        if not is_blank.any():
            return cells, lines
    return cells[~is_blank].reset_index(drop=True), lines[~is_blank]


def _lines(text: str, name: str, consumed: list[str] | None = None) -> Iterator[str]:
    """Yield the lines of a text; each is appended to `consumed` before."""
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if len(line) > MAX_FIELD:
            place = "begins with a line" if number == 1 else f"has a line, {number},"
            raise ReadError(
                f"{name} {place} of more than {MAX_FIELD:,} characters; give a table with one "
                "line per row"
            )
        if consumed is not None:
            consumed.append(line)
        yield line


def _read_uneven(
    text: str, name: str, layout: _Layout, header: list[str], offset: int
) -> tuple[pd.DataFrame, NDArray[np.int64], list[tuple[int, str, str]]]:
    """Return cells, lines and broken rows of any delimited text.

    Raises
    ------
    ReadError
        If a quotation mark is not closed, so that rows would become one cell.
    """
    csv.field_size_limit(MAX_FIELD)
    row_lines: list[str] = []
    reader = csv.reader(_lines(text, name, row_lines), delimiter=layout.delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    broken: list[tuple[int, str, str]] = []
    begin = 1
    try:
        for row in reader:
            line, begin = begin, reader.line_num + 1
            spanned = row_lines.copy() if len(row_lines) > 1 else None
            row_lines.clear()
            if reader.line_num <= layout.end or not any(cell.strip() for cell in row):
                continue
            if spanned is not None and holds_rows(spanned, layout.delimiter, len(header)):
                raise ReadError(
                    f"{name}, line {line + offset}: a quotation mark opens in this line and "
                    f"closes only in line {reader.line_num + offset}, and the lines between are "
                    "rows of their own; close it, or remove it"
                )
            if any(cell.strip() for cell in row[len(header) :]):
                reason = f"{len(row)} cells where the header has {len(header)}"
                broken.append((line + offset, reason, layout.delimiter.join(row)))
                continue
            rows.append(row[: len(header)] + [""] * (len(header) - len(row)))
            lines.append(line)
    except csv.Error as error:
        require_closed_quotes(name, begin + offset, row_lines, layout.delimiter, error)
    cells = pd.DataFrame(rows, columns=header, dtype="str")
    return cells, np.asarray(lines, np.int64), broken

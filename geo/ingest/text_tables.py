"""Delimited text: encoding, delimiter, header and rows."""

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
from geo.ingest.encodings import REPLACEMENT, Decoded, decode_text
from geo.ingest.header_rows import HEADER_WITHIN, HeaderRows, find_header
from geo.ingest.quoting import has_stray_quotes, holds_rows, require_closed_quotes
from geo.ingest.raw_table import (
    DAMAGED,
    Note,
    RawTable,
    require_columns,
    require_rows,
    unique_names,
)

MAX_FIELD = 1 << 24
"""Characters of one cell, and of the line of a header."""
_DELIMITERS = (",", "\t", ";", "|")
_SEP_LINE = re.compile(r'[\s]*"?sep=([^\r\n"])"?[,;\t]*(?:\r\n|\r|\n)', re.IGNORECASE)
"""With which spreadsheets name the delimiter."""

Row = tuple[int, list[str]]
"""Line on which a row begins, and its cells."""


@dataclass(frozen=True)
class _Layout:
    """How a text is divided into rows and cells."""

    delimiter: str
    header: HeaderRows
    end: int
    """Lines up to the header, with it."""
    above: list[Row]


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
    """Read delimited text in any of the accepted encodings.

    Parameters
    ----------
    data, name, suffix : of the file.
    crs : of the coordinates, where it was given.
    layer : the register by whose words the header is found.
    known : further headers, normalised.
    encoding : one of `geo.ingest.encodings.ENCODINGS`, where the user named it.

    Raises
    ------
    ReadError : the encoding is not accepted, a quote is not closed, or there are no rows.
    """
    decoded = decode_text(data, name, encoding)
    text, offset, named = decoded.text, 0, None
    notes = encoding_notes(decoded)
    if not text.strip():
        raise ReadError(f"{name} is empty; give a file with a header line")
    if found := _SEP_LINE.match(text):
        named, offset = found[1], len(found[0].splitlines())
        text = text[found.end() :]
        notes.append(Note("first line names the delimiter", repr(named), line=offset))
    require_rows(name, max(text.count("\n"), text.count("\r")) - 1)
    layout = _find_layout(text, name, suffix, layer, known, named)
    require_columns(name, len(layout.header.names))
    notes += [
        Note("line above the header, not read", " ".join(filter(None, row))[:200], line=line + offset)
        for line, row in layout.above
    ]  # fmt: skip
    if layout.header.first != layout.header.last:
        notes.append(Note("header of two rows read as one", line=layout.end + offset))
    header = unique_names(
        cell.rstrip(REPLACEMENT).strip() or f"column_{k + 1}"
        for k, cell in enumerate(layout.header.names)
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
    """Return what is reported of the encoding of a text."""
    if decoded.unusual:
        detail = (
            f"read as {decoded.encoding}, which is not certain; check some names, and name another "
            "encoding with --encoding"
        )
        return [Note("unusual encoding", detail)]
    return []


def damaged_cells(cells: pd.DataFrame) -> list[Note]:
    """Return a note of each cell with a broken character."""
    notes = []
    for column in cells.columns:
        texts = cells[column]
        damaged = texts.map(lambda cell: isinstance(cell, str) and REPLACEMENT in cell)
        notes += [
            Note(DAMAGED, repr(texts.iloc[row]), str(column), row, repaired=True)
            for row in np.flatnonzero(damaged.to_numpy(bool)).tolist()
        ]
    return notes


def _find_layout(
    text: str, name: str, suffix: str, layer: str, known: Collection[str], named: str | None
) -> _Layout:
    """Return the delimiter and the header of which most is recognised."""
    candidates = [named] if named is not None else ["\t"] if suffix == ".tsv" else _DELIMITERS
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
        pass  # whoever reads all rows says which quote is not closed
    return rows, ends


def _read_even(
    text: str, layout: _Layout, names: list[str]
) -> tuple[pd.DataFrame, NDArray[np.int64]] | None:
    """Cells and lines of a text whose every row is one line of as many cells; None if it is not so."""
    if text.count("\r") != text.count("\r\n"):
        return None
    ended = text.count("\n") + (not text.endswith("\n"))
    if ended <= layout.end or ('"' in text and has_stray_quotes(text, layout.delimiter)):
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
    if len(table) != ended - layout.end:  # a row over several lines, or an empty line
        return None
    lines = np.arange(layout.end + 1, layout.end + len(table) + 1, dtype=np.int64)
    cells = table.to_pandas()
    bare = np.ones(len(cells), bool)
    for column in names:
        bare[bare] = (cells.loc[bare, column].str.strip() == "").to_numpy(bool)
        if not bare.any():
            return cells, lines
    return cells[~bare].reset_index(drop=True), lines[~bare]


def _lines(text: str, name: str, seen: list[str] | None = None) -> Iterator[str]:
    """Return the lines of a text one by one, each of them added to `seen` before."""
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if len(line) > MAX_FIELD:
            what = "begins with a line" if number == 1 else f"has a line, {number},"
            raise ReadError(
                f"{name} {what} of more than {MAX_FIELD:,} characters; give a table with one line a row"
            )
        if seen is not None:
            seen.append(line)
        yield line


def _read_uneven(
    text: str, name: str, layout: _Layout, header: list[str], offset: int
) -> tuple[pd.DataFrame, NDArray[np.int64], list[tuple[int, str, str]]]:
    """Cells, lines and broken rows of any delimited text.

    Raises
    ------
    ReadError : a quote is not closed, so that rows would become one cell.
    """
    csv.field_size_limit(MAX_FIELD)
    of_row: list[str] = []
    reader = csv.reader(_lines(text, name, of_row), delimiter=layout.delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    broken: list[tuple[int, str, str]] = []
    begin = 1
    try:
        for row in reader:
            line, begin = begin, reader.line_num + 1
            several = of_row.copy() if len(of_row) > 1 else None
            of_row.clear()
            if reader.line_num <= layout.end or not any(cell.strip() for cell in row):
                continue
            if several is not None and holds_rows(several, layout.delimiter, len(header)):
                raise ReadError(
                    f"{name}, line {line + offset}: a quotation mark opens in this line and closes only in line "
                    f"{reader.line_num + offset}, and the lines between are rows of their own; close it, or remove it"
                )
            extra = [cell for cell in row[len(header) :] if cell.strip()]
            if extra:
                why = f"{len(row)} cells where the header has {len(header)}"
                broken.append((line + offset, why, layout.delimiter.join(row)))
                continue
            rows.append(row[: len(header)] + [""] * (len(header) - len(row)))
            lines.append(line)
    except csv.Error as error:
        require_closed_quotes(name, begin + offset, of_row, layout.delimiter, error)
    cells = pd.DataFrame(rows, columns=header, dtype="str")
    return cells, np.asarray(lines, np.int64), broken

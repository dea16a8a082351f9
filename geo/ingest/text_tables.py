"""Delimited text: encoding, delimiter, header and rows."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from geo.errors import ReadError
from geo.ingest.raw_table import RawTable, require_columns, require_rows, unique_names

MAX_FIELD = 1 << 24
"""Characters of one cell, and of the line of a header."""


def decode(data: bytes, name: str = "the file") -> tuple[str, str]:
    """Text and encoding of bytes that are UTF-8, GB18030 or UTF-16, with or without BOM.

    Raises
    ------
    ReadError : the bytes are none of these.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise ReadError(
                    f"{name} is damaged {encoding} text ({error}); save it anew"
                ) from error
    head = data[:4000]
    guesses = ["utf-8", "gb18030"]
    # ASCII delimiters and digits make every second byte of UTF-16 zero.
    if head[1::2].count(0) > len(head) // 8:
        guesses = ["utf-16-le"]
    elif head[0::2].count(0) > len(head) // 8:
        guesses = ["utf-16-be"]
    for encoding in guesses:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise ReadError(f"{name} is neither UTF-8, GB18030 nor UTF-16 text; save it as UTF-8")


def read_text(data: bytes, name: str, suffix: str, crs: pyproj.CRS | None) -> RawTable:
    """Read delimited text in any of the accepted encodings."""
    text, encoding = decode(data, name)
    if not text.strip():
        raise ReadError(f"{name} is empty; give a file with a header line")
    first = re.search(r"[^\r\n]+", text)
    head = first.group() if first else ""
    if len(head) > MAX_FIELD:
        raise ReadError(
            f"{name} begins with a line of more than {MAX_FIELD:,} characters; give a table with one "
            "line a row"
        )
    require_rows(name, max(text.count("\n"), text.count("\r")) - 1)
    counts = {d: head.count(d) for d in (",", "\t", ";", "|")}
    delimiter = "\t" if suffix == ".tsv" else max(counts, key=lambda d: counts[d])
    require_columns(name, counts[delimiter] + 1)
    even = _read_even(text, delimiter)
    if even is None:
        cells, lines, broken = _read_uneven(text, name, delimiter)
    else:
        cells, lines, broken = *even, []
    require_rows(name, len(cells), len(cells.columns))
    if cells.empty and not broken:
        raise ReadError(f"{name} has a header but no rows; nothing to import")
    return RawTable(cells, lines, delimiter, None, crs, broken, encoding)


def _read_even(text: str, delimiter: str) -> tuple[pd.DataFrame, NDArray[np.int64]] | None:
    """Cells and lines of a text whose every row is one line of as many cells; None if it is not so."""
    if text.count("\r") != text.count("\r\n"):
        return None
    header = next(
        csv.reader([text[: text.index("\n")] if "\n" in text else text], delimiter=delimiter)
    )
    ended = text.count("\n") + (not text.endswith("\n"))
    if not any(cell.strip() for cell in header) or ended < 2:
        return None
    names = unique_names(cell.strip() or f"column_{k + 1}" for k, cell in enumerate(header))
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(text.encode()),
            arrow_csv.ReadOptions(column_names=names, skip_rows=1, block_size=1 << 24),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    if len(table) != ended - 1:  # a row over several lines, or an empty line
        return None
    lines = np.arange(2, len(table) + 2, dtype=np.int64)
    cells = table.to_pandas()
    bare = np.ones(len(cells), bool)
    for column in names:
        bare[bare] = (cells.loc[bare, column].str.strip() == "").to_numpy(bool)
        if not bare.any():
            return cells, lines
    return cells[~bare].reset_index(drop=True), lines[~bare]


def _lines(text: str, name: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if len(line) > MAX_FIELD:
            raise ReadError(
                f"{name}, line {number}: it has more than {MAX_FIELD:,} characters; give a table with "
                "one line a row"
            )
        yield line


def _read_uneven(
    text: str, name: str, delimiter: str
) -> tuple[pd.DataFrame, NDArray[np.int64], list[tuple[int, str, str]]]:
    """Cells, lines and broken rows of any delimited text."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(_lines(text, name), delimiter=delimiter)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    broken: list[tuple[int, str, str]] = []
    begin = 1
    try:
        for row in reader:
            line, begin = begin, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = [cell.strip() or f"column_{k + 1}" for k, cell in enumerate(row)]
                require_columns(name, len(header))
                continue
            extra = [cell for cell in row[len(header) :] if cell.strip()]
            if extra:
                why = f"{len(row)} cells where the header has {len(header)}"
                broken.append((line, why, delimiter.join(row)))
                continue
            rows.append(row[: len(header)] + [""] * (len(header) - len(row)))
            lines.append(line)
    except csv.Error as error:
        raise ReadError(f"{name}, line {reader.line_num}: {error}; mend the quoting") from error
    cells = pd.DataFrame(rows, columns=unique_names(header), dtype="str")
    return cells, np.asarray(lines, np.int64), broken

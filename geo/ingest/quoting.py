"""Quotation marks in delimited text that are not closed, or stand where they close nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from geo.errors import ReadError
from geo.ingest import values

_NARROW = 3
"""Columns up to which a line of text can have the commas of a row by chance."""


def has_stray_quotes(text: str, delimiter: str) -> bool:
    """Return whether quotes of a text are other than around cells of one line.

    Parameters
    ----------
    text : str
        With lines that end in a line feed, a carriage return or both.
    delimiter : str
        The character between cells.

    Returns
    -------
    bool
    """
    mark = re.escape(delimiter)
    # Possessive, so that a text of any length is scanned once, without a stack.
    cell = rf'(?:"[^"\r\n]*+(?:""[^"\r\n]*+)*+"|[^"{mark}\r\n]*+)'
    return re.fullmatch(rf"(?:{cell}[{mark}\r\n])*+{cell}", text) is None


def holds_rows(lines: Sequence[str], delimiter: str, columns: int) -> bool:
    """Whether a row of several lines has swallowed other rows: lines with as many cells as the header.

    Parameters
    ----------
    lines : of the row, as the file has them.
    delimiter : between cells.
    columns : of the header.
    """
    split = [line.replace('"', "").strip("\r\n").split(delimiter) for line in lines]
    alike = [cells for cells in split if len(cells) == columns]
    if columns <= _NARROW:
        alike = [
            cells
            for cells in alike
            if any(values.number_of(c) == values.number_of(c) for c in cells)
        ]
    return columns > 1 and len(alike) > 1


def require_closed_quotes(
    name: str, begin: int, lines: Sequence[str], delimiter: str, error: Exception
) -> NoReturn:
    """Refuse a text, naming the line where a quote opens that is not closed.

    Parameters
    ----------
    name : of the file.
    begin : line on which the row begins.
    lines : that were read of the row.
    delimiter : between cells.
    error : of the parser.
    """
    opening = re.compile(rf'(?:^|{re.escape(delimiter)})"([^"\r\n]*)')
    found = opening.search(lines[0]) if lines else None
    shown = f" ({found[1][:40]!r})" if found else ""
    until = f"the end of line {begin + len(lines) - 1}" if len(lines) > 1 else "the end of its cell"
    raise ReadError(
        f"{name}, line {begin}: a quotation mark opens a cell{shown} and is not closed before {until}; "
        "close it, or write quotation marks that belong to the text twice"
    ) from error

"""Checks of quotation marks in delimited text: unclosed, or within a cell."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NoReturn

from geo.errors import ReadError
from geo.ingest import values

_NARROW = 3
"""Largest number of columns whose delimiters a line of prose can have by chance."""


def has_stray_quotes(text: str, delimiter: str) -> bool:
    """Return whether a text has quotation marks other than around cells of one line.

    Parameters
    ----------
    text : str
        Text whose lines end with a line feed, a carriage return or both.
    delimiter : str
        Character between cells.

    Returns
    -------
    bool
        True if a quotation mark is within a cell or a quoted cell spans lines.

    Examples
    --------
    >>> has_stray_quotes('a,"b, c"', ","), has_stray_quotes('a,b "c"', ",")
    (False, True)
    """
    mark = re.escape(delimiter)
    # Possessive, so that a text of any length is scanned once, without a stack.
    cell = rf'(?:"[^"\r\n]*+(?:""[^"\r\n]*+)*+"|[^"{mark}\r\n]*+)'
    return re.fullmatch(rf"(?:{cell}[{mark}\r\n])*+{cell}", text) is None


def holds_rows(lines: Sequence[str], delimiter: str, columns: int) -> bool:
    """Return whether a row of several lines contains other rows, by an unclosed quotation mark.

    Parameters
    ----------
    lines : sequence of str
        Lines of the row, as the file has them.
    delimiter : str
        Character between cells.
    columns : int
        Number of columns of the header.

    Returns
    -------
    bool
        True if at least two of the lines have as many cells as the header.

    Examples
    --------
    >>> holds_rows(['1,"gate,5', '2,door,6', '3,yard",7'], ",", 3)
    True
    """
    split = [line.replace('"', "").strip("\r\n").split(delimiter) for line in lines]
    rows = [cells for cells in split if len(cells) == columns]
    if columns <= _NARROW:
        rows = [
            cells for cells in rows if any(not math.isnan(values.number_of(cell)) for cell in cells)
        ]
    return columns > 1 and len(rows) > 1


def require_closed_quotes(
    name: str, begin: int, lines: Sequence[str], delimiter: str, error: Exception
) -> NoReturn:
    """Raise an error that names the line of a quotation mark that is not closed.

    Parameters
    ----------
    name : str
        Name of the file.
    begin : int
        Line on which the row begins.
    lines : sequence of str
        Lines of the row that were read.
    delimiter : str
        Character between cells.
    error : Exception
        Error of the parser, the cause of the one that is raised.

    Returns
    -------
    NoReturn
        Never returns.

    Raises
    ------
    ReadError
        Always.
    """
    opening = re.compile(rf'(?:^|{re.escape(delimiter)})"([^"\r\n]*)')
    match = opening.search(lines[0]) if lines else None
    excerpt = f" ({match[1][:40]!r})" if match else ""
    until = f"the end of line {begin + len(lines) - 1}" if len(lines) > 1 else "the end of its cell"
    raise ReadError(
        f"{name}, line {begin}: a quotation mark opens a cell{excerpt} and is not closed before "
        f"{until}; close it, or write quotation marks that belong to the text twice"
    ) from error

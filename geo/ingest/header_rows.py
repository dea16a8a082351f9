"""Search for the header of a table, which may stand below titles and notes, in one row or two."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from geo.ingest import values
from geo.ingest.dictionary import normalise_word
from geo.ingest.headers import match_headers

HEADER_WITHIN = 12
"""First rows of a table that are searched for the header."""
_LONGEST_HEADER = 200
"""Characters of a cell that may be a header."""


@dataclass(frozen=True)
class HeaderRows:
    """The header of a table: its rows and names."""

    first: int
    """Position of its first row."""
    last: int
    """Position of the row above the values; another one than `first` in a header of two rows."""
    names: list[str]
    """Name of each column; empty where it has none."""
    score: int
    """Number of columns that are recognised, and of headers that the user names."""
    columns: dict[str, str] = field(default_factory=dict)
    """Column of the layer to the header that is recognised as it."""


def find_header(
    rows: Sequence[Sequence[Any]], layer: str, known: Collection[str] = ()
) -> HeaderRows | None:
    """Return the header among the first rows: the one of which most is recognised.

    Parameters
    ----------
    rows : sequence of sequence
        Cells of the first rows; `HEADER_WITHIN` of them are searched.
    layer : str
        Name of the layer whose words are recognised.
    known : collection of str, optional
        Further headers, normalised: those that the user or the deployment names.

    Returns
    -------
    HeaderRows or None
        Where no word is recognised, the first row that is at least half as wide as the table; None
        where every row is blank. Two rows are the header if more is recognised than in one: the
        lower name counts, and the upper one where that is blank.
    """
    rows = rows[:HEADER_WITHIN]
    filled = [sum(_text(cell) != "" for cell in row) for row in rows]
    if not any(filled):
        return None
    width = max(filled)
    half_width = max(1, (width + 1) // 2)
    first_wide = next(row for row, count in enumerate(filled) if count >= half_width)
    best = _scored(rows, first_wide, first_wide, layer, known)
    for row, cells in enumerate(rows):
        if filled[row] == 0 or _holds_values(cells):
            continue
        header = _scored(rows, row, row, layer, known)
        # A single word may be in a row of values by chance.
        least_score = 2 if row > first_wide else 1
        if header.score > best.score and header.score >= min(least_score, width):
            best = header
    for row in range(len(rows) - 1):
        if filled[row] and filled[row + 1] and _completes(rows[row], rows[row + 1]):
            header = _scored(rows, row, row + 1, layer, known)
            if header.score > best.score:
                best = header
    return best


def _scored(
    rows: Sequence[Sequence[Any]], first: int, last: int, layer: str, known: Collection[str]
) -> HeaderRows:
    """Return two rows, or one, as a header with its score."""
    size = max(len(rows[first]), len(rows[last]))
    names = [_cell(rows[last], i) or _cell(rows[first], i) for i in range(size)]
    # Empty and very long texts are no headers, and slow to compare.
    words = [name for name in names if 0 < len(name) <= _LONGEST_HEADER]
    columns = match_headers(layer, words).columns
    named = sum(normalise_word(word) in known for word in set(words) - set(columns.values()))
    return HeaderRows(first, last, names, len(columns) + named, columns)


def _cell(row: Sequence[Any], position: int) -> str:
    return _text(row[position]) if position < len(row) else ""


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _completes(upper: Sequence[Any], lower: Sequence[Any]) -> bool:
    """Return whether the lower row has names, and is blank somewhere below one of the upper."""
    return not _holds_values(lower) and any(
        _cell(upper, i) and not _cell(lower, i) for i in range(len(upper))
    )


def _holds_values(row: Sequence[Any]) -> bool:
    """Return whether most of the cells are numbers, which those of a header are not."""
    texts = [_text(cell) for cell in row if _text(cell)]
    numbers = sum(values.number_of(text) == values.number_of(text) for text in texts[:100])
    return 2 * numbers > min(len(texts), 100)

"""Where the header of a table is: under titles and notes, and over one row or two."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from geo.ingest import values
from geo.ingest.headers import normalised, recognise

HEADER_WITHIN = 12
"""Rows among which the header is looked for."""
_LONGEST_HEADER = 200


@dataclass(frozen=True)
class HeaderRows:
    """Which rows are the header of a table, and what it says."""

    first: int
    last: int
    """The row above the values; another one than `first` where the header has two rows."""
    names: list[str]
    score: int
    """Columns that are recognised, and headers that the user names."""
    columns: dict[str, str] = field(default_factory=dict)
    """Column to the header that is recognised as it."""


def find_header(
    rows: Sequence[Sequence[Any]], layer: str, known: Collection[str] = ()
) -> HeaderRows | None:
    """Return the header among the first rows: the one of which most is recognised.

    Parameters
    ----------
    rows : the first rows of the table, `HEADER_WITHIN` of them are looked at.
    layer : the register whose words are looked for.
    known : further headers, normalised: those that the user or the deployment names.

    Returns
    -------
    Where no word is recognised, the first row that is about as wide as the table; None where every
    row is blank. Of two rows the lower name counts, and the upper one where that is blank, if more
    is recognised so than in one row.
    """
    rows = rows[:HEADER_WITHIN]
    filled = [sum(_text(cell) != "" for cell in row) for row in rows]
    if not any(filled):
        return None
    width = max(filled)
    first_wide = next(k for k, count in enumerate(filled) if count >= max(1, (width + 1) // 2))
    best = _scored(rows, first_wide, first_wide, layer, known)
    for k in range(len(rows)):
        if filled[k] == 0 or _holds_values(rows[k]):
            continue
        one = _scored(rows, k, k, layer, known)
        # A single word may stand in a row of values by chance.
        enough = 2 if k > first_wide else 1
        if one.score > best.score and one.score >= min(enough, width):
            best = one
    for k in range(len(rows) - 1):
        if filled[k] and filled[k + 1] and _completes(rows[k], rows[k + 1]):
            two = _scored(rows, k, k + 1, layer, known)
            if two.score > best.score:
                best = two
    return best


def _scored(
    rows: Sequence[Sequence[Any]], first: int, last: int, layer: str, known: Collection[str]
) -> HeaderRows:
    size = max(len(rows[first]), len(rows[last]))
    names = [_cell(rows[last], k) or _cell(rows[first], k) for k in range(size)]
    # Empty and very long texts are no headers, and long to compare.
    words = [name for name in names if 0 < len(name) <= _LONGEST_HEADER]
    columns = recognise(layer, words).columns
    named = sum(normalised(word) in known for word in set(words) - set(columns.values()))
    return HeaderRows(first, last, names, len(columns) + named, columns)


def _cell(row: Sequence[Any], k: int) -> str:
    return _text(row[k]) if k < len(row) else ""


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _completes(upper: Sequence[Any], lower: Sequence[Any]) -> bool:
    """Whether the lower row has names, and is blank somewhere below one of the upper row."""
    return not _holds_values(lower) and any(
        _cell(upper, k) and not _cell(lower, k) for k in range(len(upper))
    )


def _holds_values(row: Sequence[Any]) -> bool:
    """Whether most of the cells are numbers, as no header's are."""
    texts = [_text(cell) for cell in row if _text(cell)]
    numbers = sum(values.number_of(text) == values.number_of(text) for text in texts[:100])
    return 2 * numbers > min(len(texts), 100)

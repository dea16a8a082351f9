"""Columns proposed by what they hold, where no word of the header is known."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from geo.ingest import values
from geo.ingest.angles import degrees_of, pair_of
from geo.ingest.bearings import directions_of
from geo.ingest.dates import year_first
from geo.ingest.headers import LAT, LON, WHERE
from geo.ingest.wkt import is_wkt
from geo.schema import Layer

SAMPLE_ROWS = 500
"""Rows that are looked at; a column that is empty in all of them is not proposed."""
_MOST = 0.9
"""Share of the cells that must be of a kind for the column to be."""
_DECIMALS = 3
"""Digits behind the point of most coordinates in degrees: 100 m."""
_UTC = ZoneInfo("UTC")
_SHOWN = 40
"""Characters of a cell that evidence quotes."""


_EVIDENCE = {
    "coordinates": "{part} of {rows} cells are coordinates, such as {shown!r}",
    "numbers": "numbers from {low:g} to {high:g}",
    "keys": "{rows} rows, all different, such as {shown!r}",
    "times": "{part} of {rows} cells are times, such as {shown!r}",
    "directions": "{part} of {rows} cells are directions, such as {shown!r}",
    "categories": "{different} different values in {rows} cells",
    "texts": "text, {different} different, such as {shown!r}",
}


@dataclass(frozen=True)
class Evidence:
    """What cells hold that speaks for a column: a kind of `_EVIDENCE` and what its text names."""

    kind: str
    facts: dict[str, Any]

    def __str__(self) -> str:
        """Return the evidence in English."""
        return _EVIDENCE[self.kind].format(**self.facts)


@dataclass(frozen=True)
class Proposal:
    """A header of the file, the column it may be, and why."""

    header: str
    column: str
    evidence: Evidence

    @property
    def option(self) -> str:
        """The option of the command line that follows the proposal."""
        return f"--rename {_quoted(f'{self.header}={self.column}')}"


def _quoted(text: str) -> str:
    return f'"{text}"' if re.search(r"[\s'\"()&;$*?<>|]", text) else text


def propose_columns(
    cells: pd.DataFrame,
    layer: Layer,
    taken: Mapping[str, str],
    *,
    bounds: tuple[float, float, float, float] | None = None,
    located: bool = False,
) -> list[Proposal]:
    """Return what the columns of a file that no word names may be, by what they hold.

    Parameters
    ----------
    cells : rows as they were read.
    layer : the register they are for.
    taken : column to header of those that are recognised; neither is proposed again.
    bounds : west, south, east, north of the deployment in degrees; tells longitude from latitude
        where both may be either.
    located : whether the rows have a geometry, so that no coordinates are looked for.

    Returns
    -------
    At most one proposal a header and column, coordinates and keys first. Nothing is certain: they
    are shown to the user, who confirms or corrects them.
    """
    columns = {
        str(header): [c for c in cells[header].iloc[:SAMPLE_ROWS] if not values.blank(c)]
        for header in cells.columns
        if header not in taken.values()
    }
    columns = {header: found for header, found in columns.items() if found}
    out: list[Proposal] = []
    if not located and WHERE not in taken and not {LON, LAT} <= set(taken):
        _add(out, columns, _coordinates(columns, bounds))
    rows = min(len(cells), SAMPLE_ROWS)
    for column, judge in _judges(layer, rows):
        if column in layer.names and column not in taken:
            found = [(header, judge(found)) for header, found in columns.items()]
            best = max(found, key=lambda item: item[1][0], default=None)
            if best is not None and best[1][1] is not None:
                _add(out, columns, [Proposal(best[0], column, best[1][1])])
    return out


def _add(out: list[Proposal], columns: dict[str, list[Any]], proposals: Sequence[Proposal]) -> None:
    for proposal in proposals:
        out.append(proposal)
        columns.pop(proposal.header, None)


Judged = tuple[float, Evidence | None]
Judge = Callable[[list[Any]], Judged]
"""How sure it is that cells are of a kind, and the evidence; 0 and None where they are not."""
_NOT: Judged = (0.0, None)


def _judges(layer: Layer, rows: int) -> list[tuple[str, Judge]]:
    """Columns in the order they are looked for: what is hard to mistake goes first."""
    when = [c.name for c in layer.columns if c.kind == "time"][:1]
    days = [c.name for c in layer.columns if c.kind == "date"][:1]
    return [
        *((name, _times) for name in when),
        ("bearing_deg", _bearings),
        (layer.key[-1], lambda cells: _keys(cells, rows)),
        *((name, _times) for name in days),
        ("category", _categories),
        ("name", _texts),
    ]


def _coordinates(
    columns: dict[str, list[Any]], bounds: tuple[float, float, float, float] | None
) -> list[Proposal]:
    for header, cells in columns.items():
        pairs = sum(pair_of(cell) is not None or is_wkt(cell) for cell in cells)
        if pairs >= _MOST * len(cells):
            shown = values.text_of(cells[0])[:_SHOWN]
            facts = {"part": pairs, "rows": len(cells), "shown": shown}
            return [Proposal(header, WHERE, Evidence("coordinates", facts))]
    numbers = {h: found for h, cells in columns.items() if (found := _degrees(cells)) is not None}
    names = list(numbers)
    for first, second in pairwise(names):
        order = _order(numbers[first], numbers[second], bounds)
        if order is None:
            continue
        lon, lat = (first, second) if order else (second, first)
        return [
            Proposal(
                h,
                column,
                Evidence(
                    "numbers", {"low": float(numbers[h].min()), "high": float(numbers[h].max())}
                ),
            )
            for h, column in ((lon, LON), (lat, LAT))
        ]
    return []


def _degrees(cells: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Numbers that may be degrees: at least half of them with some decimals."""
    fine = sum(bool(re.search(rf"[.,]\d{{{_DECIMALS},}}|['′’°]", str(cell))) for cell in cells)
    numbers = np.array([degrees_of(cell) for cell in cells])
    known = numbers[~np.isnan(numbers)]
    if fine < len(cells) / 2 or len(known) < _MOST * len(cells) or (np.abs(known) > 180).any():
        return None
    return known


def _order(
    first: np.ndarray[Any, np.dtype[np.float64]],
    second: np.ndarray[Any, np.dtype[np.float64]],
    bounds: tuple[float, float, float, float] | None,
) -> bool | None:
    """Whether longitude comes first; None where the two are no pair, or nothing says which is which."""
    if (np.abs(first) > 90).any():
        return True if (np.abs(second) <= 90).all() else None
    if (np.abs(second) > 90).any():
        return False
    if bounds is None:
        return None
    west, south, east, north = bounds
    x, y = float(np.median(first)), float(np.median(second))
    straight = west - 1 < x < east + 1 and south - 1 < y < north + 1
    crossed = west - 1 < y < east + 1 and south - 1 < x < north + 1
    return straight if straight != crossed else None


def _keys(cells: list[Any], rows: int) -> Judged:
    texts = [values.text_of(cell) for cell in cells]
    compact = all(len(text) <= 40 and not re.search(r"\s|\d\.\d", text) for text in texts)
    if len(texts) < rows or len(set(texts)) < len(texts) or not compact:
        return _NOT
    digits = sum(any(c.isdigit() for c in text) for text in texts) / len(texts)
    return 0.5 + digits / 2, Evidence("keys", {"rows": len(texts), "shown": texts[0]})


def _times(cells: list[Any]) -> Judged:
    known = sum(
        not re.fullmatch(r"\d+(\.\d+)?", values.text_of(cell))
        and values.time_of(year_first(cell, "day")[0], _UTC) is not None
        for cell in cells
    )
    share = known / len(cells)
    if share < _MOST:
        return _NOT
    shown = values.text_of(cells[0])[:_SHOWN]
    return share, Evidence("times", {"part": known, "rows": len(cells), "shown": shown})


def _bearings(cells: list[Any]) -> Judged:
    """Words or marked numbers in at least a third; plain numbers could be anything."""
    texts = [values.text_of(cell) for cell in cells]
    named = sum(math.isnan(values.number_of(text)) and bool(directions_of(text)) for text in texts)
    if named < max(1, len(texts) / 3):
        return _NOT
    shown = next(t for t in texts if math.isnan(values.number_of(t)) and directions_of(t))
    facts = {"part": named, "rows": len(texts), "shown": shown[:_SHOWN]}
    return named / len(texts), Evidence("directions", facts)


def _categories(cells: list[Any]) -> Judged:
    texts = [values.text_of(cell) for cell in cells]
    different = len(set(texts))
    words = all(not re.fullmatch(r"[\d.,:/ -]+", text) for text in texts)
    if not words or len(texts) < 4 or different > max(2, len(texts) / 4):
        return _NOT
    facts = {"different": different, "rows": len(texts)}
    return 1.0 - different / len(texts), Evidence("categories", facts)


def _texts(cells: list[Any]) -> Judged:
    texts = [values.text_of(cell) for cell in cells]
    letters = sum(sum(c.isalpha() for c in text) > len(text) / 2 for text in texts)
    different = len(set(texts)) / len(texts)
    if letters < _MOST * len(texts) or different <= 0.5:
        return _NOT
    facts = {"different": len(set(texts)), "shown": texts[0][:_SHOWN]}
    return different, Evidence("texts", facts)

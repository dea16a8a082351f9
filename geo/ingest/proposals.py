"""Proposals of a column by the cells under a header that no dictionary knows."""

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
from numpy.typing import NDArray

from geo.ingest import values
from geo.ingest.angles import degrees_of, pair_of
from geo.ingest.bearings import directions_of
from geo.ingest.dates import year_first
from geo.ingest.header_vocabulary import LAT, LON, WHERE
from geo.ingest.wkt import is_wkt
from geo.schema import Layer

SAMPLE_ROWS = 500
"""Rows that are examined; a header with no cell in them gets no proposal."""
_REQUIRED_SHARE = 0.9
"""Share of the cells that must be of a kind for the column to be."""
_DECIMALS = 3
"""Digits after the decimal mark of most coordinates in degrees: 100 m."""
_UTC = ZoneInfo("UTC")
_EXCERPT = 40
"""Characters of a cell that evidence quotes."""
_LONGEST_KEY = 40
_MARGIN_DEG = 1.0
"""Degrees by which the bounds of the deployment are widened."""

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

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
    """Evidence of cells for a column: a kind of `_EVIDENCE` and the values of its text."""

    kind: str
    facts: dict[str, Any]

    def __str__(self) -> str:
        """Return the evidence in English."""
        return _EVIDENCE[self.kind].format(**self.facts)


@dataclass(frozen=True)
class Proposal:
    """A header of the file, the column that it may be, and the evidence."""

    header: str
    column: str
    evidence: Evidence

    @property
    def option(self) -> str:
        """Return the option of the command line that follows the proposal.

        Returns
        -------
        str
            ``--rename HEADER=COLUMN``, quoted for a shell.
        """
        return f"--rename {_quoted(f'{self.header}={self.column}')}"


def _quoted(text: str) -> str:
    return f'"{text}"' if re.search(r"[\s'\"()&;$*?<>|]", text) else text


def propose_columns(
    cells: pd.DataFrame,
    layer: Layer,
    taken: Mapping[str, str],
    *,
    bounds: Bounds | None = None,
    located: bool = False,
) -> list[Proposal]:
    """Return the column that each unrecognised header of a file may be, judged by its cells.

    Parameters
    ----------
    cells : pandas.DataFrame
        Cells as they were read.
    layer : Layer
        Register to import into.
    taken : mapping of str to str
        Header by column of those that are recognised; neither is proposed again.
    bounds : tuple of float or None, optional
        West, south, east and north of the deployment in degrees; they distinguish longitude from
        latitude if either column can be both.
    located : bool, optional
        Whether the rows have a geometry, so that no coordinates are proposed.

    Returns
    -------
    list of Proposal
        At most one proposal per header and per column, coordinates first. The user has to confirm
        or correct them.
    """
    cells_of = {
        str(header): [
            cell for cell in cells[header].iloc[:SAMPLE_ROWS] if not values.is_blank(cell)
        ]
        for header in cells.columns
        if header not in taken.values()
    }
    cells_of = {header: sample for header, sample in cells_of.items() if sample}
    proposals: list[Proposal] = []
    if not located and WHERE not in taken and not {LON, LAT} <= set(taken):
        proposals += _propose_coordinates(cells_of, bounds)
        _remove_proposed(cells_of, proposals)
    rows = min(len(cells), SAMPLE_ROWS)
    for column, judge in _judges(layer, rows):
        if column in layer.names and column not in taken:
            verdicts = [(header, *judge(sample)) for header, sample in cells_of.items()]
            best = max(verdicts, key=lambda verdict: verdict[1], default=None)
            if best is not None and best[2] is not None:
                proposals.append(Proposal(best[0], column, best[2]))
                _remove_proposed(cells_of, proposals)
    return proposals


def _remove_proposed(cells_of: dict[str, list[Any]], proposals: Sequence[Proposal]) -> None:
    for proposal in proposals:
        cells_of.pop(proposal.header, None)


_Verdict = tuple[float, Evidence | None]
"""Score of cells as values of a column, and the evidence; 0 and None if they are none."""
_Judge = Callable[[list[Any]], _Verdict]
_REJECTED: _Verdict = (0.0, None)


def _judges(layer: Layer, rows: int) -> list[tuple[str, _Judge]]:
    """Return columns and their judges, the least ambiguous first."""
    times = [column.name for column in layer.columns if column.kind == "time"][:1]
    days = [column.name for column in layer.columns if column.kind == "date"][:1]
    return [
        *((name, _times) for name in times),
        ("bearing_deg", _bearings),
        (layer.key[-1], lambda cells: _keys(cells, rows)),
        *((name, _times) for name in days),
        ("category", _categories),
        ("name", _texts),
    ]


def _propose_coordinates(cells_of: dict[str, list[Any]], bounds: Bounds | None) -> list[Proposal]:
    """Return a column of pairs, or two adjacent columns that are longitude and latitude."""
    for header, cells in cells_of.items():
        pairs = sum(pair_of(cell) is not None or is_wkt(cell) for cell in cells)
        if pairs >= _REQUIRED_SHARE * len(cells):
            facts = {"part": pairs, "rows": len(cells), "shown": _excerpt(cells[0])}
            return [Proposal(header, WHERE, Evidence("coordinates", facts))]
    degrees_by_header = {
        header: degrees
        for header, cells in cells_of.items()
        if (degrees := _degrees(cells)) is not None
    }
    for first, second in pairwise(degrees_by_header):
        lon_first = _is_lon_first(degrees_by_header[first], degrees_by_header[second], bounds)
        if lon_first is None:
            continue
        lon, lat = (first, second) if lon_first else (second, first)
        return [
            Proposal(header, column, _range_evidence(degrees_by_header[header]))
            for header, column in ((lon, LON), (lat, LAT))
        ]
    return []


def _range_evidence(numbers: NDArray[np.float64]) -> Evidence:
    return Evidence("numbers", {"low": float(numbers.min()), "high": float(numbers.max())})


def _excerpt(cell: Any) -> str:
    return values.text_of(cell)[:_EXCERPT]


def _degrees(cells: list[Any]) -> NDArray[np.float64] | None:
    """Return cells as degrees; None unless half have enough decimals and most are in range."""
    precise = sum(bool(re.search(rf"[.,]\d{{{_DECIMALS},}}|['′’°]", str(cell))) for cell in cells)
    numbers = np.array([degrees_of(cell) for cell in cells])
    known: NDArray[np.float64] = numbers[~np.isnan(numbers)]
    if precise < len(cells) / 2 or len(known) < _REQUIRED_SHARE * len(cells):
        return None
    return None if (np.abs(known) > 180).any() else known


def _is_lon_first(
    first: NDArray[np.float64], second: NDArray[np.float64], bounds: Bounds | None
) -> bool | None:
    """Return whether the first column is the longitude; None if they are no pair or ambiguous."""
    if (np.abs(first) > 90).any():
        return True if (np.abs(second) <= 90).all() else None
    if (np.abs(second) > 90).any():
        return False
    if bounds is None:
        return None
    west, south, east, north = bounds
    west, south, east, north = (
        west - _MARGIN_DEG,
        south - _MARGIN_DEG,
        east + _MARGIN_DEG,
        north + _MARGIN_DEG,
    )
    x, y = float(np.median(first)), float(np.median(second))
    fits_as_written = west < x < east and south < y < north
    fits_exchanged = west < y < east and south < x < north
    return fits_as_written if fits_as_written != fits_exchanged else None


def _keys(cells: list[Any], rows: int) -> _Verdict:
    """Judge cells as keys: one in each row, all different, short and without spaces."""
    texts = [values.text_of(cell) for cell in cells]
    if len(texts) < rows or len(set(texts)) < len(texts):
        return _REJECTED
    if any(len(text) > _LONGEST_KEY or re.search(r"\s|\d\.\d", text) for text in texts):
        return _REJECTED
    share_with_digits = sum(any(c.isdigit() for c in text) for text in texts) / len(texts)
    return 0.5 + share_with_digits / 2, Evidence("keys", {"rows": len(texts), "shown": texts[0]})


def _times(cells: list[Any]) -> _Verdict:
    """Judge cells as times; plain numbers are none here."""
    known = sum(
        not re.fullmatch(r"\d+(\.\d+)?", values.text_of(cell))
        and values.time_of(year_first(cell, "day")[0], _UTC) is not None
        for cell in cells
    )
    share = known / len(cells)
    if share < _REQUIRED_SHARE:
        return _REJECTED
    facts = {"part": known, "rows": len(cells), "shown": _excerpt(cells[0])}
    return share, Evidence("times", facts)


def _bearings(cells: list[Any]) -> _Verdict:
    """Judge cells as directions in words or with a sign; plain numbers can have any meaning."""
    texts = [values.text_of(cell) for cell in cells]
    directions = [
        text for text in texts if math.isnan(values.number_of(text)) and directions_of(text)
    ]
    if len(directions) < max(1, len(texts) / 3):
        return _REJECTED
    facts = {"part": len(directions), "rows": len(texts), "shown": directions[0][:_EXCERPT]}
    return len(directions) / len(texts), Evidence("directions", facts)


def _categories(cells: list[Any]) -> _Verdict:
    """Judge cells as categories: words of which few are different."""
    texts = [values.text_of(cell) for cell in cells]
    different = len(set(texts))
    are_words = all(not re.fullmatch(r"[\d.,:/ -]+", text) for text in texts)
    if not are_words or len(texts) < 4 or different > max(2, len(texts) / 4):
        return _REJECTED
    facts = {"different": different, "rows": len(texts)}
    return 1.0 - different / len(texts), Evidence("categories", facts)


def _texts(cells: list[Any]) -> _Verdict:
    """Judge cells as names: text of which most are different."""
    texts = [values.text_of(cell) for cell in cells]
    with_letters = sum(sum(c.isalpha() for c in text) > len(text) / 2 for text in texts)
    distinct_share = len(set(texts)) / len(texts)
    if with_letters < _REQUIRED_SHARE * len(texts) or distinct_share <= 0.5:
        return _REJECTED
    facts = {"different": len(set(texts)), "shown": texts[0][:_EXCERPT]}
    return distinct_share, Evidence("texts", facts)

"""Points from columns of coordinates: longitude and latitude, or both in one column."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geo.import_reasons import ReasonCode, RowAction
from geo.ingest import values
from geo.ingest.angles import angle_of, names_axes, pair_of
from geo.ingest.columns import plain_numbers
from geo.ingest.dictionary import normalise_word
from geo.ingest.findings import CleaningTable, rows_where
from geo.ingest.header_vocabulary import LAT, LON, WHERE
from geo.ingest.notation import Notation

_AXES_MIXED = "a latitude in the column of longitudes, or the other way round"
_LON_FIRST = frozenset(
    normalise_word(header) for header in ("lonlat", "lnglat", "lon_lat", "经纬度", "经度纬度", "xy")
)
"""Headers of columns of pairs that write the longitude first."""


@dataclass
class _Coordinates:
    """Coordinates of the rows as far as they have been read."""

    work: CleaningTable
    crs: pyproj.CRS
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    unreadable: dict[int, str] = field(default_factory=dict)
    """What could not be read, by row."""
    named_axes: dict[int, dict[str, str]] = field(default_factory=dict)
    """By row and column (lon or lat): the axis that a hemisphere in the cell names."""

    @classmethod
    def of(cls, work: CleaningTable, crs: pyproj.CRS) -> _Coordinates:
        """Return coordinates of which none has been read."""
        count = len(work.raw.cells)
        return cls(work, crs, np.full(count, np.nan), np.full(count, np.nan))

    def read_axes(self, columns: dict[str, str], notation: Notation) -> None:
        """Read a column of longitudes and one of latitudes."""
        for axis, target in ((LON, self.x), (LAT, self.y)):
            self._read_axis(axis, columns[axis], target, notation.decimal.get(axis))
        self._exchange_named()

    def _read_axis(self, axis: str, header: str, target: NDArray[np.float64], decimal: Any) -> None:
        cells = self.work.raw.cells[header]
        # With a comma as decimal mark, 357.376 is 357376 metres.
        if not (self.crs.is_projected and decimal == ","):
            target[:] = plain_numbers(cells)
        rest = np.flatnonzero(np.isnan(target))
        for row, cell in zip(rest.tolist(), cells.iloc[rest], strict=True):
            if values.is_blank(cell):
                continue
            if self.crs.is_projected:
                target[row] = values.number_of(cell, decimal or ".")
            else:
                target[row], named = angle_of(cell)
                if named is not None:
                    self.named_axes.setdefault(row, {})[axis] = named
            if math.isnan(target[row]):
                self.unreadable[row] = f"{header} {values.text_of(cell)!r}"

    def _exchange_named(self) -> None:
        """Exchange coordinates whose hemispheres show that each is in the other's column."""
        x, y = self.x, self.y
        for row, named in self.named_axes.items():
            wrong = [axis for axis, named_axis in named.items() if axis != named_axis]
            if not wrong:
                continue
            if len(wrong) == len(named) and not (math.isnan(x[row]) or math.isnan(y[row])):
                x[row], y[row] = y[row], x[row]
                detail = "by their hemispheres"
                self.work.report(row, RowAction.REPAIRED, ReasonCode.AXES_EXCHANGED, detail=detail)
            else:
                self.unreadable[row] = _AXES_MIXED

    def read_pairs(self, header: str) -> None:
        """Fill missing coordinates from a column of pairs."""
        x, y = self.x, self.y
        lon_first = self.crs.is_projected or normalise_word(header) in _LON_FIRST
        for row, cell in enumerate(self.work.raw.cells[header]):
            if values.is_blank(cell) or not (math.isnan(x[row]) or math.isnan(y[row])):
                continue
            if not any(character.isdigit() for character in str(cell)):
                continue  # exports write "(,)" for an empty pair
            pair = pair_of(cell)
            if pair is None:
                self.unreadable.setdefault(row, f"{header} {values.text_of(cell)!r}")
                continue
            self.unreadable.pop(row, None)
            # WKT has x first, hemispheres name the axes, other text has the latitude first.
            x[row], y[row] = pair if lon_first or names_axes(cell) else pair[::-1]


def read_points(
    work: CleaningTable,
    columns: dict[str, str],
    crs: pyproj.CRS,
    has_grid: NDArray[np.bool_],
    notation: Notation,
) -> np.ndarray[Any, Any]:
    """Return a point for each row; reject rows without readable coordinates.

    Parameters
    ----------
    work : CleaningTable
        Table that is cleaned; findings are added and rejected rows marked.
    columns : dict of str to str
        Header by column of the layer.
    crs : pyproj.CRS
        CRS of the coordinates.
    has_grid : numpy.ndarray of bool, shape (rows,)
        Whether the row names a grid; that may replace coordinates if the layer permits it.
    notation : Notation
        How the columns write numbers.

    Returns
    -------
    numpy.ndarray of object, shape (rows,)
        Points in `crs`; None for a row that has none or was rejected.
    """
    coordinates = _Coordinates.of(work, crs)
    if LON in columns and LAT in columns:
        coordinates.read_axes(columns, notation)
    if WHERE in columns:
        coordinates.read_pairs(columns[WHERE])
    for row, detail in coordinates.unreadable.items():
        work.report(row, RowAction.REJECTED, ReasonCode.UNREADABLE_COORDINATES, detail=detail)
    x, y = coordinates.x, coordinates.y
    is_missing = np.isnan(x) | np.isnan(y)
    is_zero = ~is_missing & (x == 0) & (y == 0)
    for row in rows_where((is_missing | is_zero) & work.accepted):
        if work.layer.geometry_needed or is_zero[row] or not has_grid[row]:
            reason = ReasonCode.ZERO_COORDINATES if is_zero[row] else ReasonCode.NO_COORDINATES
            work.report(row, RowAction.REJECTED, reason)
    is_usable = ~is_missing & ~is_zero
    points = np.full(len(x), None, dtype=object)
    points[is_usable] = shapely.points(x[is_usable], y[is_usable])
    return points

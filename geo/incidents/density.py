"""Incident density: counts by grid and their rates by area, people, day and street."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.crs import require_metric
from geo.errors import ColumnError
from geo.frames import array_of, moment_of, numbers_of
from geo.geometry.shapes import lines_of, shapes_of
from geo.incidents.locations import grid_positions
from geo.incidents.times import Period, incident_times, span_ends
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series


def density_by_grid(
    grids: GeoDataFrame,
    incidents: GeoDataFrame,
    period: Period | None = None,
    *,
    open_m2: ArrayLike | None = None,
    streets: GeoDataFrame | None = None,
) -> DataFrame:
    """Return the incidents in each grid, and their rates.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS; with `population` (people) where rates by people are wanted.
    incidents : geopandas.GeoDataFrame
        Points, same CRS, with times (see `incident_times`) where rates by day are wanted.
    period : tuple of pandas.Timestamp or str, optional
        From (included) and to (excluded), timezone-aware or UTC. Unless given, all incidents count,
        and days run from the first to the last day that has one. An incident known only within a
        span of more than a week (occurred_from, occurred_to) counts where the whole span lies in
        the period.
    open_m2 : array_like of float, optional
        Open ground of each grid, square metres (as `coverage_by_grid` returns it), in their order.
    streets : geopandas.GeoDataFrame, optional
        Lines, same CRS. A street along a border counts in the grids on both sides.

    Returns
    -------
    pandas.DataFrame
        One row per grid, on the index of `grids`: `count`, `per_km2`, `per_1000_people` (NaN where
        the population is unknown or 0), `per_day` (NaN without times); with `open_m2` also
        `per_open_km2`, with `streets` also `per_street_km` (NaN where there is no open ground or no
        street). ``.attrs["outside"]`` is the number of incidents outside every grid,
        ``.attrs["period"]`` the period used (two texts in ISO 8601, None without times).

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    ColumnError
        If the period is empty, incidents have no time in spite of a period, or `open_m2` is of
        another length.
    GeometryError
        If a grid is not a valid polygon, an incident is not a point, or a street is not a line.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1000, 500)], crs=32650)
    >>> points = gpd.GeoDataFrame(geometry=[shapely.Point(5, 5), shapely.Point(-5, 5)], crs=32650)
    >>> table = geo.density_by_grid(grids, points)
    >>> int(table["count"].iloc[0]), float(table["per_km2"].iloc[0]), table.attrs["outside"]
    (1, 2.0, 1)
    """
    times, ends = incident_times(incidents), span_ends(incidents)
    start, end = _bounds(times, ends, period)
    position = grid_positions(grids, incidents)
    inside = np.ones(len(incidents), bool)
    if period is not None:
        inside = ((times >= start) & (times < end) & ~(ends > end)).to_numpy()
    return _rates(position[inside], start, end, _bases(grids, open_m2, streets), grids.index)


def density_by_period(
    grids: GeoDataFrame,
    incidents: GeoDataFrame,
    periods: Mapping[str, Period],
    *,
    open_m2: ArrayLike | None = None,
    streets: GeoDataFrame | None = None,
) -> DataFrame:
    """Return the incidents and rates of each grid in several periods; incidents are located once.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        As for `density_by_grid`.
    incidents : geopandas.GeoDataFrame
        As for `density_by_grid`, with times.
    periods : mapping of str to tuple
        From (included) and to (excluded) of each period by its name; they may overlap.
    open_m2 : array_like of float, optional
        As for `density_by_grid`.
    streets : geopandas.GeoDataFrame, optional
        As for `density_by_grid`.

    Returns
    -------
    pandas.DataFrame
        The columns of `density_by_grid`, indexed by `period` (in the order given) and grid.
        ``.attrs["outside"]`` is the number of incidents outside every grid, by period.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    ColumnError
        If no period is given or one is empty, incidents have no time, or `open_m2` is of another
        length.
    GeometryError
        If a grid is not a valid polygon, an incident is not a point, or a street is not a line.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1000, 500)], crs=32650)
    >>> points = gpd.GeoDataFrame(
    ...     {"occurred_at": ["2026-01-05", "2026-02-05", "2026-02-06"]},
    ...     geometry=[shapely.Point(5, 5)] * 3, crs=32650)
    >>> table = geo.density_by_period(grids, points, {
    ...     "January": ("2026-01-01", "2026-02-01"), "February": ("2026-02-01", "2026-03-01")})
    >>> table["count"].tolist()
    [1, 2]
    """
    if not periods:
        raise ColumnError("no period was given; name at least one, with its start and end")
    times, ends = incident_times(incidents), span_ends(incidents)
    position = grid_positions(grids, incidents)
    bases = _bases(grids, open_m2, streets)
    tables, outside = {}, {}
    for name, period in periods.items():
        start, end = _bounds(times, ends, period)
        inside = ((times >= start) & (times < end) & ~(ends > end)).to_numpy()
        table = _rates(position[inside], start, end, bases, grids.index)
        outside[name] = table.attrs.pop("outside")
        table.attrs.clear()
        tables[name] = table
    out = pd.concat(tables, names=["period"])
    out.attrs["outside"] = outside
    return out


def _bases(
    grids: GeoDataFrame, open_m2: ArrayLike | None, streets: GeoDataFrame | None
) -> dict[str, NDArray[np.float64]]:
    """Return what the count of each grid is divided by, by the name of the rate."""
    bases = {"per_km2": shapely.area(shapes_of(grids, "grids")) / 1e6}
    warn_of_unused(grids, "grids", ("population",))
    bases["per_1000_people"] = numbers_of(grids, "population") / 1000.0
    if open_m2 is not None:
        ground = array_of(open_m2, "open_m2", grids.index, "grid")
        bases["per_open_km2"] = ground / 1e6
    if streets is not None:
        bases["per_street_km"] = _street_km(grids, streets)
    return bases


def _street_km(grids: GeoDataFrame, streets: GeoDataFrame) -> NDArray[np.float64]:
    """Return the length of streets in each grid, kilometres."""
    require_metric(grids, streets)
    cells, lines = shapes_of(grids, "grids"), lines_of(streets, "streets")
    line, cell = shapely.STRtree(cells).query(lines, predicate="intersects")
    lengths = shapely.length(shapely.intersection(lines[line], cells[cell]))
    return np.bincount(cell, weights=lengths, minlength=len(cells)) / 1000.0


def _rates(
    position: NDArray[np.int64],
    start: pd.Timestamp | None,
    end: pd.Timestamp | None,
    bases: dict[str, NDArray[np.float64]],
    index: pd.Index,
) -> DataFrame:
    """Return counts and rates of the grids from the grid of each incident."""
    count = np.bincount(position[position >= 0], minlength=len(index))
    days = (end - start) / pd.Timedelta(days=1) if start is not None and end is not None else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = {name: np.where(base > 0, count / base, np.nan) for name, base in bases.items()}
        first = {name: rates.pop(name) for name in ("per_km2", "per_1000_people")}
        out = pd.DataFrame({"count": count} | first | {"per_day": count / days} | rates, index)
    out.attrs["outside"] = int((position < 0).sum())
    out.attrs["period"] = tuple(None if p is None else p.isoformat() for p in (start, end))
    return out


def _bounds(
    times: Series, ends: Series, period: Period | None
) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """Return begin and end (excluded) of a period, by default that of the incidents, or None."""
    if period is None:
        known = times.dropna()
        if known.empty:
            return None, None
        last = known.max().floor("D") + pd.Timedelta(days=1)
        return known.min().floor("D"), last if ends.isna().all() else max(last, ends.max())
    start, end = (moment_of(p, "the period") for p in period)
    start = start.tz_localize("UTC") if start.tzinfo is None else start.tz_convert("UTC")
    end = end.tz_localize("UTC") if end.tzinfo is None else end.tz_convert("UTC")
    if not start < end:
        raise ColumnError(f"the period from {start} to {end} is empty; give an earlier start")
    if len(times) and times.isna().all():
        raise ColumnError("a period was given but the incidents have no time column")
    return start, end

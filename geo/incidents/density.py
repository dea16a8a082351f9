"""Incidents by grid: counted once each, and set against area, people and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.coverage._edges import require_polygons
from geo.crs import require_metric
from geo.errors import ColumnError, GeometryError
from geo.incidents._join import locate

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

Period = tuple[pd.Timestamp | str, pd.Timestamp | str]
TIME_COLUMNS = ("occurred_at", "occurred_from", "reported_at")


def incident_times(incidents: GeoDataFrame) -> Series:
    """When each incident happened: occurred_at, else occurred_from, else reported_at (UTC)."""
    times = pd.Series(pd.NaT, index=incidents.index, dtype="datetime64[ns, UTC]")
    for column in TIME_COLUMNS:
        if column in incidents:
            times = times.fillna(pd.to_datetime(incidents[column], utc=True))
    return times


def point_coordinates(
    points: GeoDataFrame,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of points, NaN where one is missing or empty.

    Raises
    ------
    GeometryError : a geometry is of another type.
    """
    shapes = np.asarray(points.geometry.values)
    others = shapes[shapely.get_type_id(shapes) > 0]
    if not shapely.is_empty(others).all():
        raise GeometryError("incidents must be points; take .representative_point() of others")
    return shapely.get_x(shapes), shapely.get_y(shapes)


def grid_of(grids: GeoDataFrame, incidents: GeoDataFrame) -> NDArray[np.int64]:
    """Position of the grid each incident lies in, -1 outside every grid.

    A point on a border belongs to the grid that comes first in `grids`, so that it counts once.
    An incident without a point counts in the grid its `grid` column names.

    Parameters
    ----------
    grids : polygons; the index (or the `code` column) is what the `grid` column names.
    incidents : points in the same CRS, some of which may be missing.

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    GeometryError : a grid is no valid polygon, or an incident is no point.
    """
    require_metric(grids, incidents)
    cells, rings = require_polygons(grids, "grids")
    points = np.asarray(incidents.geometry.values)
    x, y = point_coordinates(incidents)
    there = np.isfinite(x) & np.isfinite(y)
    out = np.full(len(incidents), len(grids), np.int64)
    rows = np.flatnonzero(there)
    if len(grids) and len(rows):
        found = locate(x[rows], y[rows], rings)
        out[rows] = np.where(found >= 0, found, len(grids))
        doubtful = rows[found == -2]
        grid, which = shapely.STRtree(points[doubtful]).query(cells, predicate="intersects")
        np.minimum.at(out, doubtful[which], grid)
    if "grid" in incidents and not there.all():
        codes = grids["code"] if "code" in grids else pd.Series(grids.index, index=grids.index)
        position = pd.Series(np.arange(len(grids)), index=codes.astype(str).to_numpy())
        position = position[~position.index.duplicated()]
        named = incidents["grid"].astype(object).where(incidents["grid"].notna(), "")
        known = position.reindex(named[~there].astype(str)).to_numpy()
        out[~there] = np.where(np.isnan(known), len(grids), known).astype(np.int64)
    out[out == len(grids)] = -1
    return out


def density_by_grid(
    grids: GeoDataFrame, incidents: GeoDataFrame, period: Period | None = None
) -> DataFrame:
    """Incidents in each grid, and their rates.

    Parameters
    ----------
    grids : polygons, metric CRS; `population` (people) where rates by people are wanted.
    incidents : points, same CRS; `occurred_at` (or `occurred_from`, `reported_at`).
    period : from (included) and to (excluded), timezone-aware or UTC. Unless given, all
        incidents count, and days run from the first to the last day that has one.

    Returns
    -------
    One row a grid, on the index of `grids`: `count`, `per_km2`, `per_1000_people` (NaN where the
    population is unknown or 0), `per_day` (NaN without times). ``.attrs["outside"]`` is the
    number of incidents outside every grid, ``.attrs["period"]`` the period used.

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    ColumnError : a period was given that is empty, or incidents have no time.
    GeometryError : a grid is no valid polygon, or an incident is no point.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1000, 500)], crs=32650)
    >>> points = gpd.GeoDataFrame(geometry=[shapely.Point(5, 5), shapely.Point(-5, 5)], crs=32650)
    >>> table = geo.density_by_grid(grids, points)
    >>> int(table["count"].iloc[0]), float(table["per_km2"].iloc[0]), table.attrs["outside"]
    (1, 2.0, 1)
    """
    times = incident_times(incidents)
    start, end = _bounds(times, period)
    if period is not None:
        inside = ((times >= start) & (times < end)).to_numpy()
        incidents = incidents[inside]
    position = grid_of(grids, incidents)
    count = np.bincount(position[position >= 0], minlength=len(grids))
    area_km2 = shapely.area(np.asarray(grids.geometry.values)) / 1e6
    people = np.full(len(grids), np.nan)
    if "population" in grids:
        people = grids["population"].to_numpy(float, na_value=np.nan)
    days = (end - start) / pd.Timedelta(days=1) if start is not None and end is not None else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        out = pd.DataFrame(
            {
                "count": count,
                "per_km2": count / area_km2,
                "per_1000_people": np.where(people > 0, count / people * 1000.0, np.nan),
                "per_day": count / days,
            },
            index=grids.index,
        )
    out.attrs["outside"] = int((position < 0).sum())
    out.attrs["period"] = (start, end)
    return out


def _bounds(
    times: Series, period: Period | None
) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    if period is None:
        known = times.dropna()
        if known.empty:
            return None, None
        return known.min().floor("D"), known.max().floor("D") + pd.Timedelta(days=1)
    start, end = (pd.Timestamp(p) for p in period)
    start = start.tz_localize("UTC") if start.tzinfo is None else start.tz_convert("UTC")
    end = end.tz_localize("UTC") if end.tzinfo is None else end.tz_convert("UTC")
    if not start < end:
        raise ColumnError(f"the period from {start} to {end} is empty; give an earlier start")
    if len(times) and times.isna().all():
        raise ColumnError("a period was given but the incidents have no time column")
    return start, end


def counts_by_month(
    grids: GeoDataFrame, incidents: GeoDataFrame, *, timezone: str = "Asia/Shanghai"
) -> DataFrame:
    """Incidents by grid, month and category, only where there are any.

    Parameters
    ----------
    grids, incidents : as for `density_by_grid`; `category` is ``other`` where absent.
    timezone : in which a month begins.

    Returns
    -------
    Columns `grid` (label in the index of `grids`; "" outside every grid), `month` (first day),
    `category`, `count`. Incidents without any time are left out.
    """
    times = incident_times(incidents)
    known = times.notna().to_numpy()
    position = grid_of(grids, incidents)[known]
    labels = np.append(grids.index.astype(str).to_numpy().astype(object), "")
    local = times[known].dt.tz_convert(timezone).dt.tz_localize(None)
    category = (
        incidents["category"].fillna("other").astype(str)
        if "category" in incidents
        else pd.Series("other", index=incidents.index)
    )
    frame = pd.DataFrame(
        {
            "grid": labels[position],
            "month": local.dt.to_period("M").dt.to_timestamp().dt.date.to_numpy(),
            "category": category.to_numpy()[known],
        }
    )
    return frame.groupby(["grid", "month", "category"]).size().rename("count").reset_index()

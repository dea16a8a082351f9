"""Incidents by grid: counted once each, and set against area, people and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.crs import require_metric
from geo.errors import ColumnError
from geo.frames import array_of, codes_of, local_times, moment_of, numbers_of, texts_of, times_of
from geo.geometry.point_location import locate
from geo.geometry.polygons import require_polygons
from geo.geometry.shapes import lines_of, points_of, shapes_of
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series

Period = tuple[pd.Timestamp | str, pd.Timestamp | str]
TIME_COLUMNS = ("occurred_at", "occurred_from", "reported_at")
LONG_SPAN = pd.Timedelta(days=7)
"""An incident known only within a longer span counts in that span, and in no hour, day or week."""


def incident_times(incidents: GeoDataFrame) -> Series:
    """When each incident happened: occurred_at, else occurred_from, else reported_at (UTC)."""
    warn_of_unused(incidents, "incidents", TIME_COLUMNS)
    times = times_of(incidents, TIME_COLUMNS[0])
    for column in TIME_COLUMNS[1:]:
        if times.isna().any():
            others = times_of(incidents, column)
            times = times.where(times.notna(), others)
    return times.rename(None)


def span_ends(incidents: GeoDataFrame) -> Series:
    """End of the span of each incident that is known only within more than `LONG_SPAN` (UTC); else NaT."""
    ends = pd.Series(pd.NaT, index=incidents.index, dtype="datetime64[ns, UTC]")
    if not {"occurred_from", "occurred_to"} <= set(incidents.columns):
        return ends
    start, end = (times_of(incidents, name) for name in ("occurred_from", "occurred_to"))
    wide = (end - start) > LONG_SPAN
    for column in ("occurred_at", "reported_at"):
        if column in incidents:
            wide &= times_of(incidents, column).isna()
    return ends.mask(wide, end)


def incident_moments(incidents: GeoDataFrame) -> Series:
    """As `incident_times`, NaT where only a span longer than `LONG_SPAN` is known."""
    return incident_times(incidents).mask(span_ends(incidents).notna())


def point_coordinates(
    points: GeoDataFrame | GeoSeries, what: str = "incidents"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coordinates of points, NaN where one is missing or empty.

    Parameters
    ----------
    points : geopandas.GeoDataFrame or geopandas.GeoSeries
        Points, some of which may be missing.
    what : str
        What they are, for the message.

    Returns
    -------
    tuple of numpy.ndarray
        x and y, one a row.

    Raises
    ------
    GeometryError
        If a geometry is of another type; the rows are named.
    """
    shapes = points_of(points, what, missing=True)
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
    require_metric(grids, located=incidents)
    cells, rings = require_polygons(grids, "grids")
    points = points_of(incidents, "incidents", missing=True)
    x, y = shapely.get_x(points), shapely.get_y(points)
    there = np.isfinite(x) & np.isfinite(y)
    out = np.full(len(incidents), len(grids), np.int64)
    rows = np.flatnonzero(there)
    if len(grids) and len(rows):
        found = locate(x[rows], y[rows], rings)
        out[rows] = np.where(found >= 0, found, len(grids))
        doubtful = rows[found == -2]
        grid, which = shapely.STRtree(points[doubtful]).query(cells, predicate="intersects")
        np.minimum.at(out, doubtful[which], grid)
    named = texts_of(incidents, "grid").to_numpy()[~there]
    if any(code is not None for code in named):
        own = texts_of(grids, "code")
        codes = codes_of(grids if own.isna().any() else grids.set_index(own), "grids")
        position = {code: k for k, code in enumerate(codes)}
        out[~there] = [position.get(str(code), len(grids)) for code in named]
    out[out == len(grids)] = -1
    return out


def density_by_grid(
    grids: GeoDataFrame,
    incidents: GeoDataFrame,
    period: Period | None = None,
    *,
    open_m2: ArrayLike | None = None,
    streets: GeoDataFrame | None = None,
) -> DataFrame:
    """Incidents in each grid, and their rates.

    Parameters
    ----------
    grids : polygons, metric CRS; `population` (people) where rates by people are wanted.
    incidents : points, same CRS; `occurred_at` (or `occurred_from`, `reported_at`).
    period : from (included) and to (excluded), timezone-aware or UTC. Unless given, all
        incidents count, and days run from the first to the last day that has one. An incident
        known only within a span of more than a week (`occurred_from`, `occurred_to`) counts where
        the whole span lies in the period.
    open_m2 : open ground of each grid, m² (`coverage_by_grid` tells it), in their order.
    streets : lines, same CRS. A street along a border lies in the grids on both sides.

    Returns
    -------
    One row a grid, on the index of `grids`: `count`, `per_km2`, `per_1000_people` (NaN where the
    population is unknown or 0), `per_day` (NaN without times); with open_m2 `per_open_km2`, with
    streets `per_street_km` (NaN where there is no open ground, no street).
    ``.attrs["outside"]`` is the number of incidents outside every grid, ``.attrs["period"]`` the
    period used (two texts in the notation of ISO 8601, None without times).

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    ColumnError : a period was given that is empty, or incidents have no time; open_m2 is not one
        a grid.
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
    times, ends = incident_times(incidents), span_ends(incidents)
    start, end = _bounds(times, ends, period)
    position = grid_of(grids, incidents)
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
    """Incidents and rates of each grid in several periods, incidents located once.

    Parameters
    ----------
    grids, incidents, open_m2, streets : as for `density_by_grid`.
    periods : from and to of each, by name; they may overlap.

    Returns
    -------
    The columns of `density_by_grid`, indexed by `period` (in the order given) and grid.
    ``.attrs["outside"]`` is by period the number of incidents outside every grid.

    Raises
    ------
    As `density_by_grid`; ColumnError also where no period is given.

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
    position = grid_of(grids, incidents)
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
    """What the count of each grid is divided by, by the name of the rate."""
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
    count = np.bincount(position[position >= 0], minlength=len(index))
    days = (end - start) / pd.Timedelta(days=1) if start is not None and end is not None else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = {name: np.where(base > 0, count / base, np.nan) for name, base in bases.items()}
        first = {name: rates.pop(name) for name in ("per_km2", "per_1000_people")}
        out = pd.DataFrame({"count": count} | first | {"per_day": count / days} | rates, index)
    out.attrs["outside"] = int((position < 0).sum())
    out.attrs["period"] = tuple(None if p is None else p.isoformat() for p in (start, end))
    return out


def local_day(moment: pd.Timestamp | str, timezone: str) -> pd.Timestamp:
    """Midnight of a day of the local calendar, without a zone."""
    stamp = moment_of(moment, "the period")
    if stamp.tzinfo is not None:
        stamp = local_times(pd.Series([stamp]), timezone).iloc[0]
    return stamp.normalize()


def _bounds(
    times: Series, ends: Series, period: Period | None
) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
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
    `category`, `count`. Incidents without any time are left out, and those known only within a
    span of more than a week that reaches over a month's end.
    """
    return months_of(incident_events(grids, incidents), timezone)


def months_of(events: DataFrame, timezone: str) -> DataFrame:
    """`counts_by_month` of what `incident_events` gave."""
    local = local_times(events["at"], timezone)
    if "until" in events:
        last = local_times(events["until"] - pd.Timedelta(microseconds=1), timezone)
        split = events["until"].notna() & (last.dt.to_period("M") != local.dt.to_period("M"))
        events, local = events[~split], local[~split]
    month = local.dt.to_period("M").dt.to_timestamp().dt.date.rename("month")
    return events.groupby(["grid", month, "category"]).size().rename("count").reset_index()


def incident_events(grids: GeoDataFrame, incidents: GeoDataFrame) -> DataFrame:
    """When, what and in which grid each incident was.

    Parameters
    ----------
    grids, incidents : as for `density_by_grid`; `category` is ``other`` where absent.

    Returns
    -------
    On the index of `incidents`, in the order of time: `at` (UTC, see `incident_times`), `timed` (whether it
        is when it occurred, not from when or when it was told), `until` (end of the span, where only one of
        more than a week is known), `category`, `grid` (label in the index of
        `grids`; "" outside every grid). Incidents without any time are left out.

    Raises
    ------
    CrsError, GeometryError : as `grid_of`.
    """
    times = incident_times(incidents)
    labels = np.append(codes_of(grids, "grids"), "")
    warn_of_unused(incidents, "incidents", ("category",))
    category = texts_of(incidents, "category").fillna("other").astype(str)
    timed = texts_of(incidents, "occurred_at").notna()
    out = pd.DataFrame(
        {"at": times, "timed": timed, "until": span_ends(incidents), "category": category, "grid": labels[grid_of(grids, incidents)]},
        index=incidents.index,
    )  # fmt: skip
    return out[times.notna()].sort_values("at", kind="stable")

"""Incidents as events: time, category and grid, and their counts by month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.frames import codes_of, local_times, texts_of
from geo.incidents.locations import grid_positions
from geo.incidents.times import incident_times, span_ends
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame


def counts_by_month(
    grids: GeoDataFrame, incidents: GeoDataFrame, *, timezone: str = "Asia/Shanghai"
) -> DataFrame:
    """Return the incidents by grid, month and category.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        As for `density_by_grid`.
    incidents : geopandas.GeoDataFrame
        As for `density_by_grid`; `category` is ``other`` where it is missing.
    timezone : str, default "Asia/Shanghai"
        IANA name of the zone in which months begin.

    Returns
    -------
    pandas.DataFrame
        One row per grid, month and category that has incidents: `grid` (label in the index of
        `grids`; "" outside every grid), `month` (first day), `category`, `count`. Incidents without
        a time are left out, and those known only within a span of more than a week that crosses a
        month's end.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid is not a valid polygon, or an incident is not a point.
    ColumnError
        If a value is not a time, or grids have no unique labels.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1000, 500)], index=["a"], crs=32650)
    >>> points = gpd.GeoDataFrame(
    ...     {"occurred_at": ["2026-01-05", "2026-02-05", "2026-02-06"], "category": "noise"},
    ...     geometry=[shapely.Point(5, 5)] * 3, crs=32650)
    >>> geo.counts_by_month(grids, points)["count"].tolist()
    [1, 2]
    """
    return monthly_counts(incident_events(grids, incidents), timezone)


def monthly_counts(events: DataFrame, timezone: str) -> DataFrame:
    """Return `counts_by_month` of events.

    Parameters
    ----------
    events : pandas.DataFrame
        From `incident_events`; `until` may be missing.
    timezone : str
        IANA name of the zone in which months begin.

    Returns
    -------
    pandas.DataFrame
        As `counts_by_month`.
    """
    local = local_times(events["at"], timezone)
    if "until" in events:
        last = local_times(events["until"] - pd.Timedelta(microseconds=1), timezone)
        crosses = events["until"].notna() & (last.dt.to_period("M") != local.dt.to_period("M"))
        events, local = events[~crosses], local[~crosses]
    month = local.dt.to_period("M").dt.to_timestamp().dt.date.rename("month")
    return events.groupby(["grid", month, "category"]).size().rename("count").reset_index()


def incident_events(grids: GeoDataFrame, incidents: GeoDataFrame) -> DataFrame:
    """Return when, what and in which grid each incident was.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        As for `density_by_grid`.
    incidents : geopandas.GeoDataFrame
        As for `density_by_grid`; `category` is ``other`` where it is missing.

    Returns
    -------
    pandas.DataFrame
        On the index of `incidents`, in the order of time: `at` (UTC, see `incident_times`), `timed`
        (bool, whether `at` is when it occurred rather than the begin of a span or the time of the
        report), `until` (end of the span, where only one of more than a week is known), `category`,
        `grid` (label in the index of `grids`; "" outside every grid). Incidents without a time are
        left out.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid is not a valid polygon, or an incident is not a point.
    ColumnError
        If a value is not a time, or grids have no unique labels.
    """
    times = incident_times(incidents)
    labels = np.append(codes_of(grids, "grids"), "")
    warn_of_unused(incidents, "incidents", ("category",))
    category = texts_of(incidents, "category").fillna("other").astype(str)
    timed = texts_of(incidents, "occurred_at").notna()
    out = pd.DataFrame(
        {
            "at": times,
            "timed": timed,
            "until": span_ends(incidents),
            "category": category,
            "grid": labels[grid_positions(grids, incidents)],
        },
        index=incidents.index,
    )
    return out[times.notna()].sort_values("at", kind="stable")

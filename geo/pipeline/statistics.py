"""The statistics stage: hot spots, trends, forecasts and service requests by grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyproj

from geo.governance.service_requests import received_at, service_quality
from geo.incidents.categories import category_path
from geo.incidents.times import incident_times
from geo.incidents.weights import contiguity_weights
from geo.pipeline.context import Progress, no_progress
from geo.pipeline.incident_statistics import YEAR, IncidentStatistics, StatisticsInputs
from geo.settings import Settings
from geo.store.bulk_copy import clear_table, write_table
from geo.store.connection import Conn
from geo.store.queries.alerts import raise_alerts
from geo.store.queries.coverage import read_open_ground
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import (
    STATISTICS_TABLES,
    add_to_summary,
    read_latest_run,
    refresh_transaction,
)
from geo.store.queries.spatial_statistics import find_stale_statistics

if TYPE_CHECKING:
    import numpy as np
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import DataFrame

MOST_CATEGORIES = 12
"""Greatest number of categories with statistics of their own."""
FEWEST = 100
"""Categories with fewer incidents in the year have no statistics of their own."""


def refresh_statistics(
    conn: Conn, settings: Settings, progress: Progress = no_progress
) -> dict[str, Any] | None:
    """Compute the incident statistics if the density is newer.

    Parameters
    ----------
    conn : psycopg.Connection
        Writing connection; it is committed. Readers see the old results until then.
    settings : Settings
        Settings of the deployment.
    progress : callable, optional
        Called with the text of each step.

    Returns
    -------
    dict or None
        Figures, which are also added to the summary of the run; None if the stored statistics are
        up to date.
    """
    with refresh_transaction(conn):
        run = find_stale_statistics(conn)
        if run is None:
            return None
        figures = _compute_and_write(conn, settings, run, progress)
        figures["alerts_raised"], figures["alerts_ended"] = raise_alerts(conn, run)
        add_to_summary(conn, run, figures)
        latest = read_latest_run(conn)
        if latest is not None and latest.id != run:
            add_to_summary(conn, latest.id, figures)
        return figures


def _compute_and_write(
    conn: Conn, settings: Settings, run: int, progress: Progress
) -> dict[str, Any]:
    latest = read_latest_run(conn)
    assert latest is not None  # noqa: S101
    crs = pyproj.CRS(latest.metric_crs)
    grids = read_layer(conn, "grids").to_crs(crs)
    areas = read_layer(conn, "areas")
    inputs = StatisticsInputs(
        grids=grids,
        neighbours=contiguity_weights(grids),
        open_m2=read_open_ground(conn).reindex(grids.index).to_numpy(float),
        streets=read_layer(conn, "streets").to_crs(crs),
        timezone=settings.timezone,
    )
    incidents = read_layer(conn, "incidents").to_crs(crs)
    tables, figures = _by_category(inputs, incidents, progress)
    requests = service_quality(
        grids, areas, incidents[_has_ordered_times(incidents)], timezone=settings.timezone
    ).reset_index()
    tables["service_quality"] = [requests]
    _write_tables(conn, run, tables)
    district = requests[requests["level"] == "district"]
    due, in_time = int(district["due"].sum()), int(district["closed_in_time"].sum())
    left_out = figures.pop("patterns_left_out")
    figures["appeals_in_time_share"] = in_time / due if due else None
    figures["patterns_left_out"] = left_out
    return figures


def _by_category(
    inputs: StatisticsInputs, incidents: GeoDataFrame, progress: Progress
) -> tuple[dict[str, list[DataFrame]], dict[str, Any]]:
    """Return the rows by table, of all incidents and of each category; the figures are of all."""
    tables: dict[str, list[DataFrame]] = {name: [] for name in STATISTICS_TABLES}
    figures: dict[str, Any] = {}
    roots = _root_categories(incidents)
    for category in ["", *_frequent_categories(roots, incident_times(incidents))]:
        progress(f"statistics of {category or 'all incidents'}")
        rows = incidents if not category else incidents[(roots == category).to_numpy()]
        statistics = IncidentStatistics(inputs, rows)
        for name, table in statistics.tables().items():
            tables[name].append(table.assign(category=category))
        if not category:
            figures = statistics.figures | {"patterns_left_out": statistics.left_out}
    return tables, figures


def _write_tables(conn: Conn, run: int, tables: dict[str, list[DataFrame]]) -> None:
    for name in STATISTICS_TABLES:
        clear_table(conn, name)
        parts = [table for table in tables[name] if len(table)]
        if parts:
            rows = pd.concat(parts, ignore_index=True).assign(run=run)
            shape = "polygon" if name == "incident_contours" else None
            write_table(conn, name, rows, shape=shape)


def _root_categories(incidents: GeoDataFrame) -> pd.Series:
    names = incidents["category"].fillna("other").astype(str)
    root = {name: (category_path(name) or ("other",))[0] for name in names.unique()}
    return names.map(root)


def _frequent_categories(roots: pd.Series, times: pd.Series) -> list[str]:
    """Return the categories with enough incidents in the year, the most frequent first."""
    counts = roots[(times > times.max() - YEAR).to_numpy()].value_counts()
    if len(counts) <= 1:
        return []
    frequent = counts[counts >= FEWEST].sort_index().sort_values(ascending=False, kind="stable")
    return [str(name) for name in frequent.index[:MOST_CATEGORIES]]


def _has_ordered_times(incidents: GeoDataFrame) -> NDArray[np.bool_]:
    """Return which service requests were received, and accepted and closed only then."""
    received = received_at(incidents)
    early = (incidents["accepted_at"] < received) | (incidents["closed_at"] < received)
    return (received.notna() & ~early).to_numpy()

"""Density of the incidents by grid, and the incidents placed in grids, of one run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from geo.incidents.density import density_by_grid
from geo.incidents.events import incident_events, monthly_counts
from geo.incidents.times import incident_times
from geo.pipeline.context import Progress, RunContext, to_metric
from geo.pipeline.digests import table_digest
from geo.store.bulk_copy import clear_table, write_table
from geo.store.connection import Conn
from geo.store.queries.incidents import write_incident_events
from geo.store.queries.registers import read_layer

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True)
class DensityResult:
    """Density and events to store, and their figures in the summary of the run."""

    density: pd.DataFrame
    """By grid, as `density_by_grid` returns it."""
    months: pd.DataFrame
    """Incidents by grid, month and category."""
    events: pd.DataFrame
    """One row per incident, with its grid and rounded place."""
    figures: dict[str, Any]
    """Number, period and digest of the incidents."""


def compute_density(
    conn: Conn, grids: GeoDataFrame, context: RunContext, progress: Progress
) -> DensityResult:
    """Compute the density of all incidents.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database; nothing is written.
    grids : geopandas.GeoDataFrame
        All grids, EPSG:4326.
    context : RunContext
        Context of the run.
    progress : callable
        Called with the text of each step.

    Returns
    -------
    DensityResult
        Results to write with `write_density`.
    """
    stored = read_layer(conn, "incidents")
    incidents = stored.to_crs(context.crs)
    progress(f"density of {len(incidents):,} incidents")
    grids_m = to_metric(grids, context)
    density = density_by_grid(grids_m, incidents)
    events = incident_events(grids_m, incidents)
    months = monthly_counts(events, context.settings.timezone)
    events = events.join(_rounded_places(stored))
    return DensityResult(density, months, events, _figures(incidents, density))


def write_density(conn: Conn, run: int, result: DensityResult) -> None:
    """Replace the stored density and events.

    Parameters
    ----------
    conn : psycopg.Connection
        Writing connection; the caller commits.
    run : int
        Number of the run.
    result : DensityResult
        Results of `compute_density`.
    """
    clear_table(conn, "grid_incidents")
    clear_table(conn, "grid_density")
    write_table(conn, "grid_incidents", result.months.assign(run=run))
    write_table(conn, "grid_density", _density_rows(result.density).assign(run=run))
    write_incident_events(conn, run, result.events)


def _figures(incidents: GeoDataFrame, density: pd.DataFrame) -> dict[str, Any]:
    times = incident_times(incidents).dropna()
    return {
        "incidents": len(incidents),
        "incidents_outside": int(density.attrs["outside"]),
        "incidents_from": times.min().isoformat() if len(times) else None,
        "incidents_to": times.max().isoformat() if len(times) else None,
        "incidents_digest": table_digest(incidents),
    }


def _rounded_places(incidents: GeoDataFrame) -> pd.DataFrame:
    """Return longitude and latitude to about 10 m; missing where the place is not precise."""
    known = incidents["precision"].isin(["exact", "road"])
    rounded = {"lon": incidents.geometry.x.round(4), "lat": incidents.geometry.y.round(4)}
    return pd.DataFrame(rounded).where(known)


def _density_rows(density: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the table `grid_density`; grid "" is outside every grid."""
    start, end = density.attrs["period"]
    if start is None:
        return pd.DataFrame(columns=["grid", "period_from", "period_to", "count"])
    rows = density.rename_axis("grid").reset_index()
    outside = pd.DataFrame([{"grid": "", "count": density.attrs["outside"]}])
    rows = pd.concat([rows, outside], ignore_index=True)
    rows["period_from"] = dt.datetime.fromisoformat(start)
    rows["period_to"] = dt.datetime.fromisoformat(end)
    return rows

"""Refresh: bring the result tables up to date, each change paid for once, with its run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyproj

import geo
from geo.coverage.quality import IN_USE
from geo.crs import metric_crs
from geo.errors import StoreError
from geo.incidents.density import (
    density_by_grid,
    incident_events,
    incident_times,
    months_of,
)
from geo.pipeline import coverage
from geo.pipeline.coverage import Site
from geo.pipeline.digests import table_digest, text_digest
from geo.settings import Settings, get_settings
from geo.store.bulk_copy import clear_table, write_table
from geo.store.connection import Conn
from geo.store.migration import require_current
from geo.store.queries.changes import mark_processed, pending_changes
from geo.store.queries.incidents import write_incident_events
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import (
    finish_run,
    prune_runs,
    read_latest_run,
    refresh_transaction,
    write_run,
)
from geo.visibility.terrain import read_terrain

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did."""

    run: int
    computed: bool
    """False when nothing had changed since the run named."""
    views: int
    """How many views were computed."""
    grids: int
    """How many grids were measured."""
    summary: dict[str, Any]


def refresh(
    conn: Conn,
    *,
    settings: Settings | None = None,
    everything: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Refreshed:
    """Bring the result tables up to date, in one transaction.

    Only what changed since the last run is computed: the views whose camera or whose buildings in
    reach changed, and the grids that such a view or building meets. The results are those of a
    whole run, to the last bit. Readers see the old results until the new ones are whole; a second
    refresh waits for the first. The caller's connection is committed.

    Parameters
    ----------
    conn : an open connection to a migrated database.
    everything : compute all of it even if nothing changed.
    progress : told each step.

    Raises
    ------
    StoreError : there are no grids, or the database is not at this version.
    ReadError : the terrain of the settings cannot be read.
    """
    settings = settings or get_settings()
    require_current(conn)
    with refresh_transaction(conn):
        done = _refresh(conn, settings, everything, progress, dt.datetime.now(dt.UTC))
    if done.views > 1000:
        conn.execute("ANALYZE camera_views")
        conn.commit()
    return done


def _refresh(
    conn: Conn,
    settings: Settings,
    everything: bool,
    progress: Callable[[str], None],
    started: dt.datetime,
) -> Refreshed:
    noted = pending_changes(conn)
    last = read_latest_run(conn)
    parameters = _parameters(settings)
    if last is not None and {**last.parameters, "metric_crs": None} != parameters:
        everything = True
    of_coverage = {"grids", "cameras", "buildings"} & noted.layers
    of_incidents = {"grids", "incidents"} & noted.layers
    if last is not None and not everything and not of_coverage | of_incidents:
        mark_processed(conn, noted.ids)
        return Refreshed(last.id, False, 0, 0, last.summary)
    everything = everything or last is None or "views_digest" not in last.summary
    whole = everything or bool({"grids", "cameras", "buildings"} & noted.whole)
    grids = None
    if whole or of_incidents:
        progress("reading the registers")
        grids = read_layer(conn, "grids")
        if grids.empty:
            raise StoreError("there are no grids; import them with `gridcover import grids FILE`")
    if whole and grids is not None:
        crs = pyproj.CRS(settings.metric_crs) if settings.metric_crs else metric_crs(grids)
    else:
        assert last is not None  # noqa: S101
        crs = pyproj.CRS(last.metric_crs)
    terrain = None
    if settings.terrain is not None and (whole or of_coverage):
        terrain = read_terrain(settings.terrain, crs)
    site = Site(crs, settings, terrain)
    figures = dict(last.summary) if last is not None else {}
    result = None
    if whole and grids is not None:
        result = coverage.whole(conn, grids, site, progress)
    elif of_coverage:
        result = coverage.touched(conn, noted, site, figures, progress)
    if result is not None:
        figures |= result.counts
        figures |= {"views_digest": result.views_digest, "grids_digest": result.grids_digest}
    density = months = events = None
    if (everything or of_incidents) and grids is not None:
        stored = read_layer(conn, "incidents")
        incidents = stored.to_crs(crs)
        progress(f"density of {len(incidents):,} incidents")
        grids_m = coverage.metric(grids, site)
        density = density_by_grid(grids_m, incidents)
        events = incident_events(grids_m, incidents)
        months = months_of(events, settings.timezone)
        events = events.join(_places(stored))
        figures |= _incident_figures(incidents, density)
    progress("writing the results")
    run = write_run(
        conn,
        kind="refresh",
        parameters=parameters | {"metric_crs": crs.to_string()},
        software_version=geo.__version__,
        metric_crs=crs.to_string(),
        started_at=started,
    )
    if result is not None:
        gone = coverage.store(conn, run, result, everything=whole)
        before = gone if whole else figures["blind_spots"]
        figures["blind_spots"] = before - gone + len(result.spots)
        figures |= coverage.totals(conn)
        used = figures["cameras_used"]
        figures["assumed_share"] = figures["cameras_assumed"] / used if used else 0.0
    if density is not None and months is not None and events is not None:
        clear_table(conn, "grid_incidents")
        clear_table(conn, "grid_density")
        write_table(conn, "grid_incidents", months.assign(run=run))
        write_table(conn, "grid_density", _density_rows(density).assign(run=run))
        write_incident_events(conn, run, events)
    digest = text_digest(
        repr(parameters)
        + figures["views_digest"]
        + figures["grids_digest"]
        + figures["incidents_digest"]
    )
    finish_run(conn, run, inputs_digest=digest, summary=figures)
    mark_processed(conn, noted.ids)
    prune_runs(conn, settings.keep_runs)
    views = 0 if result is None else len(result.views)
    return Refreshed(run, True, views, 0 if result is None else len(result.grids), figures)


def _parameters(settings: Settings) -> dict[str, Any]:
    """What the results rest on beside the registers; a change of any computes everything."""
    terrain = None
    if settings.terrain is not None:
        held = settings.terrain.stat() if settings.terrain.exists() else None
        terrain = [str(settings.terrain), held.st_size, held.st_mtime_ns] if held else None
    return {
        "min_blind_spot_m2": settings.blind_spot_min_area_m2,
        "camera_status": list(IN_USE),
        "camera_defaults": {k: v.model_dump() for k, v in settings.cameras.items()},
        "timezone": settings.timezone,
        "metric_crs_setting": settings.metric_crs,
        "metric_crs": None,
        "terrain": terrain,
        "software": geo.__version__,
    }


def _incident_figures(incidents: GeoDataFrame, density: pd.DataFrame) -> dict[str, Any]:
    times = incident_times(incidents).dropna()
    return {
        "incidents": len(incidents),
        "incidents_outside": int(density.attrs["outside"]),
        "incidents_from": times.min().isoformat() if len(times) else None,
        "incidents_to": times.max().isoformat() if len(times) else None,
        "incidents_digest": table_digest(incidents),
    }


def _places(incidents: GeoDataFrame) -> pd.DataFrame:
    """Where incidents were, to some 10 m, as far as that is known at all."""
    known = incidents["precision"].isin(["exact", "road"])
    rounded = {"lon": incidents.geometry.x.round(4), "lat": incidents.geometry.y.round(4)}
    return pd.DataFrame(rounded).where(known)


def _density_rows(density: pd.DataFrame) -> pd.DataFrame:
    start, end = density.attrs["period"]
    if start is None:
        return pd.DataFrame(columns=["grid", "period_from", "period_to", "count"])
    out = density.rename_axis("grid").reset_index()
    outside = pd.DataFrame([{"grid": "", "count": density.attrs["outside"]}])
    out = pd.concat([out, outside], ignore_index=True)
    out["period_from"] = dt.datetime.fromisoformat(start)
    out["period_to"] = dt.datetime.fromisoformat(end)
    return out

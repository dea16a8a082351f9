"""Run a refresh: compute what is stale, store it with its run, stage by stage."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyproj

import geo
from geo.crs import metric_crs
from geo.errors import StoreError
from geo.pipeline.context import Progress, RunContext, no_progress, open_context
from geo.pipeline.coverage import CoverageResult, compute_all, compute_changed
from geo.pipeline.coverage_results import coverage_totals, write_coverage
from geo.pipeline.dashboard import refresh_dashboard
from geo.pipeline.density import compute_density, write_density
from geo.pipeline.digests import text_digest
from geo.pipeline.plan import Extent, RefreshPlan, plan_refresh
from geo.pipeline.quality import refresh_quality
from geo.pipeline.risk import refresh_risk
from geo.pipeline.statistics import refresh_statistics
from geo.settings import Settings, get_settings
from geo.store.connection import Conn
from geo.store.migration import require_current
from geo.store.queries.changes import mark_processed
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import (
    analyze_camera_views,
    finish_run,
    prune_runs,
    refresh_transaction,
    write_run,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_MANY_VIEWS = 1000
"""After more changed views than this, the statistics of the query planner are updated."""


@dataclass(frozen=True)
class CoverageRefresh:
    """Outcome of `refresh`."""

    run: int
    """Number of the run that the results belong to."""
    computed: bool
    """False if nothing had changed since that run."""
    views: int
    """Number of views computed."""
    grids: int
    """Number of grids measured."""
    summary: dict[str, Any]
    """Summary of the run."""


@dataclass(frozen=True)
class RefreshResult:
    """Outcome of `refresh_all` by stage."""

    coverage: CoverageRefresh
    """Outcome of coverage and density."""
    quality: int
    """Number of grids and key places whose image quality was measured."""
    statistics: dict[str, Any] | None
    """Figures of the incident statistics; None if they were up to date."""
    dashboard: dict[str, Any] | None
    """Figures of the dashboard; None if it was up to date."""


def refresh_all(
    conn: Conn,
    settings: Settings,
    *,
    everything: bool = False,
    progress: Progress = no_progress,
) -> RefreshResult:
    """Bring all results up to date, stage by stage.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database; each stage is committed.
    settings : Settings
        Settings of the deployment.
    everything : bool, optional
        Compute coverage and density even if nothing changed.
    progress : callable, optional
        Called with the text of each step.

    Returns
    -------
    RefreshResult
        Outcome of each stage.

    Raises
    ------
    StoreError
        If there are no grids, or the database is not at this version.
    ReadError
        If the terrain of the settings cannot be read.
    """
    coverage = refresh(conn, settings=settings, everything=everything, progress=progress)
    quality = refresh_quality(conn, settings, progress)
    refresh_risk(conn, progress)
    statistics = refresh_statistics(conn, settings, progress)
    dashboard = refresh_dashboard(conn, settings, progress)
    return RefreshResult(coverage, quality, statistics, dashboard)


def refresh(
    conn: Conn,
    *,
    settings: Settings | None = None,
    everything: bool = False,
    progress: Progress = no_progress,
) -> CoverageRefresh:
    """Bring coverage, blind spots and incident density up to date, in one transaction.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database; it is committed.
    settings : Settings, optional
        Settings of the deployment; those of the environment by default.
    everything : bool, optional
        Compute everything even if nothing changed.
    progress : callable, optional
        Called with the text of each step.

    Returns
    -------
    CoverageRefresh
        Number of the run and what was computed.

    Raises
    ------
    StoreError
        If there are no grids, or the database is not at this version.
    ReadError
        If the terrain of the settings cannot be read.

    Notes
    -----
    Only what changed since the last run is computed: the views whose camera, or whose buildings in
    reach, changed, and the grids that such a view or building meets. The results are equal to those
    of a complete run, to the last bit. Readers see the old results until the transaction is
    committed; a second refresh waits for the first.
    """
    settings = settings or get_settings()
    require_current(conn)
    with refresh_transaction(conn):
        started = dt.datetime.now(dt.UTC)
        plan = plan_refresh(conn, settings, everything=everything)
        if plan.last_run is not None and plan.is_empty:
            mark_processed(conn, plan.changes.ids)
            result = CoverageRefresh(plan.last_run.id, False, 0, 0, plan.last_run.summary)
        else:
            result = _execute(conn, settings, plan, started, progress)
    if result.views > _MANY_VIEWS:
        analyze_camera_views(conn)
        conn.commit()
    return result


def _execute(
    conn: Conn,
    settings: Settings,
    plan: RefreshPlan,
    started: dt.datetime,
    progress: Progress,
) -> CoverageRefresh:
    grids = _read_grids(conn, progress) if plan.reads_grids else None
    context = _context(settings, plan, grids)
    summary = plan.last_summary
    coverage = _compute_coverage(conn, plan, grids, context, progress)
    if coverage is not None:
        summary |= coverage.counts
        summary |= {"views_digest": coverage.views_digest, "grids_digest": coverage.grids_digest}
    density = None
    if plan.density and grids is not None:
        density = compute_density(conn, grids, context, progress)
        summary |= density.figures
    progress("writing the results")
    run = write_run(
        conn,
        kind="refresh",
        parameters=plan.parameters | {"metric_crs": context.crs.to_string()},
        software_version=geo.__version__,
        metric_crs=context.crs.to_string(),
        started_at=started,
    )
    if coverage is not None:
        summary |= _store_coverage(conn, run, coverage, plan, summary)
    if density is not None:
        write_density(conn, run, density)
    finish_run(conn, run, inputs_digest=_inputs_digest(plan, summary), summary=summary)
    mark_processed(conn, plan.changes.ids)
    prune_runs(conn, settings.keep_runs)
    views, measured = (0, 0) if coverage is None else (len(coverage.views), len(coverage.grids))
    return CoverageRefresh(run, True, views, measured, summary)


def _read_grids(conn: Conn, progress: Progress) -> GeoDataFrame:
    progress("reading the registers")
    grids = read_layer(conn, "grids")
    if grids.empty:
        raise StoreError("there are no grids; import them with `gridcover import grids FILE`")
    return grids


def _context(settings: Settings, plan: RefreshPlan, grids: GeoDataFrame | None) -> RunContext:
    """Return the context: a complete run chooses its CRS, others continue in that of the last."""
    if plan.coverage is Extent.ALL and grids is not None:
        crs = pyproj.CRS(settings.metric_crs) if settings.metric_crs else metric_crs(grids)
    else:
        assert plan.last_run is not None  # noqa: S101
        crs = pyproj.CRS(plan.last_run.metric_crs)
    return open_context(crs, settings, terrain=plan.coverage is not Extent.NONE)


def _compute_coverage(
    conn: Conn,
    plan: RefreshPlan,
    grids: GeoDataFrame | None,
    context: RunContext,
    progress: Progress,
) -> CoverageResult | None:
    if plan.coverage is Extent.ALL and grids is not None:
        return compute_all(conn, grids, context, progress)
    if plan.coverage is Extent.CHANGED:
        return compute_changed(conn, plan.changes, context, plan.last_summary, progress)
    return None


def _store_coverage(
    conn: Conn, run: int, coverage: CoverageResult, plan: RefreshPlan, summary: dict[str, Any]
) -> dict[str, Any]:
    """Write views, coverage and blind spots; return the figures over all of them."""
    complete = plan.coverage is Extent.ALL
    deleted = write_coverage(conn, run, coverage, everything=complete)
    remaining = 0 if complete else summary["blind_spots"] - deleted
    figures = {"blind_spots": remaining + len(coverage.spots), **coverage_totals(conn)}
    used = summary["cameras_used"]
    figures["assumed_share"] = summary["cameras_assumed"] / used if used else 0.0
    return figures


def _inputs_digest(plan: RefreshPlan, summary: dict[str, Any]) -> str:
    digests = (summary[f"{name}_digest"] for name in ("views", "grids", "incidents"))
    return text_digest(repr(plan.parameters) + "".join(digests))

"""Views, coverage and blind spots of a store: all of them, or those that a change can alter."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.coverage.blind_spots import blind_spots
from geo.coverage.camera_selection import WORKING_STATUSES
from geo.coverage.grid_coverage import coverage_by_grid
from geo.errors import name_rows
from geo.pipeline.context import (
    Box,
    Progress,
    RunContext,
    boxes_of,
    no_progress,
    read_buildings_around,
    to_metric,
    widen_boxes,
)
from geo.pipeline.digests import combine_digests, grid_digests, update_digest, view_digests
from geo.store.connection import Conn
from geo.store.queries.cameras import read_camera_views
from geo.store.queries.changes import Changes
from geo.store.queries.coverage import read_coverage_digests
from geo.store.queries.registers import read_layer
from geo.visibility.field_of_view import complete_cameras
from geo.visibility.prepared_buildings import prepare_buildings
from geo.visibility.visibility import visible_area

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True)
class CoverageResult:
    """Rows to write, and the figures that they add to the summary of the run."""

    views: GeoDataFrame
    """Rows of the table `camera_views` that are new or changed."""
    removed: list[str]
    """Codes of cameras that no longer have a view."""
    coverage: pd.DataFrame
    """Rows of the table `grid_coverage`."""
    spots: GeoDataFrame
    """Rows of the table `blind_spots`."""
    grids: list[str]
    """Codes of the grids that were measured."""
    counts: dict[str, Any]
    """Numbers of cameras and buildings, and the greatest range `reach_m`, of the whole store."""
    views_digest: str
    """Digest of all views of the store."""
    grids_digest: str
    """Digest of the inputs of all grids of the store."""


def compute_all(
    conn: Conn, grids: GeoDataFrame, context: RunContext, progress: Progress
) -> CoverageResult:
    """Compute all views, and coverage and blind spots of all grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database; nothing is written.
    grids : geopandas.GeoDataFrame
        All grids, EPSG:4326.
    context : RunContext
        Context of the run.
    progress : callable
        Called with the text of each step, and with the rows that are left out.

    Returns
    -------
    CoverageResult
        Results to write with `write_coverage`.
    """
    registers = {"grids": grids} | {n: read_layer(conn, n) for n in ("cameras", "buildings")}
    projected = {name: to_metric(register, context) for name, register in registers.items()}
    for name, register in registers.items():
        _report_outside(name, register, projected[name], context, progress)
    grids_m, cameras, buildings = projected.values()
    used = _cameras_in_use(cameras, context)
    progress(f"what {len(used):,} cameras see among {len(buildings):,} buildings")
    prepared = prepare_buildings(buildings, terrain=context.terrain)
    views = visible_area(used, prepared, defaults=context.settings.cameras)
    digests = pd.Series(view_digests(used, prepared), index=used.index, dtype=object)
    progress(f"coverage of {len(grids):,} grids")
    coverage, spots = _measure(grids_m, views, digests, buildings, context, progress)
    return CoverageResult(
        views=_view_rows(used, views, digests),
        removed=[],
        coverage=coverage,
        spots=spots,
        grids=grids_m.index.tolist(),
        counts={
            "cameras": len(registers["cameras"]),
            "cameras_used": len(used),
            "cameras_assumed": int(used["assumed"].sum()),
            "buildings": len(registers["buildings"]),
            "reach_m": _longest_range(cameras, context),
        },
        views_digest=combine_digests(digests.tolist()),
        grids_digest=combine_digests(coverage["inputs_digest"].tolist()),
    )


def compute_changed(
    conn: Conn,
    changes: Changes,
    context: RunContext,
    last: dict[str, Any],
    progress: Progress,
) -> CoverageResult:
    """Compute the views that a change can alter, and the grids that those or a building meet.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database; nothing is written.
    changes : Changes
        Changes of the registers since the last run, row by row.
    context : RunContext
        Context of the last run.
    last : dict
        Summary of the last run: counts, `reach_m` and digests.
    progress : callable
        Called with the text of each step, and with the rows that are left out.

    Returns
    -------
    CoverageResult
        Results to write with `write_coverage`; equal to those of `compute_all`.
    """
    changed_codes = changes.codes.get("cameras", [])
    building_boxes: list[Box] = [*changes.places.get("buildings", [])]
    cameras, reach_m = _cameras_to_check(
        conn, changed_codes, building_boxes, last["reach_m"], context
    )
    cameras_m = to_metric(cameras, context)
    _report_outside("cameras", cameras, cameras_m, context, progress)
    used = _cameras_in_use(cameras_m, context)
    before = read_camera_views(conn, codes=sorted({*changed_codes, *cameras.index}))
    rows = _changed_views(conn, cameras, used, before, context, progress)
    removed = sorted(set(before.index) - set(used.index))
    replaced = before.loc[[*removed, *[c for c in rows["camera"] if c in before.index]]]
    boxes = [*building_boxes, *boxes_of(replaced.geometry), *boxes_of(rows.geometry)]
    grids = read_layer(conn, "grids", boxes=boxes)
    progress(f"coverage of {len(grids):,} grids")
    coverage, spots = _measure_stored(conn, grids, rows, removed, context)
    grid_digests_before = read_coverage_digests(conn, grids.index.tolist())
    assumed = int(rows["assumed"].sum()) - int(replaced["assumed"].sum())
    return CoverageResult(
        views=rows,
        removed=removed,
        coverage=coverage,
        spots=spots,
        grids=grids.index.tolist(),
        counts={
            "cameras": last["cameras"] + changes.balance.get("cameras", 0),
            "cameras_used": last["cameras_used"] + len(rows) - len(replaced),
            "cameras_assumed": last["cameras_assumed"] + assumed,
            "buildings": last["buildings"] + changes.balance.get("buildings", 0),
            "reach_m": reach_m,
        },
        views_digest=update_digest(
            last["views_digest"],
            removed=replaced["inputs_digest"].tolist(),
            added=rows["inputs_digest"].tolist(),
        ),
        grids_digest=update_digest(
            last["grids_digest"],
            removed=grid_digests_before,
            added=coverage["inputs_digest"].tolist(),
        ),
    )


def _report_outside(
    name: str,
    register: GeoDataFrame,
    projected: GeoDataFrame,
    context: RunContext,
    progress: Progress,
) -> None:
    """Report which rows of a register `to_metric` left out."""
    outside = register.index.difference(projected.index)
    if len(outside):
        progress(
            f"{name} left out, as they lie where {context.crs.to_string()} does not hold: "
            f"{name_rows(outside)}"
        )


def _cameras_in_use(cameras: GeoDataFrame, context: RunContext) -> GeoDataFrame:
    completed = complete_cameras(cameras, defaults=context.settings.cameras)
    return completed[completed["status"].isin(WORKING_STATUSES)]


def _longest_range(cameras: GeoDataFrame, context: RunContext) -> float:
    if cameras.empty:
        return 0.0
    return float(complete_cameras(cameras, defaults=context.settings.cameras)["range_m"].max())


def _cameras_to_check(
    conn: Conn,
    changed_codes: list[str],
    building_boxes: list[Box],
    last_reach_m: float,
    context: RunContext,
) -> tuple[GeoDataFrame, float]:
    """Read the cameras whose view may have changed; also return the greatest range in metres."""
    cameras = read_layer(conn, "cameras", codes=changed_codes)
    # Moved out of a building, a camera looks from up to its range beyond its place.
    reach_m = max(last_reach_m, _longest_range(cameras, context))
    if building_boxes:
        near = read_layer(conn, "cameras", boxes=widen_boxes(building_boxes, 2.0 * reach_m))
        both = pd.concat([cameras, near[~near.index.isin(cameras.index)]])
        cameras = gpd.GeoDataFrame(both, geometry="geometry", crs="EPSG:4326").sort_index()
    return cameras, reach_m


def _changed_views(
    conn: Conn,
    cameras: GeoDataFrame,
    used: GeoDataFrame,
    before: GeoDataFrame,
    context: RunContext,
    progress: Progress,
) -> GeoDataFrame:
    """Return the rows of the views that differ from those stored before."""
    buildings = read_buildings_around(conn, cameras.loc[used.index], used, context)
    prepared = prepare_buildings(buildings, terrain=context.terrain)
    current = view_digests(used, prepared) if len(used) else []
    digests = pd.Series(current, index=used.index, dtype=object)
    same = before["inputs_digest"].reindex(used.index).to_numpy() == digests.to_numpy()
    # What is assumed of a camera can change while its view stays.
    same &= before["assumed"].reindex(used.index).to_numpy() == used["assumed"].to_numpy()
    progress(f"what {int((~same).sum()):,} cameras see, of {len(used):,} looked at")
    views = visible_area(used[~same], prepared, defaults=context.settings.cameras)
    return _view_rows(used[~same], views, digests[~same])


def _measure(
    grids: GeoDataFrame,
    views: gpd.GeoSeries,
    digests: pd.Series,
    buildings: GeoDataFrame,
    context: RunContext,
    progress: Progress = no_progress,
) -> tuple[pd.DataFrame, GeoDataFrame]:
    """Return coverage and blind spots of grids from all views and buildings that meet them."""
    coverage = coverage_by_grid(grids, views, buildings=buildings)
    shapes = np.asarray(views.values)
    grid, view = shapely.STRtree(shapes).query(
        np.asarray(grids.geometry.values), predicate="intersects"
    )
    digests_of_grid: dict[str, list[str]] = {}
    order = np.lexsort((view, grid))
    values = digests.to_numpy()
    labels = grids.index.astype(str)
    for g, v in zip(grid[order].tolist(), view[order].tolist(), strict=True):
        digests_of_grid.setdefault(labels[g], []).append(values[v])
    coverage.insert(0, "inputs_digest", grid_digests(grids, digests_of_grid, buildings))
    progress("blind spots")
    spots = blind_spots(
        grids, views, buildings=buildings, min_area_m2=context.settings.blind_spot_min_area_m2
    ).to_crs("EPSG:4326")
    spots.insert(1, "number", spots.groupby("grid").cumcount() + 1)
    return coverage.rename_axis("grid").reset_index(), spots


def _measure_stored(
    conn: Conn,
    grids: GeoDataFrame,
    rows: GeoDataFrame,
    removed: list[str],
    context: RunContext,
) -> tuple[pd.DataFrame, GeoDataFrame]:
    """Measure grids from the stored views, with those just computed in place of the old ones."""
    boxes = widen_boxes(boxes_of(grids.geometry), 1.0)
    stored = read_camera_views(conn, boxes=boxes)
    stored = stored[~stored.index.isin([*rows["camera"], *removed])]
    columns = ["camera", "inputs_digest", "metric_wkb"]
    both = pd.concat([stored[columns], rows[columns]], ignore_index=True)
    both = both.set_index("camera").sort_index()
    views = gpd.GeoSeries(
        shapely.from_wkb(both["metric_wkb"].to_numpy(object)), index=both.index, crs=context.crs
    )
    buildings = to_metric(read_layer(conn, "buildings", boxes=boxes), context)
    return _measure(to_metric(grids, context), views, both["inputs_digest"], buildings, context)


def _view_rows(used: GeoDataFrame, views: gpd.GeoSeries, digests: pd.Series) -> GeoDataFrame:
    """Return the rows of the table `camera_views`."""
    return gpd.GeoDataFrame(
        {
            "camera": used.index.to_numpy(object),
            "area_m2": views.area.to_numpy(),
            "assumed": used["assumed"].to_numpy(bool),
            "inputs_digest": digests.to_numpy(object),
            "computed_at": dt.datetime.now(dt.UTC),
            "metric_wkb": shapely.to_wkb(np.asarray(views.values)),
        },
        geometry=gpd.GeoSeries(views.to_numpy(), crs=views.crs).to_crs("EPSG:4326"),
    )

"""The quality stage: image classes of grids and key places, by day and night and by point class."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.coverage.camera_selection import cameras_in_use
from geo.coverage.ground import measure_coverage, prepare_ground
from geo.coverage.quality import class_ranges, class_views
from geo.geometry.polygons import rings_of
from geo.pipeline.context import (
    Progress,
    RunContext,
    boxes_of,
    no_progress,
    open_context,
    to_metric,
    widen_boxes,
)
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.image_quality import (
    delete_orphan_quality,
    find_stale_quality,
    replace_quality,
)
from geo.store.queries.registers import read_layer
from geo.store.queries.runs import read_latest_run, refresh_transaction
from geo.visibility.directions import split_directions
from geo.visibility.field_of_view import complete_cameras
from geo.visibility.prepared_buildings import PreparedBuildings, prepare_buildings

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

GROUPS: dict[str, dict[str, Any]] = {
    "working": {},
    "all": {"working_only": False},
    "public": {"point_class": "public"},
    "industry": {"point_class": "industry"},
    "private": {"point_class": "private"},
}
"""Arguments of `cameras_in_use` by group of cameras; image classes are of the first group only."""

Shares = dict[str, dict[str, dict[str, float | None]]]
"""Share of the open ground of an area, by group of cameras, light and image class."""


@dataclass(frozen=True)
class _Cameras:
    """Cameras near the areas, and the buildings that may hide ground from them."""

    cameras: GeoDataFrame
    """One row per direction, completed, outdoors."""
    buildings: GeoDataFrame
    prepared: PreparedBuildings


def refresh_quality(conn: Conn, settings: Settings, progress: Progress = no_progress) -> int:
    """Measure the grids whose coverage is newer than their quality, and the key places there.

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
    int
        Number of grids and key places measured.
    """
    with refresh_transaction(conn):
        run = read_latest_run(conn)
        if run is None:
            return 0
        stale = find_stale_quality(conn)
        delete_orphan_quality(conn)
        if not any(stale.values()):
            return 0
        context = open_context(run.metric_crs, settings)
        areas = _read_areas(conn, stale, context)
        progress(f"quality of {len(areas):,} areas")
        shares = _measure(conn, areas, context, float(run.summary.get("reach_m", 0.0)))
        rows = pd.DataFrame(
            {
                "layer": areas["layer"].to_numpy(object),
                "code": areas["code"].to_numpy(object),
                "run": run.id,
                "shares": [json.dumps(row) for row in shares],
            }
        )
        replace_quality(conn, rows)
        return len(rows)


def _read_areas(conn: Conn, codes: dict[str, list[str]], context: RunContext) -> GeoDataFrame:
    """Return the rows of these codes by layer: `layer`, `code` and geometry."""
    parts = [
        to_metric(read_layer(conn, layer, codes=layer_codes), context)[["geometry"]].assign(
            layer=layer
        )
        for layer, layer_codes in codes.items()
    ]
    areas = gpd.GeoDataFrame(pd.concat(parts, ignore_index=False), crs=context.crs)
    return areas.rename_axis("code").reset_index()


def _read_cameras(conn: Conn, areas: GeoDataFrame, context: RunContext, reach_m: float) -> _Cameras:
    boxes = boxes_of(areas.geometry.to_crs("EPSG:4326"))
    near = widen_boxes(boxes, 2.0 * reach_m)
    cameras = to_metric(read_layer(conn, "cameras", boxes=near), context)
    completed = complete_cameras(cameras, defaults=context.settings.cameras)
    directed, _ = split_directions(completed)
    outdoor = cameras_in_use(directed, working_only=False, outdoor_only=True)
    around = widen_boxes(boxes, 4.0 * reach_m + 1.0)
    buildings = to_metric(read_layer(conn, "buildings", boxes=around), context)
    return _Cameras(outdoor, buildings, prepare_buildings(buildings, terrain=context.terrain))


def _measure(conn: Conn, areas: GeoDataFrame, context: RunContext, reach_m: float) -> list[Shares]:
    """Return the shares of the open ground of each area."""
    defaults = context.settings.cameras
    near = _read_cameras(conn, areas, context, reach_m)
    tree = shapely.STRtree(np.asarray(near.buildings.geometry.values))
    met = tree.query(np.asarray(areas.geometry.values), predicate="intersects")[1]
    ground = prepare_ground(areas, near.buildings[np.isin(np.arange(len(near.buildings)), met)])
    shares: list[Shares] = [{} for _ in range(len(areas))]
    for light in ("day", "night"):
        ranges = class_ranges(near.cameras, night=light == "night", defaults=defaults)
        views = class_views(near.cameras, near.prepared, ranges, defaults=defaults)
        for group, arguments in GROUPS.items():
            members = cameras_in_use(near.cameras, **arguments).index
            for image_class, seen in views.items():
                if image_class != "seen" and group != "working":
                    continue
                shapes = np.asarray(seen[seen.index.isin(members)].values)
                column = measure_coverage(ground, shapes, rings_of(shapes))["open_covered_share"]
                for row, value in zip(shares, column.tolist(), strict=True):
                    known = None if np.isnan(value) else value
                    row.setdefault(group, {}).setdefault(light, {})[image_class] = known
    return shares

"""Quality classes of grids and key places, brought up to the coverage they belong to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.coverage.camera_selection import cameras_in_use
from geo.coverage.ground import ground_of, measure
from geo.coverage.quality import class_ranges, class_views
from geo.geometry.polygons import rings_of
from geo.pipeline.context import RunContext, boxes_of, to_metric, widen_boxes
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
from geo.visibility.prepared_buildings import prepare_buildings
from geo.visibility.terrain import read_terrain

if TYPE_CHECKING:
    from collections.abc import Callable

    from geopandas import GeoDataFrame

GROUPS: dict[str, dict[str, Any]] = {
    "working": {},
    "all": {"working_only": False},
    "public": {"point_class": "public"},
    "industry": {"point_class": "industry"},
    "private": {"point_class": "private"},
}
"""Whose cameras: by `cameras_in_use`; image classes are told of the first only."""


def refresh_quality(
    conn: Conn, settings: Settings, progress: Callable[[str], None] = lambda _: None
) -> int:
    """Measure the grids whose coverage is newer than their quality, and the key places there.

    The caller's connection is committed. Readers see the old figures until the new are whole.

    Returns
    -------
    How many areas were measured.
    """
    with refresh_transaction(conn):
        return _refresh(conn, settings, progress)


def _refresh(conn: Conn, settings: Settings, progress: Callable[[str], None]) -> int:
    run = read_latest_run(conn)
    if run is None:
        return 0
    stale = find_stale_quality(conn)
    delete_orphan_quality(conn)
    if not any(stale.values()):
        return 0
    crs = pyproj.CRS(run.metric_crs)
    terrain = read_terrain(settings.terrain, crs) if settings.terrain is not None else None
    context = RunContext(crs, settings, terrain)
    layers = {
        name: to_metric(read_layer(conn, name, codes=codes), context)
        for name, codes in stale.items()
    }
    areas = gpd.GeoDataFrame(
        pd.concat(
            [frame[["geometry"]].assign(layer=name) for name, frame in layers.items()],
            ignore_index=False,
        ),
        crs=crs,
    )
    areas = areas.rename_axis("code").reset_index()
    progress(f"quality of {len(areas):,} areas")
    shares = _shares(conn, areas, context, float(run.summary.get("reach_m", 0.0)))
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


def _shares(
    conn: Conn, areas: GeoDataFrame, context: RunContext, reach: float
) -> list[dict[str, dict[str, dict[str, float | None]]]]:
    """Of each area: cameras, light, class, share of the open ground."""
    defaults = context.settings.cameras
    around = boxes_of(areas.geometry.to_crs("EPSG:4326"))
    cameras = to_metric(
        read_layer(conn, "cameras", boxes=widen_boxes(around, 2.0 * reach)), context
    )
    cameras, _ = split_directions(complete_cameras(cameras, defaults=defaults))
    cameras = cameras_in_use(cameras, working_only=False, outdoor_only=True)
    here = widen_boxes(around, 4.0 * reach + 1.0)
    buildings = to_metric(read_layer(conn, "buildings", boxes=here), context)
    walls = prepare_buildings(buildings, terrain=context.terrain)
    near = buildings[
        np.isin(
            np.arange(len(buildings)),
            shapely.STRtree(np.asarray(buildings.geometry.values)).query(
                np.asarray(areas.geometry.values), predicate="intersects"
            )[1],
        )
    ]
    ground = ground_of(areas, near)
    out: list[dict[str, dict[str, dict[str, float | None]]]] = [{} for _ in range(len(areas))]
    for light in ("day", "night"):
        ranges = class_ranges(cameras, night=light == "night", defaults=defaults)
        views = class_views(cameras, walls, ranges, defaults=defaults)
        for group, wanted in GROUPS.items():
            members = cameras_in_use(cameras, **wanted).index
            for name, seen in views.items():
                if name != "seen" and group != "working":
                    continue
                some = seen[seen.index.isin(members)]
                shapes = np.asarray(some.values)
                share = measure(ground, shapes, rings_of(shapes))["open_covered_share"]
                for k, value in enumerate(share.tolist()):
                    known = None if np.isnan(value) else value
                    out[k].setdefault(group, {}).setdefault(light, {})[name] = known
    return out

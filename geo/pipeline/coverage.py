"""Views, coverage and blind spots of a store: all of them, or only those a change touches."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.coverage.gaps import blind_spots, coverage_by_grid
from geo.coverage.quality import IN_USE
from geo.crs import off_scale
from geo.errors import name_rows
from geo.pipeline.digests import exchange, grid_digests, together, view_digests
from geo.settings import Settings
from geo.store.bulk_copy import clear_table, write_table
from geo.store.connection import Conn
from geo.store.queries.cameras import read_camera_views
from geo.store.queries.changes import Changes
from geo.store.queries.coverage import read_coverage_digests, read_coverage_figures
from geo.store.queries.registers import read_layer
from geo.visibility.field_of_view import complete_cameras
from geo.visibility.prepared_buildings import prepare_buildings
from geo.visibility.terrain import Terrain
from geo.visibility.visibility import visible_area

if TYPE_CHECKING:
    from collections.abc import Callable

    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

_DEGREE_M = 110_500.0
"""Metres in a degree of latitude, at the least."""


@dataclass(frozen=True)
class Site:
    """What holds for a whole run."""

    crs: pyproj.CRS
    settings: Settings
    terrain: Terrain | None


@dataclass(frozen=True)
class Computed:
    """Rows to write, and the figures of the run that hang on them."""

    views: GeoDataFrame
    gone: list[str]
    """Cameras that have no view any more."""
    coverage: pd.DataFrame
    spots: GeoDataFrame
    grids: list[str]
    """Grids whose coverage and blind spots are given, or all of them."""
    counts: dict[str, Any]
    views_digest: str
    grids_digest: str


def metric(layer: GeoDataFrame, site: Site) -> GeoDataFrame:
    """Return a register in the metric CRS of the run, without the rows that lie where it does not hold.

    Its polygons are valid there, too.
    """
    out = layer.to_crs(site.crs)
    # A row with mistyped coordinates must not keep the others from being measured.
    astray = off_scale(out)
    if astray.any():
        out = out[~astray].copy()
    # Projecting bends edges by rounding only, but that can make a sliver of a polygon invalid.
    bad = ~out.geometry.is_valid
    if bad.any():
        out.loc[bad, out.geometry.name] = out.geometry[bad].make_valid(method="structure")
    return out


def whole(conn: Conn, grids: GeoDataFrame, site: Site, progress: Callable[[str], None]) -> Computed:
    """Everything anew."""
    registers = {"grids": grids} | {n: read_layer(conn, n) for n in ("cameras", "buildings")}
    grids_m, cameras, buildings = (metric(register, site) for register in registers.values())
    for name, here in (("grids", grids_m), ("cameras", cameras), ("buildings", buildings)):
        _name_astray(name, registers[name], here, site, progress)
    used = _used(cameras, site)
    progress(f"what {len(used):,} cameras see among {len(buildings):,} buildings")
    walls = prepare_buildings(buildings, terrain=site.terrain)
    views = visible_area(used, walls, defaults=site.settings.cameras)
    digests = pd.Series(view_digests(used, walls), index=used.index, dtype=object)
    progress(f"coverage of {len(grids):,} grids")
    coverage, spots = _measure(grids_m, views, digests, buildings, site, progress)
    return Computed(
        _view_rows(used, views, digests),
        [],
        coverage,
        spots,
        grids_m.index.tolist(),
        {
            "cameras": len(registers["cameras"]),
            "cameras_used": len(used),
            "cameras_assumed": int(used["assumed"].sum()),
            "buildings": len(registers["buildings"]),
            "reach_m": float(
                complete_cameras(cameras, defaults=site.settings.cameras)["range_m"].max()
            )
            if len(cameras)
            else 0.0,
        },
        together(digests.tolist()),
        together(coverage["inputs_digest"].tolist()),
    )


def touched(
    conn: Conn,
    changes: Changes,
    site: Site,
    last: dict[str, Any],
    progress: Callable[[str], None],
) -> Computed:
    """Only the views that a change can alter, and the grids those views or buildings meet.

    `last` holds the counts and digests of the run before.
    """
    named = changes.codes.get("cameras", [])
    cameras = read_layer(conn, "cameras", codes=named)
    places = changes.places.get("buildings", [])
    # Moved out of a building, a camera looks from up to its range beyond its place.
    reach = max(last["reach_m"], _longest(cameras, site))
    if places:
        near = read_layer(conn, "cameras", boxes=widened(places, 2.0 * reach))
        both = pd.concat([cameras, near[~near.index.isin(cameras.index)]])
        cameras = gpd.GeoDataFrame(both, geometry="geometry", crs="EPSG:4326").sort_index()
    here = metric(cameras, site)
    _name_astray("cameras", cameras, here, site, progress)
    used = _used(here, site)
    buildings = buildings_for(conn, cameras.loc[used.index], used, site)
    walls = prepare_buildings(buildings, terrain=site.terrain)
    fresh = view_digests(used, walls) if len(used) else []
    digests = pd.Series(fresh, index=used.index, dtype=object)
    known = sorted({*named, *cameras.index})
    before = read_camera_views(conn, codes=known)
    same = before["inputs_digest"].reindex(used.index).to_numpy() == digests.to_numpy()
    gone = sorted(set(before.index) - set(used.index))
    # What is assumed of a camera can change while its view stays.
    same &= before["assumed"].reindex(used.index).to_numpy() == used["assumed"].to_numpy()
    progress(f"what {int((~same).sum()):,} cameras see, of {len(used):,} looked at")
    views = visible_area(used[~same], walls, defaults=site.settings.cameras)
    rows = _view_rows(used[~same], views, digests[~same])
    old = before.loc[[*gone, *[c for c in rows["camera"] if c in before.index]]]
    boxes = [*places, *boxes_of(old.geometry), *boxes_of(rows.geometry)]
    grids = read_layer(conn, "grids", boxes=boxes)
    progress(f"coverage of {len(grids):,} grids")
    coverage, spots = _measure_stored(conn, grids, rows, gone, site)
    earlier = read_coverage_digests(conn, grids.index.tolist())
    return Computed(
        rows,
        gone,
        coverage,
        spots,
        grids.index.tolist(),
        {
            "cameras": last["cameras"] + changes.balance.get("cameras", 0),
            "cameras_used": last["cameras_used"] + len(rows) - len(old),
            "cameras_assumed": last["cameras_assumed"]
            + int(rows["assumed"].sum())
            - int(old["assumed"].sum()),
            "buildings": last["buildings"] + changes.balance.get("buildings", 0),
            "reach_m": reach,
        },
        exchange(
            last["views_digest"], old["inputs_digest"].tolist(), rows["inputs_digest"].tolist()
        ),
        exchange(
            last["grids_digest"],
            earlier,
            coverage["inputs_digest"].tolist(),
        ),
    )


def totals(conn: Conn) -> dict[str, Any]:
    """Figures over all grids, from the stored rows; exact sums, so that their order is nothing."""
    area, covered, ground, share = read_coverage_figures(conn)
    open_m2 = math.fsum(ground)
    return {
        "grids": len(area),
        "area_m2": math.fsum(area),
        "covered_m2": math.fsum(covered),
        "open_m2": open_m2,
        "open_covered_share": math.fsum(share * ground) / open_m2 if open_m2 else None,
    }


def store(conn: Conn, run: int, computed: Computed, *, everything: bool) -> int:
    """Put the rows in place of those they supersede; returns how many blind spots went."""
    if everything:
        clear_table(conn, "camera_views")
        gone = clear_table(conn, "blind_spots")
    else:
        clear_table(conn, "camera_views", "camera", [*computed.gone, *computed.views["camera"]])
        gone = clear_table(conn, "blind_spots", "grid", computed.grids)
    write_table(conn, "camera_views", computed.views.assign(run=run), shape="polygon")
    write_table(conn, "grid_coverage", computed.coverage.assign(run=run))
    write_table(conn, "blind_spots", computed.spots.assign(run=run), shape="exact")
    return gone


def _name_astray(
    name: str,
    register: GeoDataFrame,
    here: GeoDataFrame,
    site: Site,
    progress: Callable[[str], None],
) -> None:
    """Say which rows of a register `metric` left out."""
    astray = register.index.difference(here.index)
    if len(astray):
        progress(
            f"{name} left out, as they lie where {site.crs.to_string()} does not hold: "
            f"{name_rows(astray)}"
        )


def _used(cameras: GeoDataFrame, site: Site) -> GeoDataFrame:
    full = complete_cameras(cameras, defaults=site.settings.cameras)
    return full[full["status"].isin(IN_USE)]


def _longest(cameras: GeoDataFrame, site: Site) -> float:
    if cameras.empty:
        return 0.0
    return float(complete_cameras(cameras, defaults=site.settings.cameras)["range_m"].max())


def boxes_of(shapes: gpd.GeoSeries) -> list[tuple[float, ...]]:
    """West, south, east, north of each shape that is not empty."""
    full = shapes[~shapes.is_empty]
    return [tuple(row) for row in shapely.bounds(full.values).tolist()]


def widened(boxes: Any, metres: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes in degrees, wider by at least so many metres on each side."""
    table = np.asarray(boxes, float).reshape(-1, 4)
    lat = np.minimum(np.maximum(np.abs(table[:, 1]), np.abs(table[:, 3])) + 0.5, 89.0)
    up = np.asarray(metres) * 1.01 / _DEGREE_M + 1e-6
    side = up / np.cos(np.radians(lat))
    return np.column_stack(
        [table[:, 0] - side, table[:, 1] - up, table[:, 2] + side, table[:, 3] + up]
    )


def buildings_for(
    conn: Conn, cameras: GeoDataFrame, used: GeoDataFrame, site: Site
) -> GeoDataFrame:
    """The buildings that the views of some cameras can hang on."""
    points = np.asarray(cameras.geometry.values)
    boxes = np.zeros((0, 4))
    if len(points):
        x, y = shapely.get_x(points), shapely.get_y(points)
        boxes = widened(np.column_stack([x, y, x, y]), 2.0 * used["range_m"].to_numpy(float))
    return metric(read_layer(conn, "buildings", boxes=boxes), site)


def _measure(
    grids: GeoDataFrame,
    views: gpd.GeoSeries,
    digests: pd.Series,
    buildings: GeoDataFrame,
    site: Site,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[pd.DataFrame, GeoDataFrame]:
    """Rows of coverage and blind spots of some grids, from all views and buildings that meet them."""
    coverage = coverage_by_grid(grids, views, buildings=buildings)
    shapes = np.asarray(views.values)
    grid, view = shapely.STRtree(shapes).query(
        np.asarray(grids.geometry.values), predicate="intersects"
    )
    met: dict[str, list[str]] = {}
    order = np.lexsort((view, grid))
    values = digests.to_numpy()
    labels = grids.index.astype(str)
    for g, v in zip(grid[order].tolist(), view[order].tolist(), strict=True):
        met.setdefault(labels[g], []).append(values[v])
    coverage.insert(0, "inputs_digest", grid_digests(grids, met, buildings))
    progress("blind spots")
    spots = blind_spots(
        grids, views, buildings=buildings, min_area_m2=site.settings.blind_spot_min_area_m2
    ).to_crs("EPSG:4326")
    spots.insert(1, "number", spots.groupby("grid").cumcount() + 1)
    return coverage.rename_axis("grid").reset_index(), spots


def _measure_stored(
    conn: Conn, grids: GeoDataFrame, rows: GeoDataFrame, gone: list[str], site: Site
) -> tuple[pd.DataFrame, GeoDataFrame]:
    """The same from the stored views, but for those just computed or gone."""
    around = widened(boxes_of(grids.geometry), 1.0)
    there = read_camera_views(conn, boxes=around)
    there = there[~there.index.isin([*rows["camera"], *gone])]
    both = pd.concat(
        [
            there[["camera", "inputs_digest", "metric_wkb"]],
            rows[["camera", "inputs_digest", "metric_wkb"]],
        ],
        ignore_index=True,
    ).set_index("camera")
    both = both.sort_index()
    views = gpd.GeoSeries(
        shapely.from_wkb(both["metric_wkb"].to_numpy(object)), index=both.index, crs=site.crs
    )
    buildings = metric(read_layer(conn, "buildings", boxes=around), site)
    return _measure(metric(grids, site), views, both["inputs_digest"], buildings, site)


def _view_rows(used: GeoDataFrame, views: gpd.GeoSeries, digests: pd.Series) -> GeoDataFrame:
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

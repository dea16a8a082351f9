"""Questions about cameras that do not stand yet, answered from a store; nothing in it changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.coverage.scenario import added_by_grid, added_ground, areal
from geo.coverage.seeing import cameras_seeing
from geo.coverage.siting import SitePlan, choose_sites
from geo.errors import GeometryError, StoreError
from geo.geometry.lattice import lattice_points
from geo.incidents.risk import BANDWIDTH_M, expected_incidents
from geo.pipeline.context import RunContext, boxes_of, read_buildings_around, to_metric, widen_boxes
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.areas import read_grids_of_area
from geo.store.queries.blind_spots import read_blind_spots
from geo.store.queries.cameras import read_camera_views
from geo.store.queries.coverage import read_open_coverage
from geo.store.queries.grids import boxes_meet_grids
from geo.store.queries.incidents import read_incident_places, read_places_of_last_year
from geo.store.queries.registers import read_extent, read_layer
from geo.store.queries.runs import read_latest_run
from geo.visibility.field_of_view import complete_cameras
from geo.visibility.prepared_buildings import prepare_buildings
from geo.visibility.terrain import Terrain, read_terrain
from geo.visibility.visibility import visible_area

MOST_CANDIDATES, MOST_DEMAND = 6_000, 15_000
_FAR_M = 5_000.0
_BEARINGS = 8
"""Ways that a camera that does not see all round is tried at each place."""


@dataclass(frozen=True)
class Gain:
    """What some cameras would add to the coverage of a run."""

    run: int
    views: gpd.GeoDataFrame
    """On the labels of the cameras: `area_m2`, `assumed`, geometry in EPSG:4326."""
    added: gpd.GeoSeries
    """One row: the ground that none sees today, EPSG:4326."""
    gained_m2: float
    incidents: int
    """On that ground, of all that are stored."""
    risk: float
    """Incidents to be expected on that ground in a year, by `expected_incidents`."""
    grids: pd.DataFrame
    """By grid code, as `added_by_grid` gives it."""


@dataclass(frozen=True)
class View:
    """What one camera sees within its reach, and what is hidden from it."""

    seen_m2: float
    hidden_m2: float
    shapes: gpd.GeoSeries
    """Seen, hidden; EPSG:4326."""
    parameters: dict[str, float]
    """With what it was computed: bearing, field of view, range, near edge, height."""
    on_record: dict[str, bool]
    """Which of them the register has; the others are assumed by its kind."""


@dataclass(frozen=True)
class Sites:
    """The best sites, and what they were chosen from."""

    run: int
    plan: SitePlan
    sites: gpd.GeoDataFrame
    """In the order of choice: `bearing_deg`, `gain`, `total`, `grid`, `seen_m2`, point in EPSG:4326."""
    candidates: int
    demand: float
    """All that could be gained: square metres of blind spots, or unseen incidents."""


def latest_context(conn: Conn, settings: Settings) -> tuple[int, RunContext]:
    """The newest run and what held for it.

    Raises
    ------
    StoreError : there is none.
    """
    run = read_latest_run(conn)
    if run is None:
        raise StoreError("there are no results yet; run `gridcover refresh`")
    crs = pyproj.CRS(run.metric_crs)
    terrain = None
    if settings.terrain is not None:
        held = settings.terrain.stat() if settings.terrain.exists() else None
        changed = (held.st_mtime_ns, held.st_size) if held is not None else None
        terrain = _terrain(settings.terrain, changed, run.metric_crs)
    return run.id, RunContext(crs, settings, terrain)


@lru_cache(maxsize=1)
def _terrain(path: Path, changed: tuple[int, int] | None, crs: str) -> Terrain:  # noqa: ARG001
    """Read the terrain once for the many questions that are asked of the same file."""
    return read_terrain(path, crs)


def seeing(conn: Conn, lon: float, lat: float) -> pd.DataFrame:
    """The cameras that see a place by the newest run, as `cameras_seeing` gives them, with their names.

    Raises
    ------
    StoreError : there are no results.
    GeometryError : the place is far from every grid.
    """
    _, context = latest_context(conn, Settings.model_construct(terrain=None))
    _require_near(conn, [shapely.Point(lon, lat)])
    views = read_camera_views(conn, boxes=[(lon, lat, lon, lat)])
    cameras = to_metric(read_layer(conn, "cameras", codes=views.index.tolist()), context)
    place = gpd.GeoSeries([shapely.Point(lon, lat)], crs=4326).to_crs(context.crs)
    found = cameras_seeing(place, cameras, _metric_views(views, context).reindex(cameras.index))
    told = cameras.loc[found["camera"], ["name", "kind", "status"]].reset_index(drop=True)
    return pd.concat([found.drop(columns="point"), told], axis=1)


def view_of(conn: Conn, code: str, settings: Settings) -> View | None:
    """What a camera of the register sees, and what buildings and ground hide from it; None for no such camera.

    Raises
    ------
    StoreError : there are no results.
    """
    _, context = latest_context(conn, settings)
    cameras = read_layer(conn, "cameras", codes=[code])
    if cameras.empty:
        return None
    here = to_metric(cameras, context)
    full = complete_cameras(here, defaults=settings.cameras)
    walls = prepare_buildings(
        read_buildings_around(conn, cameras, full, context), terrain=context.terrain
    )
    seen = visible_area(here, walls, defaults=settings.cameras)
    reach = visible_area(here, None, defaults=settings.cameras)
    hidden = areal(shapely.difference(reach.iloc[0], seen.iloc[0]))
    flat = gpd.GeoSeries([seen.iloc[0], hidden], crs=context.crs)
    row = full.iloc[0]
    told = {
        name: float(row[name])
        for name in ("bearing_deg", "fov_deg", "range_m", "near_m", "height_m")
    }
    given = {name: bool(pd.notna(cameras[name].iloc[0])) for name in told}
    return View(flat.area[0], flat.area[1], flat.to_crs(4326), told, given)


def views_there(conn: Conn, cameras: gpd.GeoDataFrame, settings: Settings) -> gpd.GeoDataFrame:
    """What cameras would see where they are put, and nothing else: quick enough to follow a pointer.

    Parameters and errors as for `what_if`.

    Returns
    -------
    On the labels of the cameras: `area_m2`, `assumed`, geometry in EPSG:4326.
    """
    _, context = latest_context(conn, settings)
    full, views = _views_of(conn, cameras, context)
    told = {"area_m2": views.area, "assumed": full["assumed"]}
    return gpd.GeoDataFrame(told, geometry=views.to_crs(4326), crs=4326)


def _views_of(
    conn: Conn, cameras: gpd.GeoDataFrame, context: RunContext
) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries]:
    """The cameras completed, and their views in the run's CRS."""
    _require_near(conn, cameras.geometry.values)
    here = to_metric(cameras, context)
    full = complete_cameras(here, defaults=context.settings.cameras)
    walls = prepare_buildings(
        read_buildings_around(conn, cameras, full, context), terrain=context.terrain
    )
    return full, visible_area(here, walls, defaults=context.settings.cameras)


def what_if(conn: Conn, cameras: gpd.GeoDataFrame, settings: Settings) -> Gain:
    """What cameras would see where they are put, and what that adds.

    Parameters
    ----------
    cameras : points in EPSG:4326 with the columns of the register, as far as given.

    Raises
    ------
    StoreError : there are no results to add to.
    ColumnError : a value lies outside its domain.
    GeometryError : a place is far from every grid.
    """
    run, context = latest_context(conn, settings)
    full, views = _views_of(conn, cameras, context)
    flat = views.to_crs(4326)
    boxes = boxes_of(flat)
    stored = _metric_views(read_camera_views(conn, boxes=boxes), context)
    added = added_ground(stored, views)
    grids = _open_ground(conn, read_layer(conn, "grids", boxes=boxes), context)
    cases = _incidents(conn, boxes, context)
    by_grid = added_by_grid(grids, added, incidents=cases)
    return Gain(
        run,
        gpd.GeoDataFrame(
            {"area_m2": views.area, "assumed": full["assumed"]}, geometry=flat, crs=4326
        ),
        gpd.GeoSeries([added], crs=context.crs).to_crs(4326),
        float(added.area),
        int(shapely.intersects(np.asarray(cases.geometry.values), added).sum()),
        _risk(conn, added, boxes, context),
        by_grid,
    )


def sites(
    conn: Conn,
    number: int,
    settings: Settings,
    *,
    area: str | None = None,
    camera: dict[str, Any] | None = None,
    by: str = "ground",
    exact_s: float = 0.0,
) -> Sites:
    """The best sites for the next cameras of one kind: along the streets and in the blind spots.

    Parameters
    ----------
    number : how many.
    area : code of an area or grid to choose within; all that is seen unless given.
    camera : columns of the cameras to be set up (`kind`, `fov_deg`, `range_m`, `height_m`, ...); a PTZ
        unless given. One that does not see all round is tried in eight bearings.
    by : ``ground``: square metres of the blind spots; ``incidents``: incidents that no camera sees.
    exact_s : as for `choose_sites`.

    Raises
    ------
    StoreError : there are no results, or no grids in the area.
    ColumnError : a value lies outside its domain.
    """
    run, context = latest_context(conn, settings)
    codes = read_grids_of_area(conn, area)
    if not codes:
        raise StoreError(f"there are no grids in {area or 'the store'}; use the code of an area")
    grids = to_metric(read_layer(conn, "grids", codes=codes), context)
    within = shapely.union_all(np.asarray(grids.geometry.values))
    demand = _demand(conn, by, codes, within, context)
    places = _standing_places(conn, within, codes, context)
    template = {"kind": "ptz", **(camera or {})}
    cameras = gpd.GeoDataFrame(
        {name: [value] * len(places) for name, value in template.items()}, geometry=places, crs=context.crs
    )  # fmt: skip
    full = complete_cameras(cameras.assign(bearing_deg=0.0), defaults=settings.cameras)
    if len(full) and float(full["fov_deg"].iloc[0]) < 360.0:
        ways = np.arange(_BEARINGS) * 360.0 / _BEARINGS
        cameras = cameras.loc[cameras.index.repeat(_BEARINGS)].reset_index(drop=True)
        cameras["bearing_deg"] = np.tile(ways, len(places))
    else:
        cameras["bearing_deg"] = 0.0
    flat = cameras.to_crs(4326)
    full = complete_cameras(cameras, defaults=settings.cameras)
    walls = prepare_buildings(
        read_buildings_around(conn, flat, full, context), terrain=context.terrain
    )
    views = visible_area(cameras, walls, defaults=settings.cameras)
    plan = choose_sites(
        gpd.GeoDataFrame(geometry=views.values, index=views.index, crs=context.crs), demand,
        number=number, exact_s=exact_s,
    )  # fmt: skip
    chosen = flat.loc[plan.chosen.index, [*template, "bearing_deg", "geometry"]]
    chosen = chosen.assign(
        gain=plan.chosen["gain"], total=plan.chosen["total"], seen_m2=views.area[chosen.index]
    )
    tree = shapely.STRtree(np.asarray(grids.geometry.values))
    row, grid = tree.query(np.asarray(cameras.geometry.loc[chosen.index].values), "intersects")
    first = pd.Series(grids.index[grid], index=row).groupby(level=0).min()
    chosen["grid"] = first.reindex(range(len(chosen))).to_numpy()
    return Sites(run, plan, chosen, len(cameras), float(demand["weight"].sum()))


def _require_near(conn: Conn, points: Any) -> None:
    x, y = shapely.get_x(points), shapely.get_y(points)
    boxes = widen_boxes(np.column_stack([x, y, x, y]), _FAR_M)
    away = ~np.array(boxes_meet_grids(conn, boxes), bool)
    if not away.any():
        return
    if read_extent(conn) is None:
        raise StoreError("there are no grids that you see; ask for an area")
    raise GeometryError(
        f"{x[away][0]:.6f}, {y[away][0]:.6f} is more than {_FAR_M / 1000:g} km from the grids; "
        "give longitude and latitude of a place among them"
    )


def _metric_views(views: gpd.GeoDataFrame, context: RunContext) -> gpd.GeoSeries:
    shapes = shapely.from_wkb(views["metric_wkb"].to_numpy(object))
    return gpd.GeoSeries(shapes, index=views.index, crs=context.crs)


def _open_ground(conn: Conn, grids: gpd.GeoDataFrame, context: RunContext) -> gpd.GeoDataFrame:
    known = read_open_coverage(conn, grids.index.tolist())
    return to_metric(grids, context).join(known)


def _incidents(conn: Conn, boxes: Any, context: RunContext) -> gpd.GeoDataFrame:
    lon, lat = read_incident_places(conn, boxes)
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat, crs=4326).to_crs(context.crs))


def _risk(conn: Conn, added: Any, boxes: Any, context: RunContext) -> float:
    lon, lat = read_places_of_last_year(conn, widen_boxes(boxes, BANDWIDTH_M))
    near = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat, crs=4326).to_crs(context.crs))
    return float(expected_incidents(gpd.GeoSeries([added], crs=context.crs), near).iloc[0])


def _demand(
    conn: Conn, by: str, codes: list[str], within: Any, context: RunContext
) -> gpd.GeoDataFrame:
    boxes = boxes_of(gpd.GeoSeries([within], crs=context.crs).to_crs(4326))
    if by == "incidents":
        cases = _incidents(conn, boxes, context)
        cases = cases[shapely.intersects(np.asarray(cases.geometry.values), within)]
        views = _metric_views(read_camera_views(conn, boxes=boxes), context)
        seen = shapely.STRtree(np.asarray(views.values)).query(
            np.asarray(cases.geometry.values), "intersects"
        )[0]
        left = cases.drop(cases.index[np.unique(seen)])
        return gpd.GeoDataFrame({"weight": 1.0}, geometry=left.geometry.values, index=range(len(left)), crs=context.crs)  # fmt: skip
    spots = read_blind_spots(conn, codes).to_crs(context.crs)
    shapes = np.asarray(spots.geometry.values)
    ground = float(shapely.area(shapes).sum())
    step = max(2.0, float(np.sqrt(ground / MOST_DEMAND)))
    inside = [lattice_points(shape, step) for shape in shapes]
    points = shapely.points(np.concatenate([np.zeros((0, 2)), *inside]))
    return gpd.GeoDataFrame({"weight": step**2}, geometry=points, index=range(len(points)), crs=context.crs)  # fmt: skip


def _standing_places(conn: Conn, within: Any, codes: list[str], context: RunContext) -> Any:
    """Where a camera could stand: along the streets, and in the middle of the largest blind spots."""
    boxes = boxes_of(gpd.GeoSeries([within], crs=context.crs).to_crs(4326))
    streets = to_metric(read_layer(conn, "streets", boxes=widen_boxes(boxes, 20.0)), context)
    lines = shapely.intersection(np.asarray(streets.geometry.values), within)
    length = float(shapely.length(lines).sum())
    step = max(15.0, length / (MOST_CANDIDATES / _BEARINGS))
    along = [
        shapely.line_interpolate_point(line, np.arange(step / 2, line.length, step))
        for line in shapely.get_parts(shapely.line_merge(lines))
        if shapely.get_type_id(line) == 1
    ]
    spots = read_blind_spots(conn, codes).to_crs(context.crs)
    largest = spots.sort_values("area_m2", ascending=False).head(MOST_CANDIDATES // _BEARINGS // 3)
    return np.concatenate([*along, shapely.point_on_surface(np.asarray(largest.geometry.values))])

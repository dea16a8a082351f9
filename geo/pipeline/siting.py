"""Sites for the next cameras, chosen among places along streets and in blind spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.coverage.siting import SitePlan, choose_sites
from geo.errors import StoreError
from geo.geometry.lattice import lattice_points
from geo.pipeline.context import (
    Box,
    RunContext,
    boxes_of,
    latest_context,
    read_buildings_around,
    to_metric,
    widen_boxes,
)
from geo.pipeline.planning import metric_views, read_incident_points
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.areas import read_grids_of_area
from geo.store.queries.blind_spots import read_blind_spots
from geo.store.queries.cameras import read_camera_views
from geo.store.queries.registers import read_layer
from geo.visibility.field_of_view import complete_cameras
from geo.visibility.prepared_buildings import prepare_buildings
from geo.visibility.visibility import visible_area

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CANDIDATES, MOST_DEMAND = 6_000, 15_000
"""Greatest numbers of candidate views and of demand points."""
_BEARINGS = 8
"""Bearings in which a camera that is not omnidirectional is tried at each place."""
_STREET_MARGIN_M = 20.0
_MIN_STREET_STEP_M, _MIN_DEMAND_STEP_M = 15.0, 2.0


@dataclass(frozen=True)
class RecommendedSites:
    """The chosen sites, and from what they were chosen."""

    run: int
    """Number of the run."""
    plan: SitePlan
    """Result of `choose_sites`."""
    sites: gpd.GeoDataFrame
    """In order of choice: `bearing_deg`, `gain`, `total`, `grid`, `seen_m2`, point in EPSG:4326."""
    candidates: int
    """Number of candidate views."""
    demand: float
    """All that could be gained: square metres of blind spots, or unseen incidents."""


@dataclass(frozen=True)
class _Area:
    """The ground within which sites are chosen."""

    codes: list[str]
    """Codes of its grids."""
    shape: shapely.Geometry
    """Union of the grids, metric CRS."""
    boxes: list[Box]
    """Its bounding box in degrees."""


def recommend_sites(
    conn: Conn,
    number: int,
    settings: Settings,
    *,
    area: str | None = None,
    camera: dict[str, Any] | None = None,
    by: str = "ground",
    time_limit_s: float = 0.0,
) -> RecommendedSites:
    """Choose the best sites for the next cameras of one kind.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    number : int
        Number of sites.
    settings : Settings
        Settings of the deployment.
    area : str, optional
        Code of an area or grid within which to choose; all grids in the scope by default.
    camera : dict, optional
        Columns of the planned cameras (`kind`, `fov_deg`, `range_m`, `height_m`, ...); a PTZ by
        default. A camera that is not omnidirectional is tried in eight bearings.
    by : str, optional
        ``ground``: square metres of the blind spots; ``incidents``: incidents that no camera sees.
    time_limit_s : float, optional
        As for `choose_sites`.

    Returns
    -------
    RecommendedSites
        The sites in order of choice.

    Raises
    ------
    StoreError
        If there are no results, or no grids in the area.
    ColumnError
        If a value is out of its range.

    Notes
    -----
    Candidates are points along the streets and points in the largest blind spots.
    """
    run, context = latest_context(conn, settings)
    codes = read_grids_of_area(conn, area)
    if not codes:
        raise StoreError(f"there are no grids in {area or 'the store'}; use the code of an area")
    grids = to_metric(read_layer(conn, "grids", codes=codes), context)
    shape = shapely.union_all(np.asarray(grids.geometry.values))
    boxes = boxes_of(gpd.GeoSeries([shape], crs=context.crs).to_crs(4326))
    within = _Area(codes, shape, boxes)
    demand = _demand(conn, by, within, context)
    template = {"kind": "ptz", **(camera or {})}
    cameras = _candidates(template, _candidate_places(conn, within, context), context)
    cameras_deg = cameras.to_crs(4326)
    completed = complete_cameras(cameras, defaults=settings.cameras)
    buildings = read_buildings_around(conn, cameras_deg, completed, context)
    prepared = prepare_buildings(buildings, terrain=context.terrain)
    views = visible_area(cameras, prepared, defaults=settings.cameras)
    plan = choose_sites(
        gpd.GeoDataFrame(geometry=views.values, index=views.index, crs=context.crs),
        demand,
        number=number,
        time_limit_s=time_limit_s,
    )
    chosen = cameras_deg.loc[plan.chosen.index, [*template, "bearing_deg", "geometry"]]
    chosen = chosen.assign(
        gain=plan.chosen["gain"],
        total=plan.chosen["total"],
        seen_m2=views.area[chosen.index],
        grid=_first_grid(cameras.geometry.loc[chosen.index], grids),
    )
    return RecommendedSites(run, plan, chosen, len(cameras), float(demand["weight"].sum()))


def _candidates(
    template: dict[str, Any], places: NDArray[np.object_], context: RunContext
) -> gpd.GeoDataFrame:
    """Return a camera at each place, in each bearing if it is not omnidirectional."""
    columns = {name: [value] * len(places) for name, value in template.items()}
    cameras = gpd.GeoDataFrame(columns, geometry=places, crs=context.crs)
    defaults = context.settings.cameras
    completed = complete_cameras(cameras.assign(bearing_deg=0.0), defaults=defaults)
    if len(completed) and float(completed["fov_deg"].iloc[0]) < 360.0:
        bearings = np.arange(_BEARINGS) * 360.0 / _BEARINGS
        cameras = cameras.loc[cameras.index.repeat(_BEARINGS)].reset_index(drop=True)
        cameras["bearing_deg"] = np.tile(bearings, len(places))
    else:
        cameras["bearing_deg"] = 0.0
    return cameras


def _first_grid(points: gpd.GeoSeries, grids: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return the code of the grid of each point, the first one on a border; NaN in none."""
    tree = shapely.STRtree(np.asarray(grids.geometry.values))
    row, grid = tree.query(np.asarray(points.values), "intersects")
    first = pd.Series(grids.index[grid], index=row).groupby(level=0).min()
    return first.reindex(range(len(points))).to_numpy()


def _demand(conn: Conn, by: str, within: _Area, context: RunContext) -> gpd.GeoDataFrame:
    """Return the points to cover with their weight: unseen incidents, or ground of blind spots."""
    if by == "incidents":
        points, weight = _unseen_incidents(conn, within, context), 1.0
    else:
        points, weight = _blind_ground(conn, within.codes, context)
    index = range(len(points))
    return gpd.GeoDataFrame({"weight": weight}, geometry=points, index=index, crs=context.crs)


def _unseen_incidents(conn: Conn, within: _Area, context: RunContext) -> NDArray[np.object_]:
    incidents = read_incident_points(conn, within.boxes, context)
    points = np.asarray(incidents.geometry.values)
    points = points[shapely.intersects(points, within.shape)]
    views = metric_views(read_camera_views(conn, boxes=within.boxes), context)
    seen = shapely.STRtree(np.asarray(views.values)).query(points, "intersects")[0]
    return np.delete(points, np.unique(seen))


def _blind_ground(
    conn: Conn, codes: list[str], context: RunContext
) -> tuple[NDArray[np.object_], float]:
    """Return points of a lattice in the blind spots, and the square metres that each stands for."""
    spots = read_blind_spots(conn, codes).to_crs(context.crs)
    shapes = np.asarray(spots.geometry.values)
    ground_m2 = float(shapely.area(shapes).sum())
    step_m = max(_MIN_DEMAND_STEP_M, float(np.sqrt(ground_m2 / MOST_DEMAND)))
    inside = [lattice_points(shape, step_m) for shape in shapes]
    return shapely.points(np.concatenate([np.zeros((0, 2)), *inside])), step_m**2


def _candidate_places(conn: Conn, within: _Area, context: RunContext) -> NDArray[np.object_]:
    """Return points along the streets, and points in the largest blind spots."""
    boxes = widen_boxes(within.boxes, _STREET_MARGIN_M)
    streets = to_metric(read_layer(conn, "streets", boxes=boxes), context)
    lines = shapely.intersection(np.asarray(streets.geometry.values), within.shape)
    length_m = float(shapely.length(lines).sum())
    step_m = max(_MIN_STREET_STEP_M, length_m / (MOST_CANDIDATES / _BEARINGS))
    along = [
        shapely.line_interpolate_point(line, np.arange(step_m / 2, line.length, step_m))
        for line in shapely.get_parts(shapely.line_merge(lines))
        if shapely.get_type_id(line) == 1
    ]
    spots = read_blind_spots(conn, within.codes).to_crs(context.crs)
    largest = spots.sort_values("area_m2", ascending=False).head(MOST_CANDIDATES // _BEARINGS // 3)
    return np.concatenate([*along, shapely.point_on_surface(np.asarray(largest.geometry.values))])

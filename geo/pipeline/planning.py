"""Views of single cameras and what planned cameras would add, from a store that stays unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.coverage.scenario import added_by_grid, added_ground, areal
from geo.coverage.seeing import cameras_seeing
from geo.errors import GeometryError, StoreError
from geo.incidents.risk import BANDWIDTH_M, expected_incidents
from geo.pipeline.context import (
    Box,
    RunContext,
    boxes_of,
    latest_context,
    read_buildings_around,
    to_metric,
    widen_boxes,
)
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.cameras import read_camera_views
from geo.store.queries.coverage import read_open_coverage
from geo.store.queries.grids import boxes_meet_grids
from geo.store.queries.incidents import read_incident_places, read_places_of_last_year
from geo.store.queries.registers import read_extent, read_layer
from geo.visibility.field_of_view import complete_cameras
from geo.visibility.prepared_buildings import prepare_buildings
from geo.visibility.visibility import visible_area

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FAR_M = 5_000.0


@dataclass(frozen=True)
class ScenarioGain:
    """What planned cameras would add to the coverage of a run."""

    run: int
    """Number of the run."""
    views: gpd.GeoDataFrame
    """On the index of the cameras: `area_m2`, `assumed`, geometry in EPSG:4326."""
    added: gpd.GeoSeries
    """One row: the ground that no camera sees today, EPSG:4326."""
    gained_m2: float
    """Area of that ground."""
    incidents: int
    """Number of all stored incidents on that ground."""
    risk: float
    """Incidents expected on that ground in a year, by `expected_incidents`."""
    grids: pd.DataFrame
    """By code of the grid, as `added_by_grid` returns it."""


@dataclass(frozen=True)
class CameraView:
    """What one camera sees within its range, and what is hidden from it."""

    seen_m2: float
    """Area seen."""
    hidden_m2: float
    """Area within the sector that buildings or terrain hide."""
    shapes: gpd.GeoSeries
    """The ground seen and the ground hidden, EPSG:4326."""
    parameters: dict[str, float]
    """`bearing_deg`, `fov_deg`, `range_m`, `near_m` and `height_m` of the computation."""
    on_record: dict[str, bool]
    """Which of them the register has; the others are assumed by the kind of camera."""


def cameras_seeing_place(conn: Conn, lon: float, lat: float) -> pd.DataFrame:
    """Return the cameras that see a place by the newest run.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    lon, lat : float
        Longitude and latitude in degrees, EPSG:4326.

    Returns
    -------
    pandas.DataFrame
        As `cameras_seeing`, with `name`, `kind` and `status` of the cameras.

    Raises
    ------
    StoreError
        If there are no results.
    GeometryError
        If the place is far from every grid.
    """
    _, context = latest_context(conn, Settings.model_construct(terrain=None))
    point = shapely.Point(lon, lat)
    _require_near(conn, [point])
    views = read_camera_views(conn, boxes=[(lon, lat, lon, lat)])
    cameras = to_metric(read_layer(conn, "cameras", codes=views.index.tolist()), context)
    place = gpd.GeoSeries([point], crs=4326).to_crs(context.crs)
    shapes = metric_views(views, context).reindex(cameras.index)
    sightings = cameras_seeing(place, cameras, shapes)
    names = cameras.loc[sightings["camera"], ["name", "kind", "status"]].reset_index(drop=True)
    return pd.concat([sightings.drop(columns="point"), names], axis=1)


def view_of_camera(conn: Conn, code: str, settings: Settings) -> CameraView | None:
    """Return what a camera of the register sees, and what is hidden from it.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    code : str
        Code of the camera.
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    CameraView or None
        None if there is no such camera.

    Raises
    ------
    StoreError
        If there are no results.
    """
    _, context = latest_context(conn, settings)
    cameras = read_layer(conn, "cameras", codes=[code])
    if cameras.empty:
        return None
    cameras_m = to_metric(cameras, context)
    completed = complete_cameras(cameras_m, defaults=settings.cameras)
    buildings = read_buildings_around(conn, cameras, completed, context)
    prepared = prepare_buildings(buildings, terrain=context.terrain)
    seen = visible_area(cameras_m, prepared, defaults=settings.cameras)
    sector = visible_area(cameras_m, None, defaults=settings.cameras)
    hidden = areal(shapely.difference(sector.iloc[0], seen.iloc[0]))
    shapes = gpd.GeoSeries([seen.iloc[0], hidden], crs=context.crs)
    row = completed.iloc[0]
    parameters = {
        name: float(row[name])
        for name in ("bearing_deg", "fov_deg", "range_m", "near_m", "height_m")
    }
    on_record = {name: bool(pd.notna(cameras[name].iloc[0])) for name in parameters}
    return CameraView(shapes.area[0], shapes.area[1], shapes.to_crs(4326), parameters, on_record)


def views_of_planned(conn: Conn, cameras: gpd.GeoDataFrame, settings: Settings) -> gpd.GeoDataFrame:
    """Return what planned cameras would see, quickly enough to follow a pointer.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    cameras : geopandas.GeoDataFrame
        Points in EPSG:4326 with the columns of the register, as far as given.
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    geopandas.GeoDataFrame
        On the index of the cameras: `area_m2`, `assumed`, geometry in EPSG:4326.

    Raises
    ------
    StoreError
        If there are no results.
    ColumnError
        If a value is out of its range.
    GeometryError
        If a place is far from every grid.
    """
    _, context = latest_context(conn, settings)
    completed, views = _planned_views(conn, cameras, context)
    columns = {"area_m2": views.area, "assumed": completed["assumed"]}
    return gpd.GeoDataFrame(columns, geometry=views.to_crs(4326), crs=4326)


def what_if(conn: Conn, cameras: gpd.GeoDataFrame, settings: Settings) -> ScenarioGain:
    """Return what planned cameras would see, and what that adds to the newest run.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    cameras : geopandas.GeoDataFrame
        Points in EPSG:4326 with the columns of the register, as far as given.
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    ScenarioGain
        Ground, incidents and risk that they would add.

    Raises
    ------
    StoreError
        If there are no results to add to.
    ColumnError
        If a value is out of its range.
    GeometryError
        If a place is far from every grid.
    """
    run, context = latest_context(conn, settings)
    completed, views = _planned_views(conn, cameras, context)
    views_deg = views.to_crs(4326)
    boxes = boxes_of(views_deg)
    stored = metric_views(read_camera_views(conn, boxes=boxes), context)
    added = added_ground(stored, views)
    grids = _grids_with_open_ground(conn, boxes, context)
    incidents = read_incident_points(conn, boxes, context)
    columns = {"area_m2": views.area, "assumed": completed["assumed"]}
    return ScenarioGain(
        run=run,
        views=gpd.GeoDataFrame(columns, geometry=views_deg, crs=4326),
        added=gpd.GeoSeries([added], crs=context.crs).to_crs(4326),
        gained_m2=float(added.area),
        incidents=int(shapely.intersects(np.asarray(incidents.geometry.values), added).sum()),
        risk=_risk(conn, added, boxes, context),
        grids=added_by_grid(grids, added, incidents=incidents),
    )


def metric_views(views: gpd.GeoDataFrame, context: RunContext) -> gpd.GeoSeries:
    """Return stored views in the metric CRS of the run, as they were computed.

    Parameters
    ----------
    views : geopandas.GeoDataFrame
        Rows of `read_camera_views`.
    context : RunContext
        Context of the run.

    Returns
    -------
    geopandas.GeoSeries
        Views on the index of `views`.
    """
    shapes = shapely.from_wkb(views["metric_wkb"].to_numpy(object))
    return gpd.GeoSeries(shapes, index=views.index, crs=context.crs)


def read_incident_points(conn: Conn, boxes: Sequence[Box], context: RunContext) -> gpd.GeoDataFrame:
    """Read the places of the stored incidents in boxes.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    boxes : sequence of tuple of float
        West, south, east, north of each box in degrees.
    context : RunContext
        Context of the run.

    Returns
    -------
    geopandas.GeoDataFrame
        Points in the metric CRS of the run.
    """
    return _points(*read_incident_places(conn, boxes), context)


def _planned_views(
    conn: Conn, cameras: gpd.GeoDataFrame, context: RunContext
) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries]:
    """Return the cameras completed, and their views in the metric CRS of the run."""
    _require_near(conn, cameras.geometry.values)
    cameras_m = to_metric(cameras, context)
    completed = complete_cameras(cameras_m, defaults=context.settings.cameras)
    buildings = read_buildings_around(conn, cameras, completed, context)
    prepared = prepare_buildings(buildings, terrain=context.terrain)
    return completed, visible_area(cameras_m, prepared, defaults=context.settings.cameras)


def _require_near(conn: Conn, points: Sequence[shapely.Point]) -> None:
    x, y = shapely.get_x(points), shapely.get_y(points)
    boxes = widen_boxes(np.column_stack([x, y, x, y]), _FAR_M)
    far = ~np.array(boxes_meet_grids(conn, boxes), bool)
    if not far.any():
        return
    if read_extent(conn) is None:
        raise StoreError("there are no grids that you see; ask for an area")
    raise GeometryError(
        f"{x[far][0]:.6f}, {y[far][0]:.6f} is more than {_FAR_M / 1000:g} km from the grids; "
        "give longitude and latitude of a place among them"
    )


def _grids_with_open_ground(
    conn: Conn, boxes: Sequence[Box], context: RunContext
) -> gpd.GeoDataFrame:
    grids = read_layer(conn, "grids", boxes=boxes)
    open_ground = read_open_coverage(conn, grids.index.tolist())
    return to_metric(grids, context).join(open_ground)


def _risk(conn: Conn, added: shapely.Geometry, boxes: Sequence[Box], context: RunContext) -> float:
    near = _points(*read_places_of_last_year(conn, widen_boxes(boxes, BANDWIDTH_M)), context)
    return float(expected_incidents(gpd.GeoSeries([added], crs=context.crs), near).iloc[0])


def _points(
    lon: NDArray[np.float64], lat: NDArray[np.float64], context: RunContext
) -> gpd.GeoDataFrame:
    points = gpd.points_from_xy(lon, lat, crs=4326).to_crs(context.crs)
    return gpd.GeoDataFrame(geometry=points)

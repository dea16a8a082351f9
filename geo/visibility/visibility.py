"""What each camera sees: from GeoDataFrames to the sweep kernel and back to polygons."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.crs import north_angle, require_metric
from geo.errors import ColumnError, CrsError
from geo.geometry.shapes import points_of, polygon_parts
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.directions import join_views, split_directions
from geo.visibility.field_of_view import complete_cameras
from geo.visibility.kernels.rings import pack
from geo.visibility.kernels.views import sweep
from geo.visibility.mounting import mount
from geo.visibility.prepared_buildings import PreparedBuildings, prepare_buildings, replace_terrain
from geo.visibility.terrain import Terrain, without_hidden_ground

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray

_CHUNK = 4096
"""Cameras a thread takes at a time: small against a city, large against the cost of a call."""


def visible_area(
    cameras: GeoDataFrame,
    buildings: GeoDataFrame | PreparedBuildings | None = None,
    *,
    terrain: Terrain | None = None,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> GeoSeries:
    """Return the ground each camera sees.

    A camera sees the ground inside its sector (near_m to range_m, fov_deg wide about bearing_deg,
    clockwise from true north) that no building hides. A building no lower than the camera, or of
    unknown height, hides everything behind it. A lower one hides the ground from its far wall to
    where the line over its roof meets the ground: a wall at distance d with roof height b, seen
    from height h > b, hides up to d·h/(h−b). Ground under a building is not seen. A camera in or
    on the edge of a footprint at least as tall as itself looks out from that building's nearest
    wall (touching footprints of that height within its range count as one building); farther
    from that wall than its range it sees nothing. A camera that looks several ways sees what all
    its directions see.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Points in a metric CRS; columns kind, bearing_deg, fov_deg, range_m, near_m, height_m, each
        of which may be absent or empty (see `complete_cameras`); other_directions, where a camera
        looks besides bearing_deg: bearings, and sectors clockwise from one bearing to another,
        joined by a slash (``180/200-220``). Columns of other names are not read: rename them with
        `rename_columns`.
    buildings : geopandas.GeoDataFrame or PreparedBuildings, optional
        Polygons or multipolygons in the same CRS; height_m in metres, empty or absent for unknown;
        parapet_m, how far walls rise above the roof, empty or absent for 0. Or the same made ready
        by `prepare_buildings`.
    terrain : Terrain, optional
        Elevation of the ground in the same CRS; level ground without it. Then a building's height
        counts from the ground at its foot, its shadow ends on the level of its foot, and the cells
        of the raster whose middle a rise of the ground hides are left out.
    defaults : mapping of str to CameraDefaults, optional
        What to assume of each kind of camera.

    Returns
    -------
    geopandas.GeoSeries
        One valid Polygon or MultiPolygon a camera (empty if it sees nothing), on the index of
        `cameras`, in their CRS. Arcs are chords with a sagitta of at most 0.05 m.
        ``.attrs["assumed"]`` says what was assumed: the counts of `complete_cameras`, `buildings`
        (how many) and `building_height_m` (of how many the height is unknown).

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    ColumnError
        If a camera's or a building's value is no number or lies outside its domain.
    GeometryError
        If a camera is no point, or a building is no valid polygon.

    Warns
    -----
    ColumnWarning
        If a column that is not read looks like one that is (azimuth, radius, height and the like).

    Notes
    -----
    Angular sweep over wall segments with radial intervals; see docs/visibility.md.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"fov_deg": [360.0], "range_m": [50.0], "near_m": [0.0], "height_m": [4.0]},
    ...     geometry=[shapely.Point(500000, 4000000)], crs="EPSG:32650")
    >>> wall = gpd.GeoDataFrame(
    ...     {"height_m": [9.0]}, geometry=[shapely.box(500010, 3999900, 500012, 4000100)],
    ...     crs="EPSG:32650")
    >>> view = geo.visible_area(cameras, wall)
    >>> round(float(view.bounds.maxx.iloc[0]) - 500000, 3)
    10.0
    """
    crs = require_metric(cameras)
    if buildings is None:
        prepared = prepare_buildings(gpd.GeoDataFrame(geometry=[], crs=crs), terrain=terrain)
    elif isinstance(buildings, PreparedBuildings):
        prepared = buildings if terrain is None else replace_terrain(buildings, terrain)
    else:
        require_metric(cameras, buildings)
        prepared = prepare_buildings(buildings, terrain=terrain)
    if prepared.crs != crs:
        raise CrsError(
            f"the buildings are in {prepared.crs.to_string()} and the cameras in {crs.to_string()}; "
            "project them to one metric CRS with .to_crs()"
        )
    full = placed_cameras(cameras, defaults=defaults)
    directed, owner = split_directions(full)
    _, spans, eyes = eyes_of(directed, prepared)
    views = join_views(views_from(eyes, spans, prepared), owner)
    out = gpd.GeoSeries(views, index=cameras.index, crs=cameras.crs, name="visible_area")
    out.attrs["assumed"] = full.attrs["assumed"] | {
        "buildings": len(prepared.footprints),
        "building_height_m": int(np.isnan(prepared.roofs).sum()),
    }
    return out


def visible_area_by_tile(
    cameras: GeoDataFrame,
    buildings_in: Callable[[tuple[float, float, float, float]], GeoDataFrame],
    *,
    tile_m: float = 2000.0,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> Iterator[GeoSeries]:
    """Yield `visible_area` of a city too large to hold: tile by tile, buildings read when needed.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        As for `visible_area`.
    buildings_in : callable
        Gives the buildings that meet a box (west, south, east, north, in the CRS of the cameras),
        in an order that does not depend on the box.
    tile_m : float
        Side of a tile, metres.
    defaults : mapping of str to CameraDefaults, optional
        As for `visible_area`.

    Yields
    ------
    geopandas.GeoSeries
        The views of one tile's cameras, as from `visible_area`. Every camera comes once; equal to
        one call over all buildings.

    Raises
    ------
    CrsError, GeometryError
        As `visible_area`.
    ColumnError
        As `visible_area`; also if tile_m is not above 0.
    """
    if not tile_m > 0:
        raise ColumnError("tile_m must be above 0 m")
    require_metric(cameras)
    full = placed_cameras(cameras, defaults=defaults)
    reach = full["range_m"].to_numpy(float)
    x, y = shapely.get_x(full.geometry.values), shapely.get_y(full.geometry.values)
    cells = np.column_stack([np.floor(x / tile_m), np.floor(y / tile_m)]).astype(np.int64)
    _, tile, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    if not len(cells):
        return
    for here in np.split(np.argsort(tile.ravel(), kind="stable"), np.cumsum(counts)[:-1]):
        # Moved out of a building, a camera looks from up to its range beyond its place.
        pad = 2.0 * float(reach[here].max()) + 1.0
        box = (x[here].min() - pad, y[here].min() - pad, x[here].max() + pad, y[here].max() + pad)
        yield visible_area(cameras.iloc[here], buildings_in(box), defaults=defaults)


def placed_cameras(
    cameras: GeoDataFrame | GeoSeries, *, defaults: Mapping[str, CameraDefaults] | None = None
) -> GeoDataFrame:
    """Return cameras completed (see `complete_cameras`), their geometry flat points.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame or geopandas.GeoSeries
        As for `visible_area`.
    defaults : mapping of str to CameraDefaults, optional
        As for `visible_area`.

    Returns
    -------
    geopandas.GeoDataFrame
        On the same index.

    Raises
    ------
    GeometryError
        If a camera is no point; the rows are named.
    ColumnError
        If a value is no number or lies outside its domain.
    """
    points = points_of(cameras, "cameras")
    if isinstance(cameras, gpd.GeoSeries):
        cameras = gpd.GeoDataFrame(geometry=cameras)
    full = complete_cameras(cameras, defaults=defaults)
    if points is not np.asarray(cameras.geometry.values):
        full = full.set_geometry(gpd.array.from_shapely(points, crs=full.crs))
    return full


def eyes_of(
    full: GeoDataFrame, prepared: PreparedBuildings
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What the kernel needs to know of completed cameras.

    Returns
    -------
    Eyes as placed by the register (rows x, y, height, near, range, elevation of the ground);
    start angle and width of their sectors (radians, counter-clockwise from east); the eyes again,
    those in or on a building moved out in front of it.
    """
    values = full.geometry.values
    bearing = full["bearing_deg"].to_numpy(float) + north_angle(full.geometry)
    fov = full["fov_deg"].to_numpy(float)
    x, y = shapely.get_x(values), shapely.get_y(values)
    placed = np.column_stack(
        [
            x,
            y,
            full["height_m"].to_numpy(float),
            full["near_m"].to_numpy(float),
            full["range_m"].to_numpy(float),
            np.zeros(len(full)) if prepared.terrain is None else prepared.terrain.at(x, y),
        ]
    )
    spans = np.column_stack([np.radians(90.0 - bearing - fov / 2.0), np.radians(fov)])
    eyes = placed.copy()
    mount(eyes, prepared)
    return placed, spans, eyes


def views_from(
    eyes: NDArray[np.float64], spans: NDArray[np.float64], prepared: PreparedBuildings
) -> NDArray[Any]:
    """What eyes (see `eyes_of`) see: the kernel over all of them, in chunks on all cores."""
    count = len(eyes)
    if count == 0:
        return np.empty(0, dtype=object)
    workers = os.cpu_count() or 1
    chunk = max(min(_CHUNK, -(-count // workers)), 1)

    obstacles = prepared.obstacles

    def work(lo: int) -> NDArray[Any]:
        hi = min(lo + chunk, count)
        xy, rings, offsets, sure = sweep(eyes, spans, lo, hi, obstacles)
        coordinates, ring_offsets, polygon_offsets, parts = pack(xy, rings, offsets)
        return _assemble(coordinates, ring_offsets, polygon_offsets, parts, sure)

    with ThreadPoolExecutor(workers) as pool:
        views = np.concatenate(list(pool.map(work, range(0, count, chunk))))
    if prepared.terrain is not None:
        views = without_hidden_ground(views, eyes, prepared.terrain)
    return views


def _assemble(
    xy: NDArray[np.float64],
    ring_offsets: NDArray[np.int64],
    polygon_offsets: NDArray[np.int64],
    parts: NDArray[np.int64],
    sure: NDArray[np.bool_],
) -> NDArray[Any]:
    """Rings to valid (multi)polygons, one an eye; only what is not surely valid is looked at."""
    polygons = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, xy, (ring_offsets, polygon_offsets)
    )
    if len(polygons) == len(parts) and (parts == 1).all():
        out = polygons
    else:
        out = np.full(len(parts), shapely.Polygon(), dtype=object)
        first = np.cumsum(parts) - parts
        out[parts == 1] = polygons[first[parts == 1]]
        several = np.flatnonzero(parts > 1)
        if len(several):
            members = np.flatnonzero(np.repeat(parts > 1, parts))
            owner = np.repeat(np.arange(len(several)), parts[several])
            out[several] = shapely.multipolygons(polygons[members], indices=owner)
    doubtful = np.flatnonzero(~sure)
    bad = doubtful[~shapely.is_valid(out[doubtful])]
    if len(bad):
        out[bad] = [_mended(view) for view in out[bad]]
    return np.asarray(out)


def _mended(view: Any) -> Any:
    """Rounding can leave rings that touch: keep the polygons of the valid equivalent."""
    polygons = polygon_parts(shapely.make_valid(view))
    return shapely.union_all(polygons) if len(polygons) else shapely.Polygon()

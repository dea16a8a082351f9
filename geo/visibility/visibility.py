"""Visible area of cameras: from GeoDataFrames to the sweep kernel and back to polygons."""

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
from geo.geometry.shapes import points_of
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.directions import join_views, split_directions
from geo.visibility.field_of_view import complete_cameras
from geo.visibility.kernels.rings import pack
from geo.visibility.kernels.views import sweep
from geo.visibility.mounting import move_to_walls
from geo.visibility.prepared_buildings import PreparedBuildings, prepare_buildings, replace_terrain
from geo.visibility.terrain import Terrain, without_hidden_ground
from geo.visibility.view_polygons import polygons_of_views

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray

_CHUNK = 4096
"""Largest number of cameras per call of the kernel."""


def visible_area(
    cameras: GeoDataFrame,
    buildings: GeoDataFrame | PreparedBuildings | None = None,
    *,
    terrain: Terrain | None = None,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> GeoSeries:
    """Return the ground that each camera sees.

    A camera sees the ground inside its sector (`near_m` to `range_m`, `fov_deg` wide about
    `bearing_deg`) that no building hides. A building no lower than the camera, or of unknown
    height, hides everything behind it. A lower one hides the ground from its far wall to where
    the line over its roof meets the ground: a wall at distance d with roof height b, seen from
    height h > b, hides up to d·h/(h-b). Ground under a building is not seen.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Points in a metric CRS, with the columns `kind`, `bearing_deg` (clockwise from true
        north), `fov_deg`, `range_m`, `near_m` and `height_m` (above the ground), each of which
        may be absent or have empty values (see `complete_cameras`). The column
        `other_directions` holds further directions of a camera: bearings, and sectors clockwise
        from one bearing to another, joined by a slash (``180/200-220``). Other columns are not
        read: rename them with `rename_columns`.
    buildings : geopandas.GeoDataFrame or PreparedBuildings, optional
        Polygons or multipolygons in the same CRS, with the columns `height_m`, metres, empty or
        absent if unknown, and `parapet_m`, height of the walls above the roof, metres, empty or
        absent for 0; or the result of `prepare_buildings`. None for open ground.
    terrain : Terrain, optional
        Elevation of the ground in the same CRS; None for level ground.
    defaults : mapping of str to CameraDefaults, optional
        Parameters to assume by kind of camera; those of `camera_defaults` where not given.

    Returns
    -------
    geopandas.GeoSeries
        One valid Polygon or MultiPolygon per camera (empty if it sees nothing), on the index of
        `cameras` and in their CRS. Arcs are chords with a sagitta of at most 0.05 m.
        ``.attrs["assumed"]`` says what was assumed: the counts of `complete_cameras`, `buildings`
        (how many there are) and `building_height_m` (for how many the height is unknown).

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    ColumnError
        If a value of a camera or building is not a number or lies outside its domain.
    GeometryError
        If a camera is not a point, or a building is not a valid polygon.

    Warns
    -----
    ColumnWarning
        If a column that is not read resembles one that is (azimuth, radius, height and the like).

    See Also
    --------
    visible_area_by_tile : The same for more buildings than fit into memory.
    prepare_buildings : Prepare buildings once for many calls.

    Notes
    -----
    The visible area is a visibility polygon [1]_ of a viewpoint among polygonal obstacles,
    limited to a sector and extended by obstacles of finite height. It is computed by an angular
    sweep over wall segments in O(n log n + n·a) for n segments within range, of which a ray
    crosses at most a; worst-case optimal algorithms for polygons with holes are O(n log n) [2]_,
    and [3]_ compares algorithms in practice. Unlike a raster viewshed the result is exact up to
    rounding and the chords of arcs.

    A camera in or on the edge of a footprint at least as tall as itself is mounted on the nearest
    wall of that building; touching footprints of that height within its range are one building.
    If that wall is farther away than its range, the camera sees nothing. A camera with several
    directions sees what any of them sees.

    With a terrain, the height of a building is measured from the ground at its foot, its shadow
    ends at the level of its foot, and raster cells whose centre is hidden by rising ground are
    left out. ``docs/visibility.md`` describes the method, its edge cases and its error.

    References
    ----------
    .. [1] T. Asano, "An efficient algorithm for finding the visibility polygon for a polygonal
       region with holes", Transactions of the IECE of Japan, E68(9), 1985, pp. 557-559.
    .. [2] S. Suri and J. O'Rourke, "Worst-case optimal algorithms for constructing visibility
       polygons with holes", Proc. 2nd Annual Symposium on Computational Geometry, 1986, pp. 14-23.
    .. [3] F. Bungiu, M. Hemmer, J. Hershberger, K. Huang and A. Kröller, "Efficient computation of
       visibility polygons", Proc. 30th European Workshop on Computational Geometry, 2014.

    Examples
    --------
    A wall 10 m east of a camera ends its view there:

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
            f"the buildings are in {prepared.crs.to_string()} and the cameras in "
            f"{crs.to_string()}; project them to one metric CRS with .to_crs()"
        )
    full = placed_cameras(cameras, defaults=defaults)
    directed, owner = split_directions(full)
    _, spans, eyes = viewpoints_of(directed, prepared)
    views = join_views(views_of_viewpoints(eyes, spans, prepared), owner)
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
    """Yield the visible area of cameras tile by tile, with buildings read when needed.

    For cities whose buildings do not fit into memory.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Cameras as for `visible_area`.
    buildings_in : callable
        Takes a box (west, south, east, north) in the CRS of the cameras and returns the buildings
        that intersect it, in an order that does not depend on the box.
    tile_m : float, default 2000.0
        Side of a tile, metres.
    defaults : mapping of str to CameraDefaults, optional
        Parameters to assume by kind of camera, as for `visible_area`.

    Yields
    ------
    geopandas.GeoSeries
        Views of the cameras of one tile, as `visible_area` returns them. Each camera is in one
        tile; the views equal those of one call with all buildings.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    ColumnError
        If `tile_m` is not above 0, or a value of a camera or building is not a number or lies
        outside its domain.
    GeometryError
        If a camera is not a point, or a building is not a valid polygon.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"range_m": [50.0, 50.0]}, index=["a", "b"], crs="EPSG:32650",
    ...     geometry=[shapely.Point(500000, 4000000), shapely.Point(505000, 4000000)])
    >>> buildings = gpd.GeoDataFrame(
    ...     {"height_m": [9.0]}, geometry=[shapely.box(500010, 3999900, 500012, 4000100)],
    ...     crs="EPSG:32650")
    >>> tiles = geo.visible_area_by_tile(cameras, lambda box: buildings.cx[box[0]:box[2], :])
    >>> pd.concat(tiles).index.tolist()
    ['a', 'b']
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
    for rows in np.split(np.argsort(tile.ravel(), kind="stable"), np.cumsum(counts)[:-1]):
        # A camera mounted on a wall looks from up to its range beyond its place on record.
        pad = 2.0 * float(reach[rows].max()) + 1.0
        box = (x[rows].min() - pad, y[rows].min() - pad, x[rows].max() + pad, y[rows].max() + pad)
        yield visible_area(cameras.iloc[rows], buildings_in(box), defaults=defaults)


def placed_cameras(
    cameras: GeoDataFrame | GeoSeries, *, defaults: Mapping[str, CameraDefaults] | None = None
) -> GeoDataFrame:
    """Return completed cameras whose geometry is points without elevation.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame or geopandas.GeoSeries
        Cameras as for `visible_area`; a GeoSeries for cameras without parameters.
    defaults : mapping of str to CameraDefaults, optional
        Parameters to assume by kind of camera, as for `visible_area`.

    Returns
    -------
    geopandas.GeoDataFrame
        Cameras as `complete_cameras` returns them, on the same index.

    Raises
    ------
    GeometryError
        If a camera is not a point; the rows are named.
    ColumnError
        If a value is not a number or lies outside its domain.
    """
    points = points_of(cameras, "cameras")
    if isinstance(cameras, gpd.GeoSeries):
        cameras = gpd.GeoDataFrame(geometry=cameras)
    full = complete_cameras(cameras, defaults=defaults)
    if points is not np.asarray(cameras.geometry.values):
        full = full.set_geometry(gpd.array.from_shapely(points, crs=full.crs))
    return full


def viewpoints_of(
    full: GeoDataFrame, prepared: PreparedBuildings
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return viewpoints and sectors of completed cameras, as the kernel reads them.

    Parameters
    ----------
    full : geopandas.GeoDataFrame
        Cameras as `placed_cameras` returns them, one direction per row.
    prepared : PreparedBuildings
        Buildings, and the terrain if there is one.

    Returns
    -------
    placed : numpy.ndarray of float, shape (n, 6)
        Viewpoints at the places on record: x, y, height, near edge, range, elevation of the
        ground; metres.
    spans : numpy.ndarray of float, shape (n, 2)
        Start angle (counter-clockwise from east) and width of each sector, radians.
    eyes : numpy.ndarray of float, shape (n, 6)
        Viewpoints like `placed`, those in or on a building moved to in front of its wall.
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
    move_to_walls(eyes, prepared)
    return placed, spans, eyes


def views_of_viewpoints(
    eyes: NDArray[np.float64], spans: NDArray[np.float64], prepared: PreparedBuildings
) -> NDArray[Any]:
    """Return the ground that viewpoints see, computed on all cores.

    Parameters
    ----------
    eyes : numpy.ndarray of float, shape (n, 6)
        Viewpoints as the last result of `viewpoints_of`.
    spans : numpy.ndarray of float, shape (n, 2)
        Sectors as the second result of `viewpoints_of`.
    prepared : PreparedBuildings
        Buildings, and the terrain if there is one.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        One valid Polygon or MultiPolygon per viewpoint, empty if it sees nothing.
    """
    count = len(eyes)
    if count == 0:
        return np.empty(0, dtype=object)
    workers = os.cpu_count() or 1
    chunk = max(min(_CHUNK, -(-count // workers)), 1)
    obstacles = prepared.obstacles

    def _views_of_chunk(begin: int) -> NDArray[Any]:
        end = min(begin + chunk, count)
        xy, rings, offsets, sure = sweep(eyes, spans, begin, end, obstacles)
        coordinates, ring_offsets, polygon_offsets, parts = pack(xy, rings, offsets)
        return polygons_of_views(coordinates, ring_offsets, polygon_offsets, parts, sure)

    with ThreadPoolExecutor(workers) as pool:
        views = np.concatenate(list(pool.map(_views_of_chunk, range(0, count, chunk))))
    if prepared.terrain is not None:
        views = without_hidden_ground(views, eyes, prepared.terrain)
    return views

"""Which cameras see a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.crs import north_angle, require_metric
from geo.errors import ColumnError
from geo.frames import numbers_of
from geo.geometry.polygons import require_polygons
from geo.geometry.shapes import points_of
from geo.synonyms import warn_of_unused
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.directions import split_directions
from geo.visibility.visibility import placed_cameras

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray
    from pandas import DataFrame

_EDGE_DEG = 0.01
"""Tolerance at the edges of a sector: the edges of views are rounded."""


def cameras_seeing(
    points: GeoDataFrame | GeoSeries,
    cameras: GeoDataFrame,
    views: GeoSeries,
    *,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> DataFrame:
    """Return the cameras that see each point, nearest first.

    Parameters
    ----------
    points : geopandas.GeoDataFrame or geopandas.GeoSeries
        Places on the ground, metric CRS.
    cameras : geopandas.GeoDataFrame
        As for `visible_area`, with `pixels_wide` where known; same CRS.
    views : geopandas.GeoSeries
        What each camera sees, from `visible_area`, on labels of `cameras`; same CRS. Cameras
        without a view here are not considered.
    defaults : mapping of str to CameraDefaults, optional
        Assumed parameters by kind of camera, as for `visible_area`.

    Returns
    -------
    pandas.DataFrame
        One row per point and camera that sees it, in the order of the points and by distance:
        `point` and `camera` (labels), `distance_m` and `bearing_deg` (clockwise from true north)
        from the camera to the point, `px_per_m` (pixels per metre across the line of sight there;
        NaN where pixels_wide is not recorded, infinite at the camera itself). A point on the edge
        of a view is seen. For a camera that looks several ways, the density is that of the
        direction whose sector holds the point, the densest of several. ``.attrs["assumed"]`` says
        what was assumed of the cameras (see `complete_cameras`).

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a point is not a point, or a view is not a valid polygon.
    ColumnError
        If a view has a label that no camera has, or two cameras have the same label.

    Notes
    -----
    Pixel density by IEC 62676-4, see `class_range`; along the ground, not the slant.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"fov_deg": [90.0], "bearing_deg": [0.0], "range_m": [60.0], "pixels_wide": [2000]},
    ...     geometry=[shapely.Point(500000, 4000000)], crs="EPSG:32650", index=["gate"])
    >>> place = gpd.GeoSeries([shapely.Point(500000, 4000040)], crs="EPSG:32650")
    >>> row = geo.cameras_seeing(place, cameras, geo.visible_area(cameras)).iloc[0]
    >>> row.camera, round(float(row.distance_m), 3), round(float(row.px_per_m), 3)
    ('gate', 40.0, 25.0)
    """
    require_metric(points, cameras, views)
    places = points_of(points, "points")
    view_shapes, _ = require_polygons(views, "views", empty=True)
    camera_of_view = cameras.index.get_indexer(views.index) if cameras.index.is_unique else None
    if camera_of_view is None or (camera_of_view < 0).any():
        raise ColumnError("each view needs the label of one camera: index both by camera code")
    tree = shapely.STRtree(view_shapes)
    point, view = tree.query(places, predicate="intersects")
    warn_of_unused(cameras, "cameras", ("pixels_wide",))
    cameras = placed_cameras(cameras, defaults=defaults)
    camera = camera_of_view[view]
    sighted = cameras.iloc[camera]
    positions = sighted.geometry.values
    east = shapely.get_x(places[point]) - shapely.get_x(positions)
    north = shapely.get_y(places[point]) - shapely.get_y(positions)
    distance = np.hypot(east, north)
    bearing = (np.degrees(np.arctan2(east, north)) - north_angle(sighted.geometry)) % 360.0
    with np.errstate(divide="ignore"):
        width_m = _image_width_at_1_m(cameras, camera, bearing) * distance
        density = numbers_of(sighted, "pixels_wide") / width_m
    order = np.lexsort((view, distance, point))
    table = pd.DataFrame(
        {
            "point": points.index.to_numpy()[point],
            "camera": sighted.index.to_numpy(),
            "distance_m": distance,
            "bearing_deg": bearing,
            "px_per_m": density,
        }
    )
    out = table.iloc[order].reset_index(drop=True)
    out.attrs["assumed"] = cameras.attrs["assumed"]
    return out


def _image_width_at_1_m(
    cameras: GeoDataFrame, camera: NDArray[np.int64], bearing_deg: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the width of the image at 1 m distance of the lens that looks towards a bearing.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Completed cameras.
    camera : numpy.ndarray of int64
        Positions in `cameras`, one per line of sight.
    bearing_deg : numpy.ndarray of float
        Bearing of each line of sight, clockwise from true north.

    Returns
    -------
    numpy.ndarray of float
        Metres, one per line of sight.
    """
    directed, owner = split_directions(cameras)
    first, end = (np.searchsorted(owner, camera, side) for side in ("left", "right"))
    counts = end - first
    line = np.repeat(np.arange(len(camera)), counts)
    row = np.arange(len(line)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    lens = directed["lens_deg"].to_numpy(float)[row]
    half = np.radians(np.minimum(lens, 179.0)) / 2.0
    width_m = np.where(lens < 180.0, 2.0 * np.tan(half), np.radians(lens))
    axis_deg = directed["bearing_deg"].to_numpy(float)[row]
    off = np.abs((bearing_deg[line] - axis_deg + 180.0) % 360.0 - 180.0)
    beyond = np.maximum(off - directed["fov_deg"].to_numpy(float)[row] / 2.0 - _EDGE_DEG, 0.0)
    order = np.lexsort((width_m, beyond, line))
    out: NDArray[np.float64] = width_m[order][np.cumsum(counts) - counts]
    return out
